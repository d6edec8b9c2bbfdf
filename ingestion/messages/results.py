"""The results of parsing: messages, rejections, and errors of whole requests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ingestion.messages.forbidden import Forbidden
from profiles.identifiers.references import Ref

# Parts of a message that are left out where they cannot be read, while the rest is taken.
UNREADABLE_TIMESTAMP = "timestamp"
UNREADABLE_SENT_AT = "sentAt"
FUTURE_TIMESTAMP = "timestamp in the future"
UNUSABLE_VALUE = "value"
REPLACED_CHARACTERS = "characters"
FORBIDDEN_NAME = "forbidden_name"
INVALID_SIGNATURE = "identity_signature"


class BadRequest(ValueError):
    """A request is refused as a whole. The text omits its content, which is personal."""


class MessageFault(Exception):
    """A message is refused: a stable code, the path of the fault, and what would be right."""

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.path, self.detail = code, path, detail


class Rejection(NamedTuple):
    """One refused message. `place` is its index in the request."""

    place: int
    message_id: str
    type: str
    code: str
    path: str
    detail: str
    raw: bytes


class Message(NamedTuple):
    """One parsed message. `kind` is empty if the message is not an event.

    `properties` and `context` are JSON texts; times are aware. `digest` is 32 hexadecimal digits
    instead of a UUID object, because making one costs more than all other fields together.
    """

    place: int
    digest: str
    type: str
    raw: bytes  # the message as it was sent, for the case that the drain rejects it
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
    left_out: tuple[str, ...] = ()  # parts that could not be read, to be counted
    proof: tuple[str, str] | None = None  # the userId as it was sent, and its signature


class RequestFacts(NamedTuple):
    """What is known of a request apart from its bytes.

    `region` is the country of telephone numbers without a country code. `address` is the network
    address of the sender, empty where the source does not keep it; `is_client` says that it is that
    of a browser or app, and not of a server of the company. `first_place` is the place in the
    request of the first message, which a replayed one keeps. `is_file` says that the messages are
    rows of a file: there any identifier names a person, and a malformed one is a fault. What stands
    under names of `forbidden` is left out.
    """

    row_id: int
    source_id: int
    received_at: datetime
    region: str
    address: str = ""
    is_client: bool = False
    first_place: int = 0
    is_file: bool = False
    forbidden: Forbidden = Forbidden()
