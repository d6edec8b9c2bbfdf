"""What is stored of a request and of a rejected message, packed and unpacked."""

from collections.abc import Iterable
from typing import NamedTuple

import lz4.frame


class InboxBody(NamedTuple):
    """A request as it was accepted: the type of its route, empty for a batch, and its JSON."""

    type: str
    content: bytes


def pack_body(body: InboxBody) -> bytes:
    """The type on a line of its own, then the JSON, compressed."""
    packed: bytes = lz4.frame.compress(body.type.encode() + b"\n" + body.content)
    return packed


def unpack_body(packed: bytes) -> InboxBody:
    type_, _, content = lz4.frame.decompress(packed).partition(b"\n")
    return InboxBody(type_.decode(), content)


def batch_of(messages: Iterable[bytes]) -> InboxBody:
    """A batch of messages that are JSON already."""
    return InboxBody("", b'{"batch":[' + b",".join(messages) + b"]}")


def pack_message(raw: bytes) -> bytes:
    """One message alone, as a rejected one is kept: its JSON, compressed."""
    packed: bytes = lz4.frame.compress(raw)
    return packed


def unpack_message(packed: bytes | memoryview) -> bytes:
    raw: bytes = lz4.frame.decompress(bytes(packed))
    return raw
