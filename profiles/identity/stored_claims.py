"""What stored claims name beside identifiers, by which the claims of a day are bounded."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date

from django.db import connection

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.engine import Trust
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.lib.database import array_of

# The identifiers that claims of a day name beside another.
RefsBeside = defaultdict[tuple[Ref, date], set[Ref]]


def beside_in_stored_claims(
    people: LoadedPeople,
    claims: Sequence[Observation],
    refs: AbstractSet[Ref],
    choose: Callable[[set[int]], Mapping[int, Ref]],
) -> RefsBeside:
    """Return what stored claims name beside the refs, on the days of the claims.

    `choose` returns those of some identifiers, by id, that count.
    """
    stored = {people.rows[ref].id: ref for ref in refs & people.rows.keys()}
    beside: RefsBeside = defaultdict(set)
    if not stored:
        return beside
    days = array_of({claim.day for claim in claims})
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIMS_OF_DAYS, [array_of(stored), days, Trust.CLAIM])
        facts = cursor.fetchall()
    chosen = choose({identifier_id for ids, _ in facts for identifier_id in ids})
    for ids, day in facts:
        for identifier_id in stored.keys() & set(ids):
            others = (chosen.keys() & set(ids)) - {identifier_id}
            beside[stored[identifier_id], day].update(chosen[other] for other in others)
    return beside
