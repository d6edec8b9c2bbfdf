"""A fast check for ordinary batches, of which no message can be refused.

It is one pass in C, where the parser works on each message in Python. Invariant: it is stricter
than the parser and never laxer.
"""

from typing import Annotated

import msgspec

from ingestion.messages.envelope import Envelope
from ingestion.messages.wire import MAX_MESSAGE_BYTES, MAX_MESSAGE_ID, MAX_MESSAGES, MAX_NAME
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"^\S")]
# From the first sign on visible, since a text of signs that nobody sees is no identifier.
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"^[!-~]")] | int
_Object = dict[str, msgspec.Raw] | None


class _Plain(msgspec.Struct, rename="camel", tag_field="type"):
    """The fields that all types of messages share, as the specification has them."""

    user_id: _Id | None = None
    anonymous_id: _Id | None = None
    message_id: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE_ID)] | None = None


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
    previous_id: _Id


_PlainMessage = _PlainTrack | _PlainPage | _PlainScreen | _PlainIdentify | _PlainGroup | _PlainAlias


class _PlainBatch(msgspec.Struct, rename="camel"):
    batch: Annotated[list[_PlainMessage], msgspec.Meta(max_length=MAX_MESSAGES)]


_plain_decoder = msgspec.json.Decoder(_PlainBatch)


def is_ordinary_batch(body: bytes, envelope: Envelope) -> bool:
    """Whether certainly no message of the batch can be refused; `envelope` is the split body.

    False means that each message must be parsed.
    """
    if envelope.type or envelope.fault or any(map(_is_large, envelope.messages)):
        return False
    try:
        if exact_json.storable(body) is not body:
            return False
        batch = _plain_decoder.decode(body).batch
    except (msgspec.MsgspecError, RecursionError, UnreadableJSON):
        return False
    # The decoder cannot require one of two fields.
    return all(message.user_id is not None or message.anonymous_id is not None for message in batch)


def _is_large(message: bytes) -> bool:
    return len(message) > MAX_MESSAGE_BYTES or exact_json.is_too_deep(message)
