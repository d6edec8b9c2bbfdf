"""The fields of a message that mean something here, and the JSON of the tracking API."""

from typing import Any

import msgspec

MAX_MESSAGES = 2500
MAX_MESSAGE_ID = 99
MAX_NAME = 255


class Wire(msgspec.Struct, rename="camel"):
    """The fields of a message that mean something here; what they hold is judged later."""

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
    traits: msgspec.Raw = msgspec.Raw(b"")
    properties: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")


wire_decoder = msgspec.json.Decoder(Wire)
