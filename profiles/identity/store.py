"""Storing the outcomes of a chunk's facts with set-based statements.

Invariant: afterwards the rows of identifiers equal the engine's state, and the rows of every app
are with the profiles that now have their identifiers.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.cases import Doubt, add_to_cases
from profiles.identity.engine import Outcome
from profiles.identity.facts import Effect
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.lib.database import array_of
from profiles.registry import IdentifierMove, registry
from profiles.traits.golden import CONTACT_TRAITS


class MergeRow(NamedTuple):
    """A row of `profiles.models.Merge`, in the order of COPY_MERGES."""

    survivor_id: int
    absorbed_id: int
    absorbed_uuid: UUID
    survivor_identifier_ids: str
    absorbed_identifier_ids: str
    fact_seq: int
    rule: str
    actor: str
    merged_at: datetime


def insert_profiles(people: LoadedPeople) -> None:
    """Insert the new profiles and their public UUIDs."""
    # A profile can be created and absorbed in one chunk; it is never stored.
    surviving = sorted(new for new in people.new_profiles if people.state.refs_of(new))
    if not surviving:
        return
    uuids = [uuid7() for _ in surviving]
    # The UUID joins the component of any identifier of the profile.
    anchors = [min(people.state.refs_of(new), key=people.rules.rank) for new in surviving]
    days = [people.now.astimezone(UTC).date()] * len(surviving)
    id_array, uuid_array = array_of(surviving), array_of(uuids)
    anchor_array = array_of(people.rows[ref].id for ref in anchors)
    with connection.cursor() as cursor:
        cursor.execute(sql.INSERT_PROFILES, [people.now, people.now, id_array, uuid_array])
        cursor.execute(
            sql.INSERT_PROFILE_IDENTIFIERS, [uuid_array, id_array, anchor_array, array_of(days)]
        )


def write_identifiers(people: LoadedPeople) -> set[int]:
    """Write the state of all identifiers and return the profiles whose contacts changed."""
    changed: list[tuple[int, int, bool, date, bool]] = []
    contact_changes: set[int] = set()
    for ref, row in people.rows.items():
        assignment = people.state.assignment_of(ref)
        if assignment is None:
            # Refused in all facts so far: it is stored without a profile.
            continue
        columns = (*assignment, people.state.is_quarantined(ref))
        if columns != (row.profile_id, row.is_vouched, row.since, row.is_quarantined):
            if not row.is_new:
                changed.append((row.id, *columns))
            if ref.namespace in CONTACT_TRAITS:
                contact_changes.add(assignment.profile)
    _insert_identifiers(people)
    if changed:
        arrays = [array_of(column) for column in zip(*changed, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(sql.UPDATE_IDENTIFIERS, [people.now, *arrays])
    return contact_changes


def _insert_identifiers(people: LoadedPeople) -> None:
    new_rows = [(ref, row) for ref, row in people.rows.items() if row.is_new]
    if not new_rows:
        return
    with connection.cursor() as cursor, cursor.copy(sql.COPY_IDENTIFIERS) as copy:
        for ref, row in new_rows:
            assignment = people.state.assignment_of(ref) or (None, False, row.since)
            profile_id, is_vouched, since = assignment
            quarantined_at = people.now if people.state.is_quarantined(ref) else None
            seen = row.last_seen_on
            copy.write_row(
                (
                    row.id,
                    *ref,
                    profile_id,
                    row.component,
                    is_vouched,
                    since,
                    quarantined_at,
                    seen,
                    seen,
                )
            )


def insert_facts(people: LoadedPeople, facts: Sequence[Observation]) -> list[int]:
    """Store the facts in the order in which they were judged; return their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_FACT_SEQS, [len(facts)])
        seqs = [seq for (seq,) in cursor.fetchall()]
        with cursor.copy(sql.COPY_FACTS) as copy:
            for seq, (refs, source_id, trust, day, digest) in zip(seqs, facts, strict=True):
                ids = array_of(sorted(people.rows[ref].id for ref in refs))
                copy.write_row((seq, digest, ids, source_id, trust, day))
    return seqs


