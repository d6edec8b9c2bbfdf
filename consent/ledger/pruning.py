"""Taking events of erased people out of the ledger once they need to prove nothing any more.

Their links stay, so that the chain and each head that was kept elsewhere can be checked as before.
Which links have no event any more is signed by the product, outside of the database.

Invariant: an event goes only if nobody has its identifier, its evidence is erased, and both it and
the erasure are older than the time of proof. The database refuses all else (migration 0026).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from consent.ledger import sql
from consent.lib.signing import is_signed, signed
from consent.models import LedgerPruning, PrunedLink
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier

KIND = "ledger-pruning+jwt"
_CHUNK = 1000


def prune_ledger(*, now: datetime) -> int:
    """Delete events whose time of proof is over by `now`, and return how many that were."""
    before = now - timedelta(days=settings.PROOF_DAYS)
    pruned = after = 0
    while links := _prunable_links(before, after):
        pruned += _prune(links, before)
        after = links[-1][0]
    return pruned


def pruned_links() -> set[int]:
    """Return the numbers of the links without an event, of those prunings that we signed."""
    numbers: dict[UUID, list[int]] = defaultdict(list)
    for number, pruning_id in PrunedLink.objects.order_by("number").values_list():
        numbers[pruning_id].append(number)
    return {
        number
        for pruning in LedgerPruning.objects.all()
        if is_signed(_statement(pruning.pk, numbers[pruning.pk]), pruning.statement, kind=KIND)
        for number in numbers[pruning.pk]
    }


def _prunable_links(before: datetime, after: int) -> list[tuple[int, int]]:
    """Return the next links whose events may go, each with the id of its identifier."""
    with connection.cursor() as cursor:
        cursor.execute(sql.PRUNABLE_LINKS, {"before": before, "after": after, "limit": _CHUNK})
        links: list[tuple[int, int]] = cursor.fetchall()
    return links


@transaction.atomic
def _prune(links: Sequence[tuple[int, int]], before: datetime) -> int:
    # Nobody is given an identifier, and no hold is placed, while the links are looked at again.
    people_lock()
    first, last = links[0][0], links[-1][0]
    still = {link for link in _prunable_links(before, first - 1) if link[0] <= last}
    identifier_ids = {identifier_id for _, identifier_id in still}
    living = set(Identifier.objects.filter(pk__in=identifier_ids).values_list("pk", flat=True))
    numbers = sorted(number for number, identifier_id in still if identifier_id not in living)
    if numbers:
        pruning_id = uuid4()
        statement = signed(_statement(pruning_id, numbers), kind=KIND)
        with connection.cursor() as cursor:
            cursor.execute(sql.PRUNE, [pruning_id, statement, numbers])
    return len(numbers)


def _statement(pruning_id: UUID, numbers: Iterable[int]) -> dict[str, str]:
    text = ",".join(str(number) for number in numbers)
    return {"pruning": str(pruning_id), "links": hashlib.sha256(text.encode()).hexdigest()}
