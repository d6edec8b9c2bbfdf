"""Parsing requests of the tracking API into messages and rejections.

The contract is Segment's public HTTP tracking API and specification. Invariant: parsing is pure and
deterministic, so that the view and the drain judge the same bytes alike.
"""

from ingestion.messages.envelope import (
    MAX_REQUEST_BYTES,
    Envelope,
    self_contained,
    split_request,
)
from ingestion.messages.fast_path import is_ordinary_batch
from ingestion.messages.forbidden import Forbidden, ForbiddenBySource, without_names
from ingestion.messages.parse import CONSENT_EVENT, GROUP, read_messages
from ingestion.messages.results import (
    INVALID_SIGNATURE,
    UNUSABLE_VALUE,
    BadRequest,
    Message,
    Rejection,
    RequestFacts,
)
from ingestion.messages.times import was_on_its_way

__all__ = [
    "CONSENT_EVENT",
    "GROUP",
    "INVALID_SIGNATURE",
    "MAX_REQUEST_BYTES",
    "UNUSABLE_VALUE",
    "BadRequest",
    "Envelope",
    "Forbidden",
    "ForbiddenBySource",
    "Message",
    "Rejection",
    "RequestFacts",
    "is_ordinary_batch",
    "read_messages",
    "self_contained",
    "split_request",
    "was_on_its_way",
    "without_names",
]
