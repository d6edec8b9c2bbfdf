"""Parsing one message: its identifiers, event, times, traits and consents."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ingestion.messages.contexts import ContextContent, contact_refs, preferences_of, read_context
from ingestion.messages.envelope import Envelope, self_contained
from ingestion.messages.results import (
    FORBIDDEN_NAME,
    FUTURE_TIMESTAMP,
    REPLACED_CHARACTERS,
    UNREADABLE_SENT_AT,
    UNREADABLE_TIMESTAMP,
    Message,
    MessageFault,
    Rejection,
    RequestFacts,
)
from ingestion.messages.times import (
    EARLIEST,
    UnreadableTime,
    read_sent_time,
    read_time,
    was_on_its_way,
)
from ingestion.messages.wire import (
    MAX_MESSAGE_BYTES,
    MAX_MESSAGE_ID,
    MAX_MESSAGES,
    MAX_NAME,
    Wire,
    wire_decoder,
)
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identifiers.references import Ref
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.lib.memory import remembered
from profiles.lib.numbers import whole

GROUP = "group"
TYPES = frozenset({"identify", "track", "page", "screen", GROUP, "alias"})
MAX_PATH = 255  # the length of the column rejected_message.path
_CREDIBLE_FUTURE = timedelta(hours=24)
REPLACEMENT = exact_json.REPLACEMENT.encode()
_EMPTY_LIST = re.compile(rb"\[\s*\]")
CONSENT_EVENT = "Segment Consent Preference Updated"  # its properties have consents too


def read_messages(
    envelope: Envelope, request: RequestFacts, digest_key: bytes
) -> Iterator[Message | Rejection]:
    """Parse each message of a request, or return why it is rejected.

    `digest_key` is the secret key of the digests by which repeated messages are recognised.
    """
    context, count = request.forbidden.cut_context(envelope.context)
    envelope = envelope._replace(context=context)
    for place, raw in enumerate(envelope.messages):
        parser = _MessageParser(envelope, request, digest_key, place, raw)
        parser.left_out += (FORBIDDEN_NAME,) * count
        yield parser.parse()


class _MessageParser:
    """Parses one message."""

    __slots__ = ("digest_key", "envelope", "left_out", "place", "raw", "request", "wire")

    def __init__(
        self, envelope: Envelope, request: RequestFacts, digest_key: bytes, place: int, raw: bytes
    ) -> None:
        self.envelope = envelope
        self.request = request
        self.digest_key = digest_key
        self.place = place
        self.raw = raw
        self.wire = Wire()
        self.left_out: tuple[str, ...] = ()

    def parse(self) -> Message | Rejection:
        try:
            return self._message()
        except MessageFault as fault:
            return self._rejection(fault)
        except InvalidIdentifier as error:
            return self._rejection(
                MessageFault("invalid_identifier", error.namespace, error.reason)
            )
        except UnreadableJSON as error:
            return self._rejection(MessageFault(error.code, error.path, error.detail))
        except (ValueError, ArithmeticError, RecursionError) as error:
            # No input is known to come here. It is the message's fault: reading asks nobody else.
            return self._rejection(MessageFault("unreadable", "", type(error).__name__))

    def _rejection(self, fault: MessageFault) -> Rejection:
        wire = self.wire
        message_id = wire.message_id if isinstance(wire.message_id, str) else ""
        type_ = self.envelope.type or (wire.type if isinstance(wire.type, str) else "")
        return Rejection(
            self.place,
            message_id[:255],
            type_[:32],
            fault.code,
            fault.path[:MAX_PATH],
            fault.detail,
            self_contained(self.envelope, self.request.forbidden.kept(self.raw)),
        )

    def _message(self) -> Message:
        if self.place >= MAX_MESSAGES:
            raise MessageFault(
                "too_many_messages", "batch", f"a batch has at most {MAX_MESSAGES} messages"
            )
        raw = self._without_forbidden(self._storable())
        try:
            self.wire = wire = wire_decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise MessageFault("not_an_object", "", "a message is a JSON object") from error
        except msgspec.DecodeError as error:
            raise MessageFault("not_json", "", "valid JSON") from error
        if self.envelope.fault:
            raise self.envelope.fault
        type_ = self.envelope.type or wire.type
        if not isinstance(type_, str) or type_ not in TYPES:
            raise MessageFault("unknown_type", "type", f"one of {', '.join(sorted(TYPES))}")
        context = self._context()
        message_id = self._message_id()
        kind, name, properties = self._event(type_)
        timestamp, original, sent_at = self._times()
        return Message(
            self.place,
            self._digest(message_id),
            type_,
            raw,
            self._refs(type_, context),
            kind,
            name,
            timestamp,
            original,
            sent_at,
            properties,
            context.text,
            self._traits(context) if type_ == "identify" else {},
            self._consents(context, name),
            message_id,
            self.left_out,
            self._proof(context),
        )

    def _storable(self) -> bytes:
        if len(self.raw) > MAX_MESSAGE_BYTES:
            raise MessageFault("message_too_large", "", "at most 32 KB")
        if exact_json.is_too_deep(self.raw):
            raise MessageFault("too_deep", "", f"at most {exact_json.MAX_DEPTH} levels deep")
        raw = exact_json.storable(self.raw)
        if raw is not self.raw and REPLACEMENT in raw and REPLACEMENT not in self.raw:
            self.left_out += (REPLACED_CHARACTERS,)
        return raw

    def _without_forbidden(self, raw: bytes) -> bytes:
        cut, count = self.request.forbidden.cut(raw)
        if count:
            self.raw = cut
            self.left_out += (FORBIDDEN_NAME,) * count
        return cut

    def _context(self) -> ContextContent:
        raw = bytes(self.wire.context)
        if shared := self.envelope.context:
            # The message's own context goes over that of the batch.
            own = exact_json.loads(raw) if raw.startswith(b"{") else {}
            raw = exact_json.dump_bytes({**shared, **own})
        return read_context(raw, self.request.address, is_client=self.request.is_client)

    def _message_id(self) -> str:
        message_id = self.wire.message_id
        if message_id is None or message_id == "":
            # The same for every attempt of the request, and for no other message.
            return f"inbox:{self.request.row_id}:{self.request.first_place + self.place}"
        if not isinstance(message_id, str):
            message_id = str(message_id)
        if len(message_id) > MAX_MESSAGE_ID:
            raise MessageFault("message_id_too_long", "messageId", "under 100 characters")
        return str(message_id)

    def _digest(self, message_id: str) -> str:
        """Return the digest of source and messageId.

        It has a key, so that nobody can test which messages were received.
        """
        text = f"{self.request.source_id}:{message_id}".encode()
        return hashlib.blake2b(text, digest_size=16, key=self.digest_key).hexdigest()

    def _event(self, type_: str) -> tuple[str, str, str]:
        """Return kind, name and properties of the event, with an empty kind if there is none."""
        wire = self.wire
        match type_:
            case "track":
                if not isinstance(wire.event, str) or not wire.event.strip():
                    raise MessageFault("missing_event", "event", "the name of the event, a text")
                name = wire.event
            case "page" | "screen":
                page_name = wire.name if isinstance(wire.name, str) else ""
                # The name that Segment gives a page without one.
                name = page_name or f"Loaded a {type_.capitalize()}"
            case "group":
                return GROUP, "Group", self._group_properties()
            case _:
                return "", "", "{}"
        if len(name) > MAX_NAME:
            path = "event" if type_ == "track" else "name"
            raise MessageFault("name_too_long", path, f"at most {MAX_NAME} characters")
        return type_, name, _object_text(bytes(wire.properties), "properties")

    def _group_properties(self) -> str:
        # A group's traits describe the account and not the person: the drain reads them from here.
        raw = bytes(self.wire.traits)
        traits = {} if _EMPTY_LIST.fullmatch(raw) else exact_json.loads(raw) if raw else None
        return exact_json.dump_bytes({"groupId": self.wire.group_id, "traits": traits}).decode()

    def _times(self) -> tuple[datetime, datetime | None, datetime | None]:
        """Return the timestamp, the original timestamp and the time of sending.

        As Segment has it, timestamp = receivedAt - (sentAt - originalTimestamp), which corrects a
        wrong clock of the sender. A request that came some seconds after its sentAt was on its way:
        its times stay. No time is after receivedAt, and it is receivedAt itself where the message
        has no time that can be read.
        """
        received_at = self.request.received_at
        original = self._original_time()
        sent_at = self._sent_time()
        if original is None:
            return received_at, None, sent_at
        corrected = _corrected(original, sent_at, received_at)
        if corrected > received_at + _CREDIBLE_FUTURE:
            self.left_out += (FUTURE_TIMESTAMP,)
        return min(corrected, received_at), original, sent_at

    def _original_time(self) -> datetime | None:
        for value in (self.wire.original_timestamp, self.wire.timestamp):
            try:
                if (moment := read_time(value)) is not None:
                    return moment
            except UnreadableTime:
                self.left_out += (UNREADABLE_TIMESTAMP,)
        return None

    def _sent_time(self) -> datetime | None:
        value = self.wire.sent_at or self.envelope.sent_at
        try:
            return None if value is None else read_sent_time(value)
        except UnreadableTime:
            self.left_out += (UNREADABLE_SENT_AT,)
            return None

    def _refs(self, type_: str, context: ContextContent) -> tuple[Ref, ...]:
        wire = self.wire
        is_file = self.request.is_file
        if is_blank(wire.user_id) and is_blank(wire.anonymous_id) and not is_file:
            raise MessageFault("missing_identity", "userId", "userId or anonymousId is required")
        candidates: list[tuple[str, Any]] = [
            ("user_id", wire.user_id),
            ("anonymous_id", wire.anonymous_id),
        ]
        if type_ == "alias":
            if is_blank(wire.previous_id):
                raise MessageFault("missing_previous_id", "previousId", "the id known so far")
            candidates.append(("anonymous_id", wire.previous_id))
        # A group call has the account's contact data, which must not become the person's.
        if type_ != GROUP:
            candidates += context.refs
            if type_ == "identify":
                candidates += contact_refs(self._own_traits())
        refs = tuple(dict.fromkeys(self._normalise(candidates)))
        if not refs:
            # Only a row of a file comes here: elsewhere one of two fields is required.
            raise MessageFault("missing_identity", "", "an identifier of a person")
        return refs

    def _normalise(self, candidates: Sequence[tuple[str, Any]]) -> Iterator[Ref]:
        """Yield the valid refs. Raises InvalidIdentifier for a malformed userId or anonymousId."""
        for namespace, value in candidates:
            if is_blank(value):
                continue
            # Whoever imports a file mends the row; an SDK cannot.
            if namespace in ("user_id", "anonymous_id") or self.request.is_file:
                yield make_ref(namespace, value, self.request.region)
            else:
                try:
                    yield make_ref(namespace, value, self.request.region)
                except InvalidIdentifier:
                    # A malformed e-mail address must not cost the whole message.
                    continue

    def _proof(self, context: ContextContent) -> tuple[str, str] | None:
        user_id = self.wire.user_id
        return (str(user_id), context.signature) if context.signature and user_id else None

    def _own_traits(self) -> Mapping[str, Any]:
        raw = bytes(self.wire.traits)
        return _read_traits(raw) if raw else {}

    def _traits(self, context: ContextContent) -> Mapping[str, Any]:
        own = self._own_traits()
        # RudderStack's SDKs send the traits of an identify in the context.
        return {**context.traits, **own} if context.traits else own

    def _consents(self, context: ContextContent, name: str) -> Mapping[str, bool]:
        if name != CONSENT_EVENT:
            return context.consents
        raw = bytes(self.wire.properties)
        properties = exact_json.loads(raw) if raw else None
        consent = properties.get("consent") if isinstance(properties, dict) else None
        preferences = preferences_of(consent if consent is not None else properties)
        return {**context.consents, **preferences}


def _corrected(original: datetime, sent_at: datetime | None, received_at: datetime) -> datetime:
    # Two requests of one sender take unequal times to arrive: corrected by them, the later one of
    # two messages would be the older.
    if sent_at is None or was_on_its_way(sent_at, received_at):
        return original
    try:
        corrected = received_at - (sent_at - original)
    except OverflowError:
        # One of the times is near the year 1 or 9999.
        return original
    return corrected if corrected >= EARLIEST else original


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def make_ref(namespace: str, value: Any, region: str) -> Ref:
    """Normalise an identifier. Raises InvalidIdentifier."""
    if isinstance(value, Decimal):
        value = whole(value)
    # Before the cache, whose keys 1 and True would be equal.
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InvalidIdentifier(namespace, "neither a text nor a whole number")
    return _cached_ref(namespace, value, region)


@remembered(maxsize=65_536)
def _cached_ref(namespace: str, value: str | int, region: str) -> Ref:
    return Ref(namespace, normalise(namespace, value, region=region))


def _object_text(raw: bytes, path: str) -> str:
    """Return the JSON text of an object, or of an empty one where there is none.

    PHP writes an empty object as [].
    """
    if not raw or raw == b"null" or _EMPTY_LIST.fullmatch(raw):
        return "{}"
    if not raw.startswith(b"{"):
        raise MessageFault("not_an_object", path, "a JSON object")
    return raw.decode()


def _read_traits(raw: bytes) -> Mapping[str, Any]:
    traits = exact_json.loads(raw)
    if traits is None or traits == []:
        return {}
    if not isinstance(traits, dict):
        raise MessageFault("not_an_object", "traits", "a JSON object")
    return traits
