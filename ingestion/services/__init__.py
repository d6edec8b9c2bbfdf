"""All writes of ingestion: what is accepted, drained, rejected and replayed."""

from ingestion.services.drain import drain_inbox
from ingestion.services.inbox import accept
from ingestion.services.keys import create_write_key, revoke_write_key
from ingestion.services.rates import seconds_to_wait
from ingestion.services.rejected import replay

__all__ = [
    "accept",
    "create_write_key",
    "drain_inbox",
    "replay",
    "revoke_write_key",
    "seconds_to_wait",
]
