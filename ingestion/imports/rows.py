"""From the row of a file to a message of the tracking API, whose rules then hold for it."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from ingestion.imports.faults import RowFault
from ingestion.imports.formats import (
    ISO,
    TEXT,
    Unreadable,
    is_blank,
    is_date_format,
    read_boolean,
    read_cell,
    read_moment,
)
from ingestion.imports.mapping import STATES, Kind, RowMapping, Target
from profiles.lib import exact_json

_BLANKS = re.compile(r"\s+")
_STATE_OF = {True: "given", False: "withdrawn"}


class RowContext(NamedTuple):
    """What is the same for all rows of a file.

    `formats` are of columns for which the mapping has none. `purposes` are the keys that exist.
    """

    mapping: RowMapping
    formats: Mapping[str, str]
    purposes: Collection[str]
    file_name: str
    now: datetime


class RowReader:
    """Makes a message of each row. Raises RowFault where a cell does not fit."""

    def __init__(self, context: RowContext) -> None:
        self._context = context
        self._mapping = context.mapping
        self._formats = {**context.formats, **context.mapping.formats}

    def message(self, number: int, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the message of a row, without its messageId."""
        draft = _Draft()
        for target in self._mapping.targets:
            cell = cells.get(target.column)
            if not is_blank(cell):
                self._read(target, cell, draft)
        draft.timestamp = draft.timestamp or self._mapping.as_of
        if draft.timestamp is None:
            column = next(iter(self._mapping.columns(Kind.TIMESTAMP)), "")
            raise RowFault("missing_timestamp", column, "a time, or as_of for the whole file")
        self._add_consents(draft, number)
        return self._composed(draft)

    def _read(self, target: Target, cell: Any, draft: "_Draft") -> None:
        try:
            match target.kind:
                case Kind.TIMESTAMP:
                    zone = self._mapping.zone
                    draft.timestamp = read_moment(cell, self._date_format(target.column), zone)
                case Kind.TRAIT | Kind.PROPERTY:
                    value = read_cell(cell, self._formats.get(target.column, TEXT))
                    _put(draft.parts[target.kind], target.name, value)
                case Kind.CONSENT:
                    draft.consents[target.name] = self._state(cell)
                case Kind.STATE:
                    draft.state = self._state(cell)
                case Kind.EVIDENCE:
                    draft.evidence[target.name] = _text(cell)
                case _:
                    draft.names[target.kind, target.name] = _text(cell)
        except Unreadable as error:
            code = "invalid_time" if target.kind == Kind.TIMESTAMP else "invalid_value"
            raise RowFault(code, target.column, str(error)) from None

    def _date_format(self, column: str) -> str:
        format_ = self._formats.get(column, ISO)
        return format_ if is_date_format(format_) else ISO

    def _state(self, cell: Any) -> str:
        word = str(cell).strip().lower()
        if word in STATES:
            return word
        try:
            return _STATE_OF[read_boolean(cell)]
        except Unreadable:
            raise Unreadable(f"{', '.join(STATES)}, yes or no") from None

    def _add_consents(self, draft: "_Draft", number: int) -> None:
        mapping = self._mapping
        purpose = draft.names.get((Kind.PURPOSE, ""), mapping.purpose)
        if purpose:
            state = draft.state or mapping.state
            if not state:
                raise RowFault("missing_state", _first(mapping, Kind.STATE), ", ".join(STATES))
            draft.consents[purpose] = state
        elif mapping.call == "consent" and not draft.consents:
            raise RowFault("missing_purpose", _first(mapping, Kind.PURPOSE), "a purpose")
        if not draft.consents:
            return
        if unknown := set(draft.consents) - set(self._context.purposes):
            column = _first(mapping, Kind.PURPOSE) or _consent_column(mapping, unknown)
            allowed = ", ".join(sorted(self._context.purposes))
            raise RowFault("unknown_purpose", column, f"one of {allowed}")
        if draft.timestamp is not None and draft.timestamp > self._context.now:
            # When it is to be proved, nobody can have said it tomorrow.
            column = _first(mapping, Kind.TIMESTAMP)
            raise RowFault("in_the_future", column, "a time that has come")
        place = {"file": self._context.file_name, "row": number}
        draft.evidence = {**place, **mapping.evidence, **draft.evidence}

    def _composed(self, draft: "_Draft") -> dict[str, Any]:
        is_track = self._mapping.call == "track"
        contact = {
            str(kind): draft.names[kind, ""]
            for kind in (Kind.EMAIL, Kind.PHONE)
            if (kind, "") in draft.names
        }
        assert draft.timestamp is not None  # noqa: S101  (the caller refuses a row without)
        message: dict[str, Any] = {
            "type": "track" if is_track else "identify",
            "userId": draft.names.get((Kind.USER_ID, "")),
            "anonymousId": draft.names.get((Kind.ANONYMOUS_ID, "")),
            "timestamp": draft.timestamp.isoformat(),
        }
        context = _context(draft, contact if is_track else {})
        if is_track:
            message["event"] = draft.names.get((Kind.EVENT, ""), self._mapping.event)
            message["properties"] = draft.parts[Kind.PROPERTY]
        else:
            message["traits"] = {**draft.parts[Kind.TRAIT], **contact}
        return {**message, "context": context} if context else message