def insert_outcomes(people: LoadedPeople, seqs: Sequence[int]) -> None:
    """Store the outcomes that staff can read. `seqs` are of the facts, by their place."""
    # In the engine `seq` was the place in the chunk.
    ids = {ref: row.id for ref, row in people.rows.items()}
    rows = [
        (row, observation.trust)
        for observation, outcome in people.outcomes.items()
        if not outcome.is_plain
        for row in outcome_rows(ids, seqs[outcome.seq], observation.day, outcome)
    ]
    copy_outcomes(row for row, _ in rows)
    add_to_cases(Doubt(*row, trust) for row, trust in rows)


OutcomeRow = tuple[int, int, int | None, str, date]


def copy_outcomes(outcomes: Iterable[OutcomeRow]) -> None:
    """Store rows of outcomes."""
    rows = list(outcomes)
    if rows:
        with connection.cursor() as cursor, cursor.copy(sql.COPY_OUTCOMES) as copy:
            for row in rows:
                copy.write_row(row)


def outcome_rows(ids: Mapping[Ref, int], seq: int, day: date, outcome: Outcome) -> list[OutcomeRow]:
    """Return the rows of what was not plain in a fact, with the ids of identifiers."""

    def row(ref: Ref, rule: str, wanter: Ref | None) -> OutcomeRow:
        wanter_id = ids[wanter] if wanter else None
        return seq, ids[ref], wanter_id, str(rule), day

    dropped = {drop.ref for drop in outcome.dropped}
    merged = [ref for ref in outcome.wanted if ref not in dropped]
    # A move from a profile that stays is a takeover from a claim.
    quarantined = set(outcome.quarantined)
    pushed_out = [move.ref for move in outcome.set_apart if move.ref not in quarantined]
    taken_over = [move.ref for move in outcome.moved if move.origin not in outcome.absorbed]
    return [
        *(row(drop.ref, drop.rule, drop.wanter) for drop in outcome.dropped),
        *(row(ref, Effect.MERGE, outcome.anchor) for ref in merged),
        *(row(ref, Effect.TAKEOVER, None) for ref in taken_over),
        *(row(ref, Effect.PUSHED_OUT, None) for ref in pushed_out),
        *(row(ref, Effect.QUARANTINE, outcome.anchor) for ref in outcome.quarantined),
    ]


def insert_merges(people: LoadedPeople, merges: Sequence[MergeRow]) -> None:
    """Store the chunk's merges."""
    with connection.cursor() as cursor, cursor.copy(sql.COPY_MERGES) as copy:
        for merge in merges:
            # The survivor may have been absorbed later in the chunk.
            copy.write_row((people.final_survivor(merge.survivor_id), *merge[1:]))


def delete_profiles(profile_ids: Iterable[int]) -> None:
    """Delete profiles that have no rows any more in any app."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_PROFILES, [array_of(profile_ids)])


def moves_of(people: LoadedPeople) -> list[IdentifierMove]:
    """Return the net moves of identifiers between stored profiles."""
    moves = []
    for ref, row in people.rows.items():
        target = people.state.profile_of(ref)
        if row.profile_id is not None and target is not None and target != row.profile_id:
            moves.append(IdentifierMove(row.id, row.profile_id, target))
    return moves


def follow_moves(people: LoadedPeople, moves: Sequence[IdentifierMove]) -> None:
    """Move the rows of every app after the identifiers, then delete the absorbed profiles."""
    pairs = [
        (people.final_survivor(absorbed), absorbed)
        for outcome in people.outcomes.values()
        for absorbed in (*outcome.absorbed, *(join.absorbed for join in outcome.joins))
        if absorbed not in people.new_profiles  # nothing is stored for those
    ]
    registry.follow(moves, pairs)
    # Last: rows of other apps point at these profiles until they are moved.
    if pairs:
        delete_profiles(absorbed for _, absorbed in pairs)
