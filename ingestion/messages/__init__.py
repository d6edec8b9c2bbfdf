"""The tracking API's messages: from the bytes of a request to what each message says, or why it cannot be taken.

Invariant: pure and deterministic, so that accepting and draining come to the same verdict on the same bytes. Source: Segment's
public HTTP tracking API and specification.
"""

from ingestion.messages.envelopes import MAX_REQUEST_BYTES, Envelope, open_request, storable
from ingestion.messages.plain import is_plain
from ingestion.messages.reading import read_messages
from ingestion.messages.verdicts import Arrived, BadRequest, Message, Rejection

__all__ = [
    "MAX_REQUEST_BYTES",
    "Arrived",
    "BadRequest",
    "Envelope",
    "Message",
    "Rejection",
    "is_plain",
    "open_request",
    "read_messages",
    "storable",
]
