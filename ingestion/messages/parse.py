"""One message on its way from bytes to meaning."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from ingestion.messages.contexts import ContextContent, contact_refs, preferences_of, read_context
from ingestion.messages.envelope import Envelope
from ingestion.messages.results import Message, MessageFault, Rejection, RequestFacts
from ingestion.messages.times import read_sent_time, read_time
from ingestion.messages.wire import (
    MAX_MESSAGE_ID,
    MAX_MESSAGES,
    MAX_NAME,
    Wire,
    wire_decoder,
)
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identifiers.references import Ref
from profiles.lib import exact_json

TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})
CONSENT_EVENT = "Segment Consent Preference Updated"


def read_messages(
    envelope: Envelope, arrived: RequestFacts, key: bytes
) -> Iterator[Message | Rejection]:
    """What each message says, or why it cannot be taken. `key` makes the digests that tell repeats."""
    for place, raw in enumerate(envelope.messages):
        yield _Reading(envelope, arrived, key, place, raw).read()


class _Reading:
    """One message on its way from bytes to meaning."""

    __slots__ = ("arrived", "envelope", "key", "place", "raw", "wire")

    def __init__(
        self, envelope: Envelope, arrived: RequestFacts, key: bytes, place: int, raw: bytes
    ) -> None:
        self.envelope = envelope
        self.arrived = arrived
        self.key = key
        self.place = place
        self.raw = raw
        self.wire = Wire()

    def read(self) -> Message | Rejection:
        try:
            return self._message()
        except MessageFault as refused:
            return self._rejection(refused)
        except InvalidIdentifier as invalid:
            fault = MessageFault("invalid_identifier", invalid.namespace, invalid.reason)
            return self._rejection(fault)

    def _rejection(self, refused: MessageFault) -> Rejection:
        wire = self.wire
        message_id = wire.message_id if isinstance(wire.message_id, str) else ""
        type_ = wire.type if isinstance(wire.type, str) else ""
        return Rejection(
            self.place,
            message_id[:255],
            type_[:32],
            refused.code,
            refused.path,
            refused.detail,
            self.raw,
        )

    def _message(self) -> Message:
        if self.place >= MAX_MESSAGES:
            raise MessageFault(
                "too_many_messages", "batch", f"a batch has at most {MAX_MESSAGES} messages"
            )
        try:
            self.wire = wire = wire_decoder.decode(self.raw)
        except msgspec.MsgspecError as error:
            raise MessageFault("not_an_object", "", "a message is a JSON object") from error
        type_ = self.envelope.type or wire.type
        if type_ not in TYPES:
            raise MessageFault("unknown_type", "type", f"one of {', '.join(sorted(TYPES))}")
        said = self._context()
        message_id = self._message_id()
        kind, name, properties = self._event(type_)
        timestamp, original, sent_at = self._times()
        return Message(
            self.place,
            self._digest(message_id),
            type_,
            self.raw,
            self._refs(type_, said),
            kind,
            name,
            timestamp,
            original,
            sent_at,
            properties,
            said.text,
            self._traits(said) if type_ == "identify" else {},
            self._consents(said, name),
            message_id,
        )

    def _context(self) -> ContextContent:
        raw = bytes(self.wire.context)
        shared = self.envelope.context
        if not shared:
            return read_context(raw)
        own = exact_json.loads(raw) if raw else None
        merged = {**shared, **own} if isinstance(own, dict) else shared
        return read_context(exact_json.dump_bytes(merged))

    def _message_id(self) -> str:
        given = self.wire.message_id
        if given is None or given == "":
            return f"inbox:{self.arrived.row_id}:{self.place}"
        if not isinstance(given, str):
            given = str(given)
        if len(given) > MAX_MESSAGE_ID:
            raise MessageFault("message_id_too_long", "messageId", "under 100 characters")
        return str(given)

    def _digest(self, message_id: str) -> str:
        """The same source and messageId give the same digest; the key keeps it from being guessed."""
        words = f"{self.arrived.source_id}:{message_id}".encode()
        return hashlib.blake2b(words, digest_size=16, key=self.key).hexdigest()

    def _event(self, type_: str) -> tuple[str, str, str]:
        """Kind, name and properties of the event that a message is; an empty kind where it is none."""
        wire = self.wire
        match type_:
            case "track":
                if not isinstance(wire.event, str) or not wire.event.strip():
                    raise MessageFault("missing_event", "event", "the name of the event, a text")
                name = wire.event
            case "page" | "screen":
                named = wire.name if isinstance(wire.name, str) else ""
                name = named or f"Loaded a {type_.capitalize()}"
            case "group":
                return "group", "Group", self._group_properties()
            case _:
                return "", "", "{}"
        if len(name) > MAX_NAME:
            path = "event" if type_ == "track" else "name"
            raise MessageFault("name_too_long", path, f"at most {MAX_NAME} characters")
        return type_, name, _object_text(bytes(wire.properties), "properties")

    def _group_properties(self) -> str:
        """A group's traits are the account's and not the person's: they stay with the event."""
        traits = exact_json.loads(self.wire.traits) if bytes(self.wire.traits) else None
        return exact_json.dump_bytes({"groupId": self.wire.group_id, "traits": traits}).decode()

    def _times(self) -> tuple[datetime, datetime | None, datetime | None]:
        """timestamp = receivedAt - (sentAt - originalTimestamp), and never after receivedAt."""
        wire, received_at = self.wire, self.arrived.received_at
        given = wire.original_timestamp or wire.timestamp
        original = read_time(given, "timestamp")
        given_sent_at = wire.sent_at or self.envelope.sent_at
        sent_at = None if given_sent_at is None else read_sent_time(given_sent_at)
        if original is None:
            return received_at, None, sent_at
        if sent_at is None:
            return min(original, received_at), original, None
        try:
            corrected = received_at - (sent_at - original)
        except OverflowError:
            corrected = original
        return min(corrected, received_at), original, sent_at

    def _refs(self, type_: str, said: ContextContent) -> tuple[Ref, ...]:
        wire = self.wire
        if is_blank(wire.user_id) and is_blank(wire.anonymous_id):
            raise MessageFault("missing_identity", "userId", "userId or anonymousId is required")
        named: list[tuple[str, Any]] = [
            ("user_id", wire.user_id),
            ("anonymous_id", wire.anonymous_id),
        ]
        if type_ == "alias":
            if is_blank(wire.previous_id):
                raise MessageFault("missing_previous_id", "previousId", "the id known so far")
            named.append(("anonymous_id", wire.previous_id))
        if type_ != "group":
            named += said.refs
            if type_ == "identify":
                named += contact_refs(self._own_traits())
        return tuple(dict.fromkeys(self._normalised(named)))

    def _normalised(self, named: Sequence[tuple[str, Any]]) -> Iterator[Ref]:
        """The usable ones; a malformed userId or anonymousId refuses the message, other identifiers are left out."""
        for namespace, value in named:
            if is_blank(value):
                continue
            if namespace in ("user_id", "anonymous_id"):
                yield make_ref(namespace, value, self.arrived.region)
            else:
                try:
                    yield make_ref(namespace, value, self.arrived.region)
                except InvalidIdentifier:
                    continue

    def _own_traits(self) -> Mapping[str, Any]:
        raw = bytes(self.wire.traits)
        return _read_traits(raw) if raw else {}

    def _traits(self, said: ContextContent) -> Mapping[str, Any]:
        """An identify's traits; RudderStack's SDKs send them in the context."""
        own = self._own_traits()
        return {**said.traits, **own} if said.traits else own

    def _consents(self, said: ContextContent, name: str) -> Mapping[str, bool]:
        if name != CONSENT_EVENT:
            return said.consents
        raw = bytes(self.wire.properties)
        properties = exact_json.loads(raw) if raw else None
        told = properties.get("consent") if isinstance(properties, dict) else None
        return {**said.consents, **preferences_of(told if told is not None else properties)}


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def make_ref(namespace: str, value: Any, region: str) -> Ref:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InvalidIdentifier(namespace, "neither a text nor a whole number")
    return _cached_ref(namespace, value, region)


@lru_cache(maxsize=65_536)
def _cached_ref(namespace: str, value: str | int, region: str) -> Ref:
    return Ref(namespace, normalise(namespace, value, region=region))


def _object_text(raw: bytes, path: str) -> str:
    """The JSON text of an object; empty or null is the empty one."""
    if not raw or raw == b"null":
        return "{}"
    if not raw.startswith(b"{"):
        raise MessageFault("not_an_object", path, "a JSON object")
    return raw.decode()


def _read_traits(raw: bytes) -> Mapping[str, Any]:
    traits = exact_json.loads(raw)
    if traits is None:
        return {}
    if not isinstance(traits, dict):
        raise MessageFault("not_an_object", "traits", "a JSON object")
    return traits
