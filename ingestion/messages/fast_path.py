"""A fast check for ordinary batches, of which no message can be refused.

It is one pass in C, where the parser works on each message in Python. Invariant: it is stricter
than the parser and never laxer.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from ingestion.messages.wire import MAX_MESSAGE_ID, MAX_MESSAGES, MAX_NAME

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"^\S")]
_Object = dict[str, msgspec.Raw] | None


class _Plain(msgspec.Struct, rename="camel", tag_field="type"):
    """The fields that all types of messages share, as the specification has them."""

    user_id: _Text | int | None = None
    anonymous_id: _Text | int | None = None
    message_id: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE_ID)] | None = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None


class _PlainTrack(_Plain, tag="track", kw_only=True):
    event: _Text
    properties: _Object = None


class _PlainPage(_Plain, tag="page"):
    name: _Text | None = None
    properties: _Object = None


class _PlainScreen(_Plain, tag="screen"):
    name: _Text | None = None
    properties: _Object = None


class _PlainIdentify(_Plain, tag="identify"):
    traits: _Object = None


class _PlainGroup(_Plain, tag="group"):
    traits: msgspec.Raw = msgspec.Raw(b"")


class _PlainAlias(_Plain, tag="alias", kw_only=True):
    previous_id: _Text | int


_PlainMessage = _PlainTrack | _PlainPage | _PlainScreen | _PlainIdentify | _PlainGroup | _PlainAlias


class _PlainBatch(msgspec.Struct, rename="camel"):
    batch: Annotated[list[_PlainMessage], msgspec.Meta(max_length=MAX_MESSAGES)]
    sent_at: datetime | None = None


_plain_decoder = msgspec.json.Decoder(_PlainBatch)


def is_ordinary_batch(body: bytes) -> bool:
    """Whether certainly no message of the batch can be refused.

    False means that each message must be parsed.
    """
    try:
        batch = _plain_decoder.decode(body).batch
    except (msgspec.MsgspecError, RecursionError):
        return False
    # The decoder cannot require one of two fields.
    return all(message.user_id is not None or message.anonymous_id is not None for message in batch)
