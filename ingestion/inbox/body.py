"""What is stored of a request and of a rejected message, packed and unpacked."""

from collections.abc import Iterable
from typing import NamedTuple

import lz4.frame


class InboxBody(NamedTuple):
    """A request as it was accepted: the type of its route, empty for a batch, and its JSON.

    `address` is the network address of the sender where the source keeps it, and else empty.
    """

    type: str
    content: bytes
    address: str = ""


def pack_body(body: InboxBody) -> bytes:
    """The type and the address on a line of their own, then the JSON, compressed."""
    packed: bytes = lz4.frame.compress(f"{body.type} {body.address}\n".encode() + body.content)
    return packed


def unpack_body(packed: bytes) -> InboxBody:
    line, _, content = lz4.frame.decompress(packed).partition(b"\n")
    type_, _, address = line.decode().partition(" ")
    return InboxBody(type_, content, address)


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
