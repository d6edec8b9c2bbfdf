"""What a message comes to: what it says, or why it cannot be taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from profiles.identifiers.references import Ref


class BadRequest(ValueError):
    """The request as a whole cannot be taken; the message says why, and nothing of what was sent."""


class MessageFault(Exception):
    """A message cannot be taken: code, path and what would be right."""

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.path, self.detail = code, path, detail


class Rejection(NamedTuple):
    """One message that cannot be taken: a stable code, the path of the fault, and what would be right."""

    place: int
    message_id: str
    type: str
    code: str
    path: str
    detail: str
    raw: bytes


class Message(NamedTuple):
    """One message as the drain takes it. `properties` and `context` are JSON text; times are aware.

    `digest` is a UUID in 32 hexadecimal digits: making UUID objects costs more than all else here.
    """

    place: int
    digest: str
    type: str
    raw: bytes
    refs: tuple[Ref, ...]
    kind: str
    name: str
    timestamp: datetime
    original_timestamp: datetime | None
    sent_at: datetime | None
    properties: str
    context: str
    traits: Mapping[str, Any]
    consents: Mapping[str, bool]
    message_id: str


class RequestFacts(NamedTuple):
    """What is known of a request beside its bytes. `region` is the country of telephone numbers without one."""

    row_id: int
    source_id: int
    received_at: datetime
    region: str
