"""What the columns of a file mean.

Invariant: a mapping is parsed once into frozen nodes; what is wrong with it is told with its path.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.imports.faults import Fault, MappingFaults
from ingestion.imports.formats import NAMED, Unreadable, is_format, read_moment

CALLS = ("identify", "track", "consent")
MAX_COLUMNS = 500
_FIELDS = frozenset(
    {"call", "columns", "event", "purpose", "state", "formats", "as_of", "timezone", "evidence"}
)
_NAMESPACE = re.compile(r"[a-z][a-z0-9_.-]{0,62}", re.ASCII)
GRANTS = ("given", "renewed")
STATES = (*GRANTS, "refused", "withdrawn", "invalidated", "unknown", "requested")


class Kind(StrEnum):
    """The kinds of targets of a column; those with a dot have a name behind it."""

    EMAIL = "email"
    PHONE = "phone"
    USER_ID = "user_id"
    ANONYMOUS_ID = "anonymous_id"
    TIMESTAMP = "timestamp"
    EVENT = "event"
    PURPOSE = "purpose"
    STATE = "state"
    IDENTIFIER = "identifiers"
    TRAIT = "traits"
    PROPERTY = "properties"
    CONSENT = "consents"
    EVIDENCE = "evidence"


NAMED_KINDS = frozenset({Kind.IDENTIFIER, Kind.TRAIT, Kind.PROPERTY, Kind.CONSENT, Kind.EVIDENCE})
IDENTIFIERS = (Kind.EMAIL, Kind.PHONE, Kind.USER_ID, Kind.ANONYMOUS_ID, Kind.IDENTIFIER)
# What only some calls have; all else stands in any.
_ONLY_IN = {
    Kind.EVENT: ("track",),
    Kind.PROPERTY: ("track",),
    Kind.TRAIT: ("identify",),
    Kind.PURPOSE: ("consent",),
    Kind.STATE: ("consent",),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What one column becomes: the kind, and the name behind the dot."""

    column: str
    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else str(self.kind)


@dataclass(frozen=True, slots=True)
class RowMapping:
    """A mapping that was judged. `as_of` is the time of rows that have none of their own."""

    call: str
    targets: tuple[Target, ...]
    event: str = ""
    purpose: str = ""
    state: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def columns(self, kind: Kind) -> list[str]:
        return [target.column for target in self.targets if target.kind == kind]

    @property
    def purposes(self) -> set[str]:
        """The purposes that the mapping itself names."""
        purposes = {target.name for target in self.targets if target.kind == Kind.CONSENT}
        return purposes | ({self.purpose} if self.purpose else set())


def parse_mapping(content: Any) -> RowMapping:
    """Parse a mapping. Raises MappingFaults with all that is wrong."""
    reader = _Reader(content)
    mapping = reader.read()
    if reader.faults:
        raise MappingFaults(reader.faults)
    return mapping


def check_columns(mapping: RowMapping, columns: Collection[str]) -> None:
    """Raise MappingFaults where the file lacks a column that the mapping names."""
    present = ", ".join(list(columns)[:20])
    missing = [
        Fault(f"columns.{target.column}", "unknown_column", f"one of the file's columns: {present}")
        for target in mapping.targets
        if target.column not in columns
    ]
    if missing:
        raise MappingFaults(missing)


def check_purposes(mapping: RowMapping, known: Collection[str]) -> None:
    """Raise MappingFaults where the mapping names a purpose that does not exist."""
    if unknown := sorted(mapping.purposes - set(known)):
        allowed = ", ".join(sorted(known)) or "none is defined"
        detail = f"the key of a purpose ({allowed})"
        raise MappingFaults([Fault("purpose", "unknown_purpose", detail)] * len(unknown))


