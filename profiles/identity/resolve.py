"""Resolving a chunk's observations into attributions, by the identity engine."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from profiles.identifiers.references import Ref
from profiles.identity import sql, store
from profiles.identity.claims import cut_claims
from profiles.identity.components import join_components
from profiles.identity.engine import PROFILE, Fact, Outcome, Rules, Trust, apply_fact
from profiles.identity.facts import MergeRule
from profiles.identity.former import name_profiles
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Attribution, Observation, Resolution
from profiles.identity.ruleset.versions import record_rules
from profiles.lib.database import array_of


def resolve_observations(
    observations: Iterable[Observation],
    *,
    rules: Rules,
    source_keys: Mapping[int, str],
    now: datetime,
) -> Resolution:
    """Attribute each observation to a profile, creating and merging profiles where new facts ask.

    `source_keys` has the key of every source by its id. The caller holds the people lock.
    """
    distinct = list(dict.fromkeys(observations))
    resolution = Resolution()
    if not distinct:
        return resolution
    people = LoadedPeople(rules, source_keys, now)
    people.load_rows({ref for observation in distinct for ref in observation.refs})
    facts = people.new_facts(distinct)
    if cut := cut_claims(people, facts):
        resolution.cut_claims = cut
        judged = list(dict.fromkeys(cut.get(observation, observation) for observation in distinct))
        facts = people.new_facts(judged)
    else:
        judged = distinct
    if facts:
        people.rules = record_rules(rules)
        people.make_rows(facts)
        people.load_state(facts)
        merges = _apply_facts(people, facts)
        _store_outcomes(people, facts, merges, resolution)
    _update_last_seen(people, judged)
    resolution.attributions = {
        observation: _attribute(people, cut.get(observation, observation))
        for observation in distinct
    }
    resolution.changed_profiles = resolution.moved_profiles.union(
        attribution.profile_id for attribution in resolution.attributions.values()
    )
    return resolution


@dataclass(frozen=True, slots=True)
class ChunkMerge:
    """A merge by one fact, with the identifiers that each side had before it.

    Consents are folded for each side apart. `absorbed` has (profile, UUID, identifier ids).
    """

    seq: int
    survivor_id: int
    survivor_identifier_ids: list[int]
    absorbed: list[tuple[int, UUID, list[int]]]
    rule: MergeRule = MergeRule.SHARED


def _apply_facts(people: LoadedPeople, facts: Sequence[Observation]) -> list[ChunkMerge]:
    merges: list[ChunkMerge] = []
    for place, observation in enumerate(facts):
        source_key = people.source_keys[observation.source_id]
        # The stored `seq` is drawn later; within the chunk the place is enough.
        fact = Fact(place, observation.refs, source_key, Trust(observation.trust), observation.day)
        outcome = apply_fact(people.state, fact, people.rules, people.decisions)
        people.outcomes[observation] = outcome
        people.survivors.update(dict.fromkeys(outcome.absorbed, outcome.profile))
        people.survivors.update({join.absorbed: join.survivor for join in outcome.joins})
        merges += _stored_merges(people, outcome)
        merges += _decided_merges(people, outcome)
    return merges


def _stored_merges(people: LoadedPeople, outcome: Outcome) -> list[ChunkMerge]:
    """Return the fact's merge, if any of the profiles that it absorbed is stored."""
    # A profile created in this very chunk was never visible to anybody: its merge is no news.
    absorbed_ids = [profile for profile in outcome.absorbed if profile not in people.new_profiles]
    if not absorbed_ids:
        return []
    arrived = {move.ref for move in outcome.moved}.union(outcome.attached)
    staying = _refs_before_joins(people, outcome) - arrived
    absorbed = []
    # What left for a profile of its own is on neither side of the merge.
    apart = {move.ref for move in outcome.set_apart}
    for absorbed_id in absorbed_ids:
        leaving = [
            move.ref
            for move in outcome.moved
            if move.origin == absorbed_id and move.ref not in apart
        ]
        uuid = next(ref.value for ref in leaving if ref.namespace == PROFILE)
        absorbed.append((absorbed_id, UUID(uuid), [people.rows[ref].id for ref in leaving]))
    staying_ids = [people.rows[ref].id for ref in staying]
    return [ChunkMerge(outcome.seq, outcome.profile, staying_ids, absorbed)]


