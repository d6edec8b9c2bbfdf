"""A person's portability file, of this store or of another one, brought in as messages.

Invariant: the same file twice changes nothing. What it says is the word of whoever hands it in, so
that it counts as a claim; only a file that this very installation signed may count as it did there,
where nobody is stored yet. Nobody permits anything by a file; refusals in it count.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from consent.models import State
from consent.services import is_signed_here
from ingestion.inbox.accept import accept
from ingestion.inbox.body import batch_of
from ingestion.messages import MAX_REQUEST_BYTES
from profiles.lib import exact_json
from profiles.lib.batches import batches
from profiles.models import Profile, Source, TrustLevel

NAME = "portability.json"
_MAX_BYTES = MAX_REQUEST_BYTES - 1_000
# In a message beside the one that stands for the person.
_LINKED_AT_ONCE = 8
_PERMITTING = (State.GIVEN, State.RENEWED)
# The first that a person has stands for them in all messages.
_MAIN = {"user_id": "userId", "anonymous_id": "anonymousId"}


class CopyFault(ValueError):
    """The file is no portability file; the text says where it is wrong, without a value."""


class _Identifier(msgspec.Struct):
    namespace: str
    value: str


class _Stated(msgspec.Struct):
    value: Any
    at: datetime


class _Record(msgspec.Struct):
    traits: dict[str, _Stated]


class _Event(msgspec.Struct):
    id: str
    type: Literal["track", "page", "screen", "group"]
    name: str
    timestamp: datetime
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}


class _Consent(msgspec.Struct):
    state: str
    occurred_at: datetime
    purpose: str | None = None
    kind: str = "consent"


class _Sections(
    msgspec.Struct,
    rename={
        "identifiers": "Identifiers",
        "records": "What sources say",
        "events": "Events",
        "consents": "Consent history",
    },
):
    identifiers: list[_Identifier] = []
    records: list[_Record] = []
    events: list[_Event] = []
    consents: list[_Consent] = []


class _Person(msgspec.Struct):
    sections: _Sections


class _Copy(msgspec.Struct):
    profiles: list[_Person]


class ImportedCopy(NamedTuple):
    """How many people and messages a file had, and what they count as."""

    people: int
    messages: int
    trust: TrustLevel


def import_copy(path: Path, source: Source) -> ImportedCopy:
    """Accept what a portability file or an archive with one says. Raises CopyFault."""
    content, is_own = _read(path)
    copy = _parsed(content)
    is_trusted = is_own and not Profile.objects.exists()
    trust = TrustLevel.SERVER if is_trusted else TrustLevel.CLAIM
    messages = [message for person in copy.profiles for message in _messages(person.sections)]
    for request in _requests(messages):
        accept(
            batch_of(request),
            source_id=source.pk,
            trust=trust,
            message_count=len(request),
            is_opted_out=False,
        )
    return ImportedCopy(len(copy.profiles), len(messages), trust)


def _read(path: Path) -> tuple[bytes, bool]:
    """Return the JSON, and whether it comes from an archive that was signed here."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes(), False
    try:
        with zipfile.ZipFile(path) as folder:
            return folder.read(NAME), is_signed_here(folder, NAME)
    except (KeyError, zipfile.BadZipFile, RuntimeError):
        raise CopyFault(f"The archive is damaged, or has no {NAME}.") from None


def _parsed(content: bytes) -> _Copy:
    try:
        return msgspec.convert(exact_json.read(content), _Copy)
    except exact_json.UnreadableJSON as fault:
        raise CopyFault(f"{fault.path or NAME}: {fault.detail}") from None
    except msgspec.ValidationError as fault:
        raise CopyFault(str(fault)) from None


def _messages(sections: _Sections) -> Iterator[bytes]:
    name = _main(sections.identifiers)
    drafts = (
        *_links(sections.identifiers),
        *_descriptions(sections.records),
        *_events(sections.events),
        *_refusals(sections.consents),
    )
    for draft in drafts:
        context = {**name.get("context", {}), **draft.get("context", {})}
        message = {"type": "identify", **name, **draft, "context": context}
        message.setdefault("messageId", _id_of(message))
        yield exact_json.dump_bytes(message)


def _main(identifiers: Iterable[_Identifier]) -> dict[str, Any]:
    by_namespace = {each.namespace: each for each in reversed(list(identifiers))}
    for namespace, field in _MAIN.items():
        if namespace in by_namespace:
            return {field: by_namespace[namespace].value}
    # A person who is known by an address or a number alone.
    others = list(by_namespace.values())[:1]
    return {"context": {"externalIds": _external(others)}}


def _links(identifiers: list[_Identifier]) -> Iterator[dict[str, Any]]:
    for part in batches(identifiers, _LINKED_AT_ONCE):
        yield {"context": {"externalIds": _external(part)}}


def _external(identifiers: Iterable[_Identifier]) -> list[dict[str, str]]:
    return [
        {"type": each.namespace, "id": each.value, "collection": "users", "encoding": "none"}
        for each in identifiers
    ]


def _descriptions(records: Iterable[_Record]) -> Iterator[dict[str, Any]]:
    """Yield what was stated at each time, so that later statements win as they did."""
    stated = [
        (each.at, key, each.value) for record in records for key, each in record.traits.items()
    ]
    stated.sort(key=lambda each: each[:2])
    for at, entries in groupby(stated, key=lambda each: each[0]):
        yield {"traits": {key: value for _, key, value in entries}, "timestamp": at.isoformat()}


def _events(events: Iterable[_Event]) -> Iterator[dict[str, Any]]:
    for event in events:
        if event.type == "group":
            # Accounts are no data of the person alone.
            continue
        field = "event" if event.type == "track" else "name"
        yield {
            "type": event.type,
            field: event.name,
            "messageId": f"portability:{event.id}",
            "timestamp": event.timestamp.isoformat(),
            "properties": event.properties,
            "context": event.context,
        }


def _refusals(consents: Iterable[_Consent]) -> Iterator[dict[str, Any]]:
    for consent in consents:
        is_objection = consent.kind == "objection"
        if consent.purpose is None or (consent.state in _PERMITTING) != is_objection:
            continue
        states = {consent.purpose: State.WITHDRAWN.value if is_objection else consent.state}
        preferences = {consent.purpose: False}
        consented = {"categoryPreferences": preferences, "states": states}
        yield {"timestamp": consent.occurred_at.isoformat(), "context": {"consent": consented}}


def _id_of(message: Mapping[str, Any]) -> str:
    text = exact_json.dumps_sorted(message)
    return f"portability:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _requests(messages: Iterable[bytes]) -> Iterator[list[bytes]]:
    request: list[bytes] = []
    size = 0
    for message in messages:
        if request and size + len(message) > _MAX_BYTES:
            yield request
            request, size = [], 0
        request.append(message)
        size += len(message) + 1
    if request:
        yield request
