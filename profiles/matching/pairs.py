"""What is known of pairs of profiles already, and keeping what is proposed of them.

Invariant: nothing is proposed of a pair that staff answered or decided about, under whichever of
their public UUIDs and identifiers.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from profiles.identity.engine import PROFILE
from profiles.lib.database import array_of, database_now
from profiles.matching import sql
from profiles.matching.score import Score
from profiles.models import (
    Identifier,
    MatchProposal,
    Profile,
)

Pair = tuple[int, int]
State = MatchProposal.State


def store_proposals(scores: Sequence[Score]) -> int:
    """Propose the pairs that nobody has answered; return how many are new or scored anew.

    The caller holds the people lock, so that no side is erased or merged meanwhile.
    """
    ids = {side for score in scores for side in score.pair}
    ids_of_free = Profile.objects.filter(pk__in=ids, is_restricted=False)
    uuids = {str(uuid): pk for pk, uuid in ids_of_free.values_list("pk", "uuid")}
    named = Identifier.objects.filter(namespace=PROFILE, value__in=uuids)
    names = {row.profile_id: row for row in named if uuids[row.value] == row.profile_id}
    silent = silenced_pairs(ids)
    known = _open_by_pair(ids)
    rows = [
        row
        for score in scores
        if (one := names.get(score.one)) and (other := names.get(score.other))
        if score.pair not in silent
        if _is_changed(row := known.get(score.pair) or MatchProposal(one=one, other=other), score)
    ]
    _write(rows)
    return len(rows)


def drop_outdated(profile_ids: Collection[int] | None, kept: Collection[Pair]) -> int:
    """Delete open proposals on these profiles, or on any, that were not made again."""
    kept = set(kept)
    rows = list(MatchProposal.objects.filter(state=State.OPEN).order_by("pk"))
    holders = holders_of(rows)
    outdated: list[int] = []
    seen: set[Pair] = set()
    silent = silenced_pairs({side for pair in holders.values() for side in pair or ()})
    for row in rows:
        pair = holders[row.pk]
        is_judged = pair is not None and (
            profile_ids is None or not set(pair).isdisjoint(profile_ids)
        )
        # After a merge two proposals may be about the same two people.
        is_settled = pair in silent or pair in seen
        if pair is None or is_settled or (is_judged and pair not in kept):
            outdated.append(row.pk)
        else:
            seen.add(pair)
    MatchProposal.objects.filter(pk__in=outdated, state=State.OPEN).delete()
    return len(outdated)


def holders_of(proposals: Iterable[MatchProposal]) -> dict[int, Pair | None]:
    """Return the two profiles that each proposal is about now; None if there are no longer two."""
    rows = list(proposals)
    ids = {side for row in rows for side in (row.one_id, row.other_id)}
    holders = dict(Identifier.objects.filter(pk__in=ids).values_list("pk", "profile_id"))
    return {row.pk: _pair(holders.get(row.one_id), holders.get(row.other_id)) for row in rows}


def silenced_pairs(profile_ids: Collection[int]) -> set[Pair]:
    """Return the pairs among these profiles that were answered, or that a verdict keeps apart."""
    with connection.cursor() as cursor:
        cursor.execute(sql.IDENTIFIERS_OF_PROFILES, [array_of(profile_ids)])
        holders = dict(cursor.fetchall())
        cursor.execute(sql.SILENCED_PAIRS, {"identifiers": array_of(holders)})
        pairs = (_pair(holders[one], holders[other]) for one, other in cursor.fetchall())
        return {pair for pair in pairs if pair is not None}


def proposals_of(profile_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return what is concluded of profiles, by profile, without the other people."""
    names = Identifier.objects.filter(profile__in=profile_ids, namespace=PROFILE)
    holders = dict(names.values_list("pk", "profile_id"))
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _naming(holders):
        for side in (row.one_id, row.other_id):
            if (profile_id := holders.get(side)) is not None:
                rows[profile_id].append(
                    {
                        "probability": row.probability,
                        "weights": row.weights,
                        "state": row.state,
                        "scored_at": row.scored_at,
                    }
                )
    return rows


def delete_proposals(profile_id: int, identifier_ids: Sequence[int]) -> int:
    """Delete what is proposed of a profile, be it that only a part of it is erased."""
    names = Identifier.objects.filter(profile=profile_id, namespace=PROFILE)
    return _naming({*names.values_list("pk", flat=True), *identifier_ids}).delete()[0]


def _open_by_pair(profile_ids: Collection[int]) -> dict[Pair, MatchProposal]:
    """Return the open proposals on these profiles, by the two that they are about now."""
    names = Identifier.objects.filter(profile__in=profile_ids, namespace=PROFILE)
    rows = _naming(names.values_list("pk", flat=True)).filter(state=State.OPEN).order_by("-pk")
    holders = holders_of(rows)
    return {pair: row for row in rows if (pair := holders[row.pk]) is not None}


def _naming(identifier_ids: Iterable[int]) -> QuerySet[MatchProposal]:
    ids = list(identifier_ids)
    return MatchProposal.objects.filter(Q(one__in=ids) | Q(other__in=ids))


def _pair(one: int | None, other: int | None) -> Pair | None:
    if one is None or other is None or one == other:
        return None
    return min(one, other), max(one, other)


def _is_changed(row: MatchProposal, score: Score) -> bool:
    """Give the row the score, and return whether it is another than the stored one."""
    stored = (row.probability, row.prior, row.weights) if row.pk else None
    if stored == (score.probability, score.prior, score.weights):
        return False
    row.probability, row.prior, row.weights = score.probability, score.prior, score.weights
    return True


def _write(rows: Sequence[MatchProposal]) -> None:
    now = database_now()
    for row in rows:
        row.scored_at = now
    # Parted first: a row that is created gets its key.
    known = [row for row in rows if row.pk is not None]
    MatchProposal.objects.bulk_create([row for row in rows if row.pk is None])
    if not known:
        return
    arrays: list[list[Any]] = [
        [row.pk for row in known],
        [row.probability for row in known],
        [row.prior for row in known],
        [json.dumps(row.weights) for row in known],
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SCORE_PROPOSALS, [now, *arrays])
