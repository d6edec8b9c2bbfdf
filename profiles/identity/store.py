"""What came of a chunk's facts, written in sets. Invariant: the rows are the engine's state, and every app's rows follow."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.engine import Outcome
from profiles.identity.loaded import LoadedPeople, NewFact
from profiles.lib.database import array_of
from profiles.registry import IdentifierMove, registry
from profiles.traits.golden import CONTACT_TRAITS


class MergeRow(NamedTuple):
    """One profile taken up into another, as `profiles.models.Merge` keeps it."""

    survivor_id: int
    absorbed_id: int
    absorbed_uuid: UUID
    survivor_identifier_ids: str
    absorbed_identifier_ids: str
    fact_id: int
    rule: str
    actor: str
    merged_at: datetime


def insert_profiles(people: LoadedPeople) -> None:
    """The new profiles that are still there at the end of the chunk, each with its public UUID."""
    alive = sorted(number for number in people.new_profiles if people.state.refs_of(number))
    if not alive:
        return
    uuids = [uuid7() for _ in alive]
    anchors = [min(people.state.refs_of(number), key=people.rules.rank) for number in alive]
    days = [people.now.astimezone(UTC).date()] * len(alive)
    with connection.cursor() as cursor:
        numbers, names = array_of(alive), array_of(uuids)
        cursor.execute(sql.INSERT_PROFILES, [people.now, people.now, numbers, names])
        holders = array_of(people.rows[ref].id for ref in anchors)
        cursor.execute(sql.INSERT_PROFILE_IDENTIFIERS, [names, numbers, holders, array_of(days)])


def write_identifiers(people: LoadedPeople) -> set[int]:
    """Write who holds what now; return the profiles whose e-mail addresses or telephone numbers changed."""
    changed: list[tuple[int, int, bool, date, bool]] = []
    contact_changes: set[int] = set()
    for ref, row in people.rows.items():
        holding = people.state.holding_of(ref)
        if holding is None:
            continue
        wanted = (*holding, people.state.is_quarantined(ref))
        if wanted != (row.profile_id, row.is_vouched, row.since, row.is_quarantined):
            if not row.is_new:
                changed.append((row.id, *wanted))
            if ref.namespace in CONTACT_TRAITS:
                contact_changes.add(holding.profile)
    _insert_identifiers(people)
    if changed:
        columns = [array_of(column) for column in zip(*changed, strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(sql.UPDATE_IDENTIFIERS, [people.now, *columns])
    return contact_changes


def _insert_identifiers(people: LoadedPeople) -> None:
    """The new ones, with whoever holds them; nobody does where a rule refused them."""
    fresh = [(ref, row) for ref, row in people.rows.items() if row.is_new]
    if not fresh:
        return
    with connection.cursor() as cursor, cursor.copy(sql.COPY_IDENTIFIERS) as copy:
        for ref, row in fresh:
            held = people.state.holding_of(ref) or (None, False, row.since)
            quarantined_at = people.now if people.state.is_quarantined(ref) else None
            seen = row.last_seen_on
            copy.write_row(
                (row.id, *ref, held[0], row.component, *held[1:], quarantined_at, seen, seen)
            )


def insert_facts(people: LoadedPeople, facts: Sequence[NewFact]) -> dict[int, int]:
    """Store the facts in the order in which they were judged, and what each did that was not plain.

    Returns the keys of the facts that were not plain, by their place in the chunk.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.FACT_NUMBERS, [len(facts)])
        numbers = [number for (number,) in cursor.fetchall()]
        with cursor.copy(sql.COPY_FACTS) as copy:
            for fact, number in zip(facts, numbers, strict=True):
                sighting = fact.sighting
                ids = array_of(sorted(people.rows[ref].id for ref in sighting.refs))
                copy.write_row(
                    (number, fact.digest, ids, sighting.source_id, sighting.trust, sighting.day)
                )
    notable = {
        numbers[outcome.seq]: (sighting.day, outcome)
        for sighting, outcome in people.outcomes.items()
        if not outcome.is_plain
    }
    if not notable:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(sql.FACT_KEYS, [array_of(notable)])
        keys: dict[int, int] = dict(cursor.fetchall())
        with cursor.copy(sql.COPY_OUTCOMES) as copy:
            for seq, key in keys.items():
                for row in _outcome_rows(people, key, *notable[seq]):
                    copy.write_row(row)
    return {notable[seq][1].seq: key for seq, key in keys.items()}


OutcomeRow = tuple[int, int, int | None, str, date]


def _outcome_rows(
    people: LoadedPeople, fact_id: int, day: date, outcome: Outcome
) -> list[OutcomeRow]:
    def row(ref: Ref, rule: str, wanter: Ref | None) -> OutcomeRow:
        wanter_id = people.rows[wanter].id if wanter else None
        return fact_id, people.rows[ref].id, wanter_id, str(rule), day

    dropped = {drop.ref for drop in outcome.dropped}
    merged = [ref for ref in outcome.wanted if ref not in dropped]
    taken = [move.ref for move in outcome.moved if move.origin not in outcome.absorbed]
    return [
        *(row(drop.ref, drop.rule, drop.wanter) for drop in outcome.dropped),
        *(row(ref, "merge", outcome.anchor) for ref in merged),
        *(row(ref, "takeover", None) for ref in taken),
        *(row(ref, "quarantine", outcome.anchor) for ref in outcome.quarantined),
    ]


def insert_merges(people: LoadedPeople, merges: Sequence[MergeRow]) -> None:
    """Merges of survivors that were absorbed themselves in the same chunk belong to the last one."""
    with connection.cursor() as cursor, cursor.copy(sql.COPY_MERGES) as copy:
        for merge in merges:
            copy.write_row((people.final(merge.survivor_id), *merge[1:]))


def delete_profiles(profile_ids: Iterable[int]) -> None:
    """Let go of profiles that hold nothing any more."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DELETE_PROFILES, [array_of(profile_ids)])


def moves_of(people: LoadedPeople) -> list[IdentifierMove]:
    """The identifiers that changed hands between profiles of the database, in net."""
    moves = []
    for ref, row in people.rows.items():
        target = people.state.profile_of(ref)
        if row.profile_id is not None and target is not None and target != row.profile_id:
            moves.append(IdentifierMove(row.id, row.profile_id, target))
    return moves


def follow_moves(people: LoadedPeople, moves: Sequence[IdentifierMove]) -> None:
    """Let every app's rows follow the identifiers, then let go of the profiles that ceased."""
    pairs = [
        (people.final(absorbed), absorbed)
        for outcome in people.outcomes.values()
        for absorbed in outcome.absorbed
        if absorbed not in people.new_profiles
    ]
    registry.follow(moves, pairs)
    if pairs:
        delete_profiles(absorbed for _, absorbed in pairs)
