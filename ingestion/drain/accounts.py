"""What group calls of a chunk state of accounts.

Invariant: it is read from the event that the call also is, out of which erased people were cut.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from ingestion.drain.chunk import PendingMessage
from ingestion.drain.configuration import Configuration
from ingestion.messages import GROUP
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.lib import exact_json
from profiles.services import AccountStatement, record_accounts

# Under which staff block values, as those of identifiers.
GROUP_ID = "group_id"
# A trait of an account beyond the limit of what one record holds.
ACCOUNT_TRAIT = "account_trait"
# What takes the place of an erased person's identifier.
ERASED = "[erased]"


def record_group_calls(
    messages: Iterable[PendingMessage], configuration: Configuration
) -> dict[str, Counter[int]]:
    """Record accounts with their traits and members.

    Returns what was left out by reason and source: calls that name no account, and traits beyond
    the limit.
    """
    blocked = configuration.blocked.get(GROUP_ID, frozenset())
    calls = [
        pending
        for pending in messages
        if pending.message.type == GROUP and pending.attribution is not None
    ]
    statements = list(_statements(calls, blocked))
    named = Counter(statement.source_id for statement in statements)
    unnamed = Counter(pending.row.source_id for pending in calls)
    unnamed.subtract(named)
    return {GROUP_ID: +unnamed, ACCOUNT_TRAIT: record_accounts(statements)}


def _statements(
    calls: Iterable[PendingMessage], blocked: Collection[str]
) -> Iterator[AccountStatement]:
    for pending in calls:
        content = exact_json.loads(pending.message.properties)
        key = _account_key(content.get("groupId"), blocked)
        if key is None or pending.attribution is None:
            continue
        traits = content.get("traits")
        yield AccountStatement(
            key,
            *pending.attribution,
            pending.row.source_id,
            pending.trust,
            traits if isinstance(traits, dict) else {},
            pending.message.timestamp,
            pending.at,
            pending.arrival,
        )


def _account_key(group_id: object, blocked: Collection[str]) -> str | None:
    """Return how an account's key is stored; None of a value that stands for no account."""
    try:
        key = normalise(GROUP_ID, group_id)
    except InvalidIdentifier:
        return None
    return None if ERASED in key or is_blocked(GROUP_ID, key, blocked) else key
