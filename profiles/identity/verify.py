"""People recomputed from the truth: facts replayed, traits folded, events counted, and compared with what is stored.

Invariant: reads alone, of one snapshot, in batches: drains may go on meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from django.db import connection

from profiles.events import sql as events_sql
from profiles.identity import sql as identity_sql
from profiles.identity.engine import PROFILE, IdentityState
from profiles.identity.replay import (
    IdentityConfiguration,
    StoredFact,
    StoredIdentifier,
    read_configuration,
    replay_facts,
    stored_identifiers,
)
from profiles.lib import exact_json
from profiles.lib.database import consistent_snapshot
from profiles.models import (
    Identifier,
    Profile,
)
from profiles.traits import sql as traits_sql
from profiles.traits.records import golden_of, load_records

COMPONENTS_PER_BATCH = 2_000
PROFILES_PER_BATCH = 2_000
FACTS_PER_FETCH = 2_000
# Statements that look through all profiles at once, by what they find.
SWEEPS = {
    "events with another profile than their identifier": events_sql.MISATTRIBUTED_EVENTS,
    "source records with another profile than their identifier": traits_sql.MISATTRIBUTED_RECORDS,
    "rectifications with another profile than their identifier": traits_sql.MISATTRIBUTED_LOCKS,
    "statistics of a profile that does not exist": events_sql.ORPHANED_STATS,
    "does not hold its own public UUID": identity_sql.PROFILES_WITHOUT_UUID,
    "identifiers of more than one component": identity_sql.PROFILES_IN_SEVERAL_COMPONENTS,
}


class Drift(NamedTuple):
    """Something stored that the truth does not bear out, and the profile or identifier where it shows."""

    kind: str
    subject: str


class FactStream:
    """The facts of ever higher components, read once."""

    def __init__(self, rows: Iterator[StoredFact]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def up_to(self, component: int) -> list[StoredFact]:
        """The facts, not read before, of components up to this one, in order of `seq` and each once."""
        found: dict[int, StoredFact] = {}
        while self._next is not None and self._next.component <= component:
            found[self._next.seq] = self._next
            self._next = next(self._rows, None)
        return [found[seq] for seq in sorted(found)]


def find_drift() -> Iterator[Drift]:
    """Everything that is not as the truth has it, found batch by batch; nothing, if all is well.

    Facts are replayed under the rules of today: after a change of rules, drift is what the change would do.
    """
    with consistent_snapshot():
        for kind, statement in SWEEPS.items():
            yield from (Drift(kind, _profile(number)) for number in _numbers(statement, []))
        yield from _drift_of_identity()
        for profiles in _profile_batches():
            yield from _drift_of_traits(profiles)
            drifted = _numbers(events_sql.DRIFTED_STATS, {"profiles": profiles})
            yield from (Drift("statistics differ from the events", _profile(n)) for n in drifted)


def component_batches() -> Iterator[set[int]]:
    """The numbers of all components."""
    last = -1
    while batch := _numbers(identity_sql.NEXT_COMPONENTS, [last, COMPONENTS_PER_BATCH]):
        yield set(batch)
        last = max(batch)


def _drift_of_identity() -> Iterator[Drift]:
    judge = read_configuration()
    with connection.chunked_cursor() as cursor:
        cursor.execute(identity_sql.FACTS_BY_COMPONENT)
        rows = chain.from_iterable(iter(lambda: cursor.fetchmany(FACTS_PER_FETCH), []))
        facts = FactStream(StoredFact(*row) for row in rows)
        for components in component_batches():
            yield from _drift_of_components(components, facts.up_to(max(components)), judge)


def _drift_of_components(
    components: set[int], facts: Sequence[StoredFact], judge: IdentityConfiguration
) -> Iterator[Drift]:
    stored = stored_identifiers(Identifier.objects.filter(component__in=components))
    mentioned = {number for fact in facts for number in fact.identifier_ids}
    others = stored_identifiers(Identifier.objects.filter(pk__in=mentioned - stored.keys()))
    state = replay_facts(facts, stored | others, judge, components)
    own = [one for one in stored.values() if one.ref.namespace != PROFILE]
    yield from _drift_of_people(own, state)
    yield from _drift_of_identifiers(own, state)


def _drift_of_people(own: Sequence[StoredIdentifier], state: IdentityState) -> Iterator[Drift]:
    """Profiles that hold other identifiers than the replay gives to one person."""
    stored: dict[int, set[int]] = defaultdict(set)
    replayed: dict[int, set[int]] = defaultdict(set)
    for one in own:
        if one.profile_id is not None:
            stored[one.profile_id].add(one.id)
        if (person := state.profile_of(one.ref)) is not None:
            replayed[person].add(one.id)
    people = {frozenset(ids) for ids in replayed.values()}
    for number, ids in stored.items():
        if frozenset(ids) not in people:
            yield Drift("holds other identifiers than its facts give", _profile(number))


def _drift_of_identifiers(own: Sequence[StoredIdentifier], state: IdentityState) -> Iterator[Drift]:
    for one in own:
        holding = state.holding_of(one.ref)
        subject = f"identifier {one.id}"
        if (holding is None) != (one.profile_id is None):
            yield Drift("held by nobody, where its facts say otherwise, or the reverse", subject)
        elif holding is not None and holding[1:] != (one.is_vouched, one.since):
            yield Drift("vouched for, or held since, otherwise than its facts say", subject)


def _drift_of_traits(profile_ids: Sequence[int]) -> Iterator[Drift]:
    golden = golden_of(load_records(profile_ids), profile_ids)
    with connection.cursor() as cursor:
        cursor.execute(traits_sql.GOLDEN_OF_PROFILES, [list(profile_ids)])
        for number, traits in cursor.fetchall():
            if exact_json.loads(traits) != golden[number]:
                yield Drift("traits differ from what sources say", _profile(number))


def _profile_batches() -> Iterator[list[int]]:
    last = 0
    while True:
        after = Profile.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        batch = list(after[:PROFILES_PER_BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1]


def _numbers(statement: str, parameters: Sequence[object] | Mapping[str, object]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [number for (number,) in cursor.fetchall()]


def _profile(number: int) -> str:
    """By its public UUID, which is what staff find it by."""
    uuid = Profile.objects.filter(pk=number).values_list("uuid", flat=True).first()
    return f"profile {uuid}" if uuid else f"profile number {number}"