class _Reader:
    """Reads a mapping and collects its faults."""

    def __init__(self, content: Any) -> None:
        self._content: Mapping[str, Any] = content if isinstance(content, dict) else {}
        self.faults: list[Fault] = []
        if not isinstance(content, dict):
            self._refuse("", "not_an_object", "a JSON object with call and columns")

    def read(self) -> RowMapping:
        for name in sorted(set(self._content) - _FIELDS):
            self._refuse(str(name), "unknown_field", f"one of {', '.join(sorted(_FIELDS))}")
        call = self._choice("call", CALLS, "identify")
        targets = tuple(self._targets(call))
        mapping = RowMapping(
            call,
            targets,
            event=self._text("event"),
            purpose=self._text("purpose"),
            state=self._choice("state", STATES, "") if "state" in self._content else "",
            formats=self._formats({target.column for target in targets}),
            as_of=self._as_of(),
            zone=self._zone(),
            evidence=self._evidence(),
        )
        self._judge(mapping)
        return mapping

    def _refuse(self, path: str, code: str, detail: str) -> None:
        self.faults.append(Fault(path, code, detail))

    def _choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._content.get(name)
        if value in allowed:
            return str(value)
        self._refuse(name, "invalid_choice", f"one of {', '.join(allowed)}")
        return default

    def _text(self, name: str) -> str:
        value = self._content.get(name, "")
        if isinstance(value, str) and len(value) <= 255:
            return value.strip()
        self._refuse(name, "not_a_text", "a text of at most 255 characters")
        return ""

    def _targets(self, call: str) -> Iterator[Target]:
        columns = self._content.get("columns")
        if not isinstance(columns, dict) or not columns or len(columns) > MAX_COLUMNS:
            detail = f"an object of columns and targets, at most {MAX_COLUMNS}"
            self._refuse("columns", "not_an_object", detail)
            return
        for column, spelled in columns.items():
            if target := self._target(f"columns.{column}", column, spelled, call):
                yield target

    def _target(self, path: str, column: str, spelled: Any, call: str) -> Target | None:
        prefix, _, name = spelled.partition(".") if isinstance(spelled, str) else ("", "", "")
        kind = Kind(prefix) if prefix in set(Kind) else None
        if kind is None or (kind in NAMED_KINDS) != bool(name):
            self._refuse(path, "unknown_target", _allowed_targets())
        elif kind == Kind.IDENTIFIER and (not _NAMESPACE.fullmatch(name) or name == "profile"):
            self._refuse(path, "invalid_namespace", "identifiers. and a name such as loyalty_card")
        elif call not in _ONLY_IN.get(kind, CALLS):
            allowed = " or ".join(_ONLY_IN[kind])
            self._refuse(path, "wrong_call", f"{prefix} stands in the call {allowed} alone")
        else:
            return Target(column, kind, name)
        return None

    def _formats(self, columns: set[str]) -> Mapping[str, str]:
        formats = self._content.get("formats", {})
        if not isinstance(formats, dict):
            self._refuse("formats", "not_an_object", "an object of columns and formats")
            return {}
        for column, format_ in formats.items():
            path = f"formats.{column}"
            if column not in columns:
                self._refuse(path, "unknown_column", "a column that the mapping names")
            elif not isinstance(format_, str) or not is_format(format_):
                allowed = ", ".join(NAMED)
                self._refuse(path, "unknown_format", f"{allowed}, or a pattern such as %d/%m/%Y")
        return formats

    def _as_of(self) -> datetime | None:
        value = self._content.get("as_of")
        if value is None:
            return None
        try:
            return read_moment(value, "iso", UTC)
        except Unreadable as error:
            self._refuse("as_of", "invalid_time", str(error))
            return None

    def _zone(self) -> ZoneInfo:
        name = self._content.get("timezone", "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            self._refuse("timezone", "unknown_timezone", "a time zone such as Europe/Paris")
            return ZoneInfo("UTC")

    def _evidence(self) -> Mapping[str, Any]:
        evidence = self._content.get("evidence", {})
        if isinstance(evidence, dict) and all(isinstance(v, str | int) for v in evidence.values()):
            return evidence
        self._refuse("evidence", "not_an_object", "an object of names and texts")
        return {}

    def _judge(self, mapping: RowMapping) -> None:
        """Note what is missing, or stands twice."""
        rules: list[tuple[Callable[[RowMapping], bool], Fault]] = [
            (_names_nobody, Fault("columns", "missing_identifier", _IDENTIFIER_WANTED)),
            (_has_no_time, Fault("columns", "missing_timestamp", _TIME_WANTED)),
            (_has_no_event, Fault("event", "missing_event", "the name of the event")),
            (_has_no_purpose, Fault("purpose", "missing_purpose", "the key of a purpose")),
            (_has_no_state, Fault("state", "missing_state", _STATE_WANTED)),
        ]
        self.faults += [fault for is_broken, fault in rules if is_broken(mapping)]
        seen: set[tuple[Kind, str]] = set()
        for target in mapping.targets:
            if (target.kind, target.name) in seen:
                detail = f"one column for {target} alone"
                self._refuse(f"columns.{target.column}", "repeated_target", detail)
            seen.add((target.kind, target.name))


_IDENTIFIER_WANTED = (
    "a column that says who it is: email, phone, user_id, anonymous_id or identifiers.NAME"
)
_TIME_WANTED = "a column with the target timestamp, or as_of, the time at which all rows held"
_STATE_WANTED = "a column with the target state, or a state for all rows"


def _names_nobody(mapping: RowMapping) -> bool:
    return not any(target.kind in IDENTIFIERS for target in mapping.targets)


def _has_no_time(mapping: RowMapping) -> bool:
    return mapping.as_of is None and not mapping.columns(Kind.TIMESTAMP)


def _has_no_event(mapping: RowMapping) -> bool:
    return mapping.call == "track" and not mapping.event and not mapping.columns(Kind.EVENT)


def _has_no_purpose(mapping: RowMapping) -> bool:
    has_purpose = mapping.purpose or mapping.columns(Kind.PURPOSE) or mapping.columns(Kind.CONSENT)
    return mapping.call == "consent" and not has_purpose


def _has_no_state(mapping: RowMapping) -> bool:
    needs_state = mapping.purpose or mapping.columns(Kind.PURPOSE)
    return bool(needs_state) and not mapping.state and not mapping.columns(Kind.STATE)


def _allowed_targets() -> str:
    return "one of " + ", ".join(f"{k}.NAME" if k in NAMED_KINDS else str(k) for k in Kind)
