"""Batches so ordinary that nothing in them can be refused: one pass in C instead of a reading of each message."""

from datetime import datetime
from typing import Annotated

import msgspec

from ingestion.messages.wire import MAX_MESSAGE_ID, MAX_MESSAGES, MAX_NAME

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"^\S")]
_Object = dict[str, msgspec.Raw] | None


class _Plain(msgspec.Struct, rename="camel", tag_field="type"):
    """A message that is what the specification says; stricter than the reading of each, and never laxer."""

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
    """Whether a batch is so ordinary that none of its messages can be refused: one pass in C instead of a reading of each.

    False only says that each must be read.
    """
    try:
        batch = _plain_decoder.decode(body).batch
    except (msgspec.MsgspecError, RecursionError):
        return False
    return all(said.user_id is not None or said.anonymous_id is not None for said in batch)
