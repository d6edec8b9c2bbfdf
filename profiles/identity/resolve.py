"""One chunk's sightings on their way through the identity engine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from profiles.identity import sql, store
from profiles.identity.components import join_components
from profiles.identity.engine import PROFILE, Fact, Outcome, Rules, Trust, apply_fact
from profiles.identity.loaded import LoadedPeople, NewFact
from profiles.identity.observations import Attribution, Observation, Resolution
from profiles.lib.database import array_of


def resolve_observations(
    sightings: Iterable[Observation], *, rules: Rules, source_keys: Mapping[int, str], now: datetime
) -> Resolution:
    """Say whose each sighting is, making, joining and vouching for profiles as the facts that are new demand."""
    distinct = list(dict.fromkeys(sightings))
    judgement = Resolution()
    if not distinct:
        return judgement
    people = LoadedPeople(rules, source_keys, now)
    people.load_rows({ref for sighting in distinct for ref in sighting.refs})
    if facts := people.new_facts(distinct):
        people.make_rows(facts)
        people.load_state(facts)
        merging = _apply(people, facts)
        _write(people, facts, merging, judgement)
    _see(people, distinct)
    judgement.landings = {sighting: _landing(people, sighting) for sighting in distinct}
    judgement.changed_profiles = judgement.moved_profiles.union(
        landing.profile_id for landing in judgement.landings.values()
    )
    return judgement


@dataclass(frozen=True, slots=True)
class ChunkMerge:
    """What one fact merged, and who held what until then: consents are folded per side."""

    seq: int
    survivor_id: int
    staying: list[int]
    absorbed: list[tuple[int, UUID, list[int]]]


def _apply(people: LoadedPeople, facts: Sequence[NewFact]) -> list[ChunkMerge]:
    """Fold the facts; return what they merged."""
    decisions = people.decisions()
    mergings: list[ChunkMerge] = []
    for seq, new in enumerate(facts):
        sighting = new.sighting
        key = people.source_keys[sighting.source_id]
        fact = Fact(seq, sighting.refs, key, Trust(sighting.trust), sighting.day)
        outcome = apply_fact(people.state, fact, people.rules, decisions)
        people.outcomes[sighting] = outcome
        people.survivors.update(dict.fromkeys(outcome.absorbed, outcome.profile))
        mergings += _mergings(people, outcome)
    return mergings


def _mergings(people: LoadedPeople, outcome: Outcome) -> list[ChunkMerge]:
    """None where the profiles absorbed were made in this very chunk: nobody has seen them."""
    former = [profile for profile in outcome.absorbed if profile not in people.new_profiles]
    if not former:
        return []
    arrived = {move.ref for move in outcome.moved}.union(outcome.attached)
    staying = people.state.refs_of(outcome.profile) - arrived
    sides = []
    for absorbed in former:
        leaving = [move.ref for move in outcome.moved if move.origin == absorbed]
        uuid = next(ref.value for ref in leaving if ref.namespace == PROFILE)
        sides.append((absorbed, UUID(uuid), [people.rows[ref].id for ref in leaving]))
    kept = [people.rows[ref].id for ref in staying]
    return [ChunkMerge(outcome.seq, outcome.profile, kept, sides)]


def _merge_rows(
    people: LoadedPeople, mergings: Sequence[ChunkMerge], keys: Mapping[int, int]
) -> list[store.MergeRow]:
    """One row for each profile absorbed. `keys` gives the fact by its place in the chunk."""
    return [
        store.MergeRow(
            merging.survivor_id,
            absorbed_id,
            uuid,
            array_of(sorted(merging.staying)),
            array_of(sorted(leaving)),
            keys[merging.seq],
            "shared identifier",
            "identity",
            people.now,
        )
        for merging in mergings
        for absorbed_id, uuid, leaving in merging.absorbed
    ]


def _write(
    people: LoadedPeople,
    facts: Sequence[NewFact],
    mergings: Sequence[ChunkMerge],
    judgement: Resolution,
) -> None:
    join_components(people, [fact.sighting for fact in facts])
    judgement.contact_changes = store.write_identifiers(people)
    store.insert_profiles(people)
    keys = store.insert_facts(people, facts)
    store.insert_merges(people, _merge_rows(people, mergings, keys))
    judgement.moves = store.moves_of(people)
    store.follow_moves(people, judgement.moves)


def _see(people: LoadedPeople, sightings: Sequence[Observation]) -> None:
    """Note the day on which each identifier was last seen, where it is a later one."""
    seen: dict[int, date] = {}
    for sighting in sightings:
        for ref in sighting.refs:
            row = people.rows[ref]
            if row.last_seen_on < sighting.day:
                seen[row.id] = max(sighting.day, seen.get(row.id, sighting.day))
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(sql.SET_LAST_SEEN, [array_of(seen), array_of(seen.values())])


def _landing(people: LoadedPeople, sighting: Observation) -> Attribution:
    """By the anchor of a new fact; a known one lands with the highest identifier that it kept and somebody holds."""
    outcome = people.outcomes.get(sighting)
    ranked = sighting.refs
    if outcome:
        ranked = (outcome.anchor,)
    elif len(ranked) > 1:
        refused = people.refused.get(sighting, ())
        kept = [ref for ref in ranked if people.rows[ref].id not in refused]
        ranked = tuple(sorted(kept, key=people.rules.rank))
    for may_be_quarantined in (False, True):
        for ref in ranked:
            row = people.rows[ref]
            profile = people.state.profile_of(ref) or row.profile_id
            if profile is not None and (may_be_quarantined or not row.is_quarantined):
                return Attribution(profile, row.id)
    raise LookupError("A fact landed nowhere.")
