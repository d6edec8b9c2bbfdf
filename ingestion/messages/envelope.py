"""Splitting the body of a request into messages, within the limits of the tracking API."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

import msgspec

from ingestion.messages.results import BadRequest
from ingestion.messages.wire import wire_decoder
from profiles.lib import exact_json

# The first two limits are Segment's; the depth keeps later recursion within Python's limit.
MAX_REQUEST_BYTES = 500 * 1024
MAX_MESSAGE_BYTES = 32 * 1024
MAX_DEPTH = 64
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class _Batch(msgspec.Struct, rename="camel"):
    """The envelope of /v1/batch."""

    batch: list[msgspec.Raw]
    context: Any = None
    sent_at: Any = None
    write_key: Any = None


_batch_decoder = msgspec.json.Decoder(_Batch)
# The escapes of NUL and surrogates in JSON; a pair of surrogates is a character and harmless.
_UNSTORABLE_ESCAPE = re.compile(rb"\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Envelope(NamedTuple):
    """A split request: the bytes of each message, and what the batch has for all of them.

    `type` is empty for a batch, whose messages have a type each.
    """

    messages: Sequence[bytes]
    type: str
    context: Mapping[str, Any] | None
    sent_at: Any
    write_key: str


def split_request(body: bytes, type_: str) -> Envelope:
    """Split a request. `type_` is the message type of the route, and empty for a batch.

    Raises BadRequest for a body that is not a JSON object or is larger than 500 KB, and for a
    message that is larger than 32 KB or nested too deeply.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequest("the request is larger than 500 KB")
    envelope = _split_single(body, type_) if type_ else _split_batch(body)
    for message in envelope.messages:
        if len(message) > MAX_MESSAGE_BYTES:
            raise BadRequest("a message is larger than 32 KB")
        # Counting brackets is fast; the exact depth is measured only if it may be too much.
        if message.count(b"{") + message.count(b"[") > MAX_DEPTH and _depth(message) > MAX_DEPTH:
            raise BadRequest(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    return envelope


def without_unstorable(body: bytes) -> bytes:
    """Replace NUL characters and lone surrogates, which PostgreSQL refuses, in a JSON text.

    Raises BadRequest if the text is not UTF-8, or has such characters and is not JSON.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the body is not UTF-8") from error
    if not _UNSTORABLE_ESCAPE.search(body):
        return body
    try:
        # Python's decoder, since msgspec refuses lone surrogates.
        decoded = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not valid JSON") from error
    return exact_json.dump_bytes(_replace_unstorable(decoded))


def _split_batch(body: bytes) -> Envelope:
    batch = _decode(_batch_decoder, body, "the body is not a JSON object with a list named batch")
    context = batch.context if isinstance(batch.context, dict) else None
    key = batch.write_key if isinstance(batch.write_key, str) else ""
    return Envelope([bytes(raw) for raw in batch.batch], "", context, batch.sent_at, key)


def _split_single(body: bytes, type_: str) -> Envelope:
    wire = _decode(wire_decoder, body, "the body is not a JSON object")
    key = wire.write_key if isinstance(wire.write_key, str) else ""
    return Envelope([body], type_, None, wire.sent_at, key)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes, detail: str) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(detail) from error


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _depth(body: bytes) -> int:
    """Return how deep brackets nest outside of strings."""
    brackets = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body)
    depth = deepest = 0
    for byte in brackets:
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _replace_unstorable(value: Any) -> Any:
    match value:
        case str():
            return _UNSTORABLE.sub(REPLACEMENT, value)
        case dict():
            return {
                _replace_unstorable(key): _replace_unstorable(inner) for key, inner in value.items()
            }
        case list():
            return [_replace_unstorable(inner) for inner in value]
        case _:
            return value
