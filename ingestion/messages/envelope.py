"""A request taken apart into messages, within the limits of the tracking API."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

import msgspec

from ingestion.messages.results import BadRequest
from ingestion.messages.wire import wire_decoder
from profiles.lib import exact_json

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
_UNSTORABLE = re.compile(rb"\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_SCALARS = re.compile("[\x00\ud800-\udfff]")


class Envelope(NamedTuple):
    """A request taken apart: the bytes of each message, and what the batch says for all of them."""

    messages: Sequence[bytes]
    type: str
    context: Mapping[str, Any] | None
    sent_at: Any
    write_key: str


def split_request(body: bytes, type_: str) -> Envelope:
    """Take a request apart. `type_` is the route's message type; empty for a batch.

    Raises BadRequest for what is no JSON object, for over 500 KB, and for a message of over 32 KB.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise BadRequest("the request is larger than 500 KB")
    envelope = _open_single(body, type_) if type_ else _open_batch(body)
    for message in envelope.messages:
        if len(message) > MAX_MESSAGE_BYTES:
            raise BadRequest("a message is larger than 32 KB")
        if message.count(b"{") + message.count(b"[") > MAX_DEPTH and _depth(message) > MAX_DEPTH:
            raise BadRequest(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    return envelope


def without_unstorable(body: bytes) -> bytes:
    """The same JSON without NUL characters and lone surrogates, which PostgreSQL refuses.

    Raises BadRequest where it is not UTF-8 or, having such characters, not JSON.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the body is not UTF-8") from error
    if not _UNSTORABLE.search(body):
        return body
    try:
        decoded = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not valid JSON") from error
    return exact_json.dump_bytes(_scrub(decoded))


def _open_batch(body: bytes) -> Envelope:
    batch = _decoded(_batch_decoder, body, "the body is not a JSON object with a list named batch")
    context = batch.context if isinstance(batch.context, dict) else None
    key = batch.write_key if isinstance(batch.write_key, str) else ""
    return Envelope([bytes(raw) for raw in batch.batch], "", context, batch.sent_at, key)


def _open_single(body: bytes, type_: str) -> Envelope:
    wire = _decoded(wire_decoder, body, "the body is not a JSON object")
    key = wire.write_key if isinstance(wire.write_key, str) else ""
    return Envelope([body], type_, None, wire.sent_at, key)


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, fault: str) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(fault) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _depth(body: bytes) -> int:
    """How deep brackets nest, those inside of texts left out."""
    plain = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body)
    depth = deepest = 0
    for byte in plain:
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _scrub(value: Any) -> Any:
    match value:
        case str():
            return _SCALARS.sub(REPLACEMENT, value)
        case dict():
            return {_scrub(key): _scrub(inner) for key, inner in value.items()}
        case list():
            return [_scrub(inner) for inner in value]
        case _:
            return value
