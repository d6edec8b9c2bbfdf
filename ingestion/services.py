"""The public functions of ingestion, by which its API, admin and tasks write."""

from ingestion.drain.loop import drain_inbox
from ingestion.inbox.accept import accept
from ingestion.inbox.rates import seconds_to_wait
from ingestion.inbox.rejected import replay_message
from ingestion.write_keys import create_write_key, revoke_write_key

__all__ = [
    "accept",
    "create_write_key",
    "drain_inbox",
    "replay_message",
    "revoke_write_key",
    "seconds_to_wait",
]
