"""The JSON of a message: its fields and the limits of their values."""

from decimal import Decimal
from typing import Any

import msgspec

MAX_MESSAGES = 2500  # Segment's limit of a batch
MAX_MESSAGE_BYTES = 32 * 1024  # Segment's limit
MAX_MESSAGE_ID = 99  # Segment's "under 100 characters"
MAX_NAME = 255  # the length of the column event_name.name


class Wire(msgspec.Struct, rename="camel"):
    """The fields of a message that Tessera reads. Other fields are ignored."""

    # Any value is accepted here, so that the parser can reject a wrong one with its path.
    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    previous_id: Any = None
    group_id: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    write_key: Any = None
    # Undecoded: properties and context are stored as the text that arrived.
    traits: msgspec.Raw = msgspec.Raw(b"")
    properties: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")


wire_decoder = msgspec.json.Decoder(Wire, float_hook=Decimal)
