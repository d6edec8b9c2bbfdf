"""The tracking API's messages: from the bytes of a request to what each message says, or why it cannot be taken.

Invariant: pure and deterministic, so that accepting and draining come to the same verdict on the same bytes. Source: Segment's
public HTTP tracking API and specification.
"""

from ingestion.messages.envelope import (
    MAX_REQUEST_BYTES,
    Envelope,
    split_request,
    without_unstorable,
)
from ingestion.messages.fast_path import is_ordinary_batch
from ingestion.messages.parse import read_messages
from ingestion.messages.results import BadRequest, Message, Rejection, RequestFacts

__all__ = [
    "MAX_REQUEST_BYTES",
    "BadRequest",
    "Envelope",
    "Message",
    "Rejection",
    "RequestFacts",
    "is_ordinary_batch",
    "read_messages",
    "split_request",
    "without_unstorable",
]
