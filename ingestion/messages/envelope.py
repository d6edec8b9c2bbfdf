"""Splitting the body of a request into messages, within the limits of the tracking API.

Invariant: the view and the drain split by this one function. A fault of one message is the fault of
that message alone, found when it is parsed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ingestion.messages.pieces import members_of, pieces_of
from ingestion.messages.results import BadRequest, MessageFault
from ingestion.messages.wire import MAX_MESSAGE_BYTES, wire_decoder
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

MAX_REQUEST_BYTES = 500 * 1024  # Segment's limit
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_A_BATCH = "the body is not a JSON object with a list named batch"


class _Batch(msgspec.Struct, rename="camel"):
    """The envelope of /v1/batch. Undecoded, so that no member can spoil another."""

    batch: list[msgspec.Raw]
    context: msgspec.Raw = msgspec.Raw(b"")
    sent_at: msgspec.Raw = msgspec.Raw(b"")
    write_key: msgspec.Raw = msgspec.Raw(b"")


_batch_decoder = msgspec.json.Decoder(_Batch)


class Envelope(NamedTuple):
    """A split request: the bytes of each message, and what the batch has for all of them.

    `type` is empty for a batch, whose messages have a type each. `fault` is one of what the
    messages share, and so of each of them.
    """

    messages: Sequence[bytes]
    type: str
    context: Mapping[str, Any] | None
    sent_at: Any
    write_key: str
    fault: MessageFault | None = None


def split_request(body: bytes, type_: str) -> Envelope:
    """Split a request. `type_` is the message type of the route, and empty for a batch.

    Raises BadRequest for a body that is larger than 500 KB, or cannot be split: a batch that is not
    an object with a list, a single message that is not a JSON object or is larger than 32 KB.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequest("the request is larger than 500 KB")
    body = body.removeprefix(BYTE_ORDER_MARK)
    return _split_single(body, type_) if type_ else _split_batch(body)


def self_contained(envelope: Envelope, raw: bytes) -> bytes:
    """Return a message with what its request has for it, so that it means the same by itself."""
    shared: dict[str, Any] = {} if envelope.sent_at is None else {"sentAt": envelope.sent_at}
    route = {"type": envelope.type} if envelope.type else {}
    if not (shared or route or envelope.context):
        return raw
    try:
        own = exact_json.read(raw)
    except UnreadableJSON:
        # The members that come first in a text yield to its own.
        members = exact_json.dump_bytes(shared | route)[1:-1]
        text = raw.lstrip()
        return b"{" + members + b"," + text[1:] if members and text.startswith(b"{") else raw
    if not isinstance(own, dict):
        return raw
    if envelope.context:
        context = own.get("context")
        own["context"] = {**envelope.context, **(context if isinstance(context, dict) else {})}
    whole = {**shared, **own, **route}
    return raw if whole == own and not envelope.context else exact_json.dump_bytes(whole)


def _split_batch(body: bytes) -> Envelope:
    batch = _strict_batch(body) or _tolerant_batch(body)
    context, fault = _shared_context(bytes(batch.context))
    return Envelope(
        [bytes(raw) for raw in batch.batch],
        "",
        context,
        _lenient(bytes(batch.sent_at)),
        _text(_lenient(bytes(batch.write_key))),
        fault,
    )


def _strict_batch(body: bytes) -> _Batch | None:
    """Split a body that is valid JSON, which nearly all are, in one pass in C."""
    try:
        if not body.isascii():
            body.decode()  # the decoder skips the texts inside of messages
        return _batch_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _tolerant_batch(body: bytes) -> _Batch:
    """Split a body that is not JSON, but whose messages can be told from each other."""
    members = members_of(body)
    batch = members.get("batch", b"")
    if not batch.startswith(b"["):
        raise BadRequest(_NOT_A_BATCH)
    return _Batch(
        [msgspec.Raw(piece) for piece in pieces_of(batch)],
        *(msgspec.Raw(members.get(name, b"")) for name in ("context", "sentAt", "writeKey")),
    )


def _shared_context(raw: bytes) -> tuple[Mapping[str, Any] | None, MessageFault | None]:
    if not raw.startswith(b"{"):
        return None, None
    try:
        return exact_json.read(raw), None
    except UnreadableJSON as error:
        path = f"context.{error.path}" if error.path else "context"
        return None, MessageFault(error.code, path, error.detail)


def _split_single(body: bytes, type_: str) -> Envelope:
    if len(body) > MAX_MESSAGE_BYTES:
        raise BadRequest("the message is larger than 32 KB")
    try:
        wire = wire_decoder.decode(exact_json.storable(body))
    except (msgspec.MsgspecError, RecursionError, UnreadableJSON) as error:
        if not _is_json_refused_later(error, body):
            raise BadRequest("the body is not a JSON object") from None
        # It is told with its path when it is parsed.
        key = _text(_lenient(members_of(body).get("writeKey", b"")))
        return Envelope([body], type_, None, None, key)
    return Envelope([body], type_, None, wire.sent_at, _text(wire.write_key))


def _is_json_refused_later(error: Exception, body: bytes) -> bool:
    if isinstance(error, RecursionError):
        return body.lstrip().startswith(b"{")
    return isinstance(error, UnreadableJSON) and error.code in ("number_out_of_range", "too_deep")


def _lenient(raw: bytes) -> Any:
    """Return the value of a member that is ignored where it cannot be read."""
    try:
        return exact_json.read(raw) if raw else None
    except UnreadableJSON:
        return raw.decode(errors="replace")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