def _refs_before_joins(people: LoadedPeople, outcome: Outcome) -> AbstractSet[Ref]:
    """Return the refs of the fact's profile before verdicts joined it to others."""
    for join in outcome.joins:
        if join.absorbed == outcome.profile:
            return {move.ref for move in join.moves}
        if join.survivor == outcome.profile:
            return set(join.staying)
    return people.state.refs_of(outcome.profile)


def _decided_merges(people: LoadedPeople, outcome: Outcome) -> list[ChunkMerge]:
    """Return the merges of stored profiles that verdicts made after the fact."""
    merges = []
    for join in outcome.joins:
        if join.absorbed not in people.new_profiles:
            moved = [move.ref for move in join.moves]
            uuid = UUID(next(ref.value for ref in moved if ref.namespace == PROFILE))
            staying_ids = [people.rows[ref].id for ref in join.staying]
            absorbed = (join.absorbed, uuid, [people.rows[ref].id for ref in moved])
            merges.append(
                ChunkMerge(outcome.seq, join.survivor, staying_ids, [absorbed], MergeRule.DECISION)
            )
    return merges


def _merge_rows(
    people: LoadedPeople, merges: Sequence[ChunkMerge], seqs: Sequence[int]
) -> list[store.MergeRow]:
    """Return one row for each absorbed profile. `seqs` are of the chunk's facts, by their place."""
    return [
        store.MergeRow(
            merge.survivor_id,
            absorbed_id,
            uuid,
            array_of(sorted(merge.survivor_identifier_ids)),
            array_of(sorted(identifier_ids)),
            seqs[merge.seq],
            merge.rule,
            "identity",
            people.now,
        )
        for merge in merges
        for absorbed_id, uuid, identifier_ids in merge.absorbed
    ]


def _store_outcomes(
    people: LoadedPeople,
    facts: Sequence[Observation],
    merges: Sequence[ChunkMerge],
    resolution: Resolution,
) -> None:
    # First, since new identifiers are inserted with their components.
    join_components(people, facts)
    resolution.contact_changes = store.write_identifiers(people)
    store.insert_profiles(people)
    seqs = store.insert_facts(people, facts)
    store.insert_outcomes(people, seqs)
    store.insert_merges(people, _merge_rows(people, merges, seqs))
    resolution.moves = store.moves_of(people)
    store.follow_moves(people, resolution.moves)
    if people.decisions.joins_any:
        name_profiles({people.final_survivor(merge.survivor_id) for merge in merges})


def _update_last_seen(people: LoadedPeople, observations: Sequence[Observation]) -> None:
    """Write the day on which each identifier was last seen, if it is later than the stored one."""
    seen: dict[int, date] = {}
    for observation in observations:
        for ref in observation.refs:
            row = people.rows[ref]
            if row.last_seen_on < observation.day:
                seen[row.id] = max(observation.day, seen.get(row.id, observation.day))
    if seen:
        with connection.cursor() as cursor:
            cursor.execute(sql.SET_LAST_SEEN, [array_of(seen), array_of(seen.values())])


def _attribute(people: LoadedPeople, observation: Observation) -> Attribution:
    """Attribute a new fact by its anchor, a known one by the highest identifier that it kept."""
    outcome = people.outcomes.get(observation)
    ranked = observation.refs
    if outcome:
        ranked = (outcome.anchor,)
    elif len(ranked) > 1:
        refused = people.refused.get(observation, ())
        kept = [ref for ref in ranked if people.rows[ref].id not in refused]
        ranked = tuple(sorted(kept, key=people.rules.rank))
    # A quarantined identifier names nobody as long as another one does.
    for may_be_quarantined in (False, True):
        for ref in ranked:
            row = people.rows[ref]
            # The state has only the profiles of new facts; the row has the stored profile.
            profile_id = people.state.profile_of(ref) or row.profile_id
            if profile_id is not None and (may_be_quarantined or not row.is_quarantined):
                return Attribution(profile_id, row.id)
    raise LookupError("A fact landed nowhere.")