class _Draft:
    """The parts of a message, as the cells of a row give them."""

    __slots__ = ("consents", "evidence", "names", "parts", "state", "timestamp")

    def __init__(self) -> None:
        self.timestamp: datetime | None = None
        self.names: dict[tuple[Kind, str], str] = {}
        self.parts: dict[Kind, dict[str, Any]] = {Kind.TRAIT: {}, Kind.PROPERTY: {}}
        self.consents: dict[str, str] = {}
        self.state = ""
        self.evidence: dict[str, Any] = {}


def _context(draft: _Draft, contact: Mapping[str, str]) -> dict[str, Any]:
    context: dict[str, Any] = {"traits": contact} if contact else {}
    external_ids = [
        {"type": name, "id": value, "collection": "users", "encoding": "none"}
        for (kind, name), value in draft.names.items()
        if kind == Kind.IDENTIFIER
    ]
    if external_ids:
        context["externalIds"] = external_ids
    if draft.consents:
        context["consent"] = {
            "categoryPreferences": {
                purpose: state in ("given", "renewed") for purpose, state in draft.consents.items()
            },
            "states": draft.consents,
            "evidence": draft.evidence,
        }
    return context


def row_key(mapping: RowMapping, cells: Mapping[str, Any], occurrence: int, key: bytes) -> str:
    """Return by what a row is recognised: call, event, cells, and which of equal rows it is.

    Of consents also the purposes and the state: the same list can permit one thing and refuse
    another. No name of the file, number of the row, mapping or encoding, so that a row that is
    imported once more is the same one. It has a key, so that nobody can test which rows were
    imported.
    """
    spelled = [(column, canonical(cell)) for column, cell in cells.items() if not is_blank(cell)]
    facts = [mapping.call, mapping.event, sorted(spelled), occurrence]
    if mapping.call == "consent":
        facts += [sorted(mapping.purposes), mapping.state]
    text = json.dumps(facts)
    return hashlib.blake2b(text.encode(), digest_size=16, key=key).hexdigest()


def canonical(cell: Any) -> str:
    """Return the spelling of a cell that is the same in every kind of file."""
    if isinstance(cell, str):
        text = cell.strip()
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return exact_json.dumps_sorted(cell)


def revision_of(mapping: Mapping[str, Any]) -> str:
    """Return the revision of a mapping, by which rows that are described anew are told apart."""
    return hashlib.sha256(exact_json.dumps_sorted(mapping).encode()).hexdigest()[:12]


def _first(mapping: RowMapping, kind: Kind) -> str:
    return next(iter(mapping.columns(kind)), "")


def _consent_column(mapping: RowMapping, purposes: Collection[str]) -> str:
    columns = (
        target.column
        for target in mapping.targets
        if target.kind == Kind.CONSENT and target.name in purposes
    )
    return next(columns, "")


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    return canonical(cell)


def _put(part: dict[str, Any], name: str, value: Any) -> None:
    """Set a value below its dotted name."""
    *steps, last = name.split(".")
    for step in steps:
        inner = part.setdefault(step, {})
        if not isinstance(inner, dict):
            inner = part[step] = {}
        part = inner
    part[last] = value
