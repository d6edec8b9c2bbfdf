"""The tracking API's messages: from the bytes of a request to what each message says, or why it cannot be taken.

Invariant: pure and deterministic, so that accepting and draining come to the same verdict on the same bytes. Source: Segment's
public HTTP tracking API and specification.
"""

from ingestion.messages.envelope import MAX_REQUEST_BYTES, Envelope, open_request, storable
from ingestion.messages.fast_path import is_plain
from ingestion.messages.parse import read_messages
from ingestion.messages.results import Arrived, BadRequest, Message, Rejection

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
