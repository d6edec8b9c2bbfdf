"""People recomputed from the truth: facts replayed, traits folded, events counted, and compared with what is stored.

Invariant: reads alone, of one snapshot, in batches: drains may go on meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import chain, count
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Min, QuerySet

from profiles import sql
from profiles.golden import decode
from profiles.identity import PROFILE, Decisions, Fact, Ref, Rules, State, Trust, apply
from profiles.models import (
    Identifier,
    IdentityDecision,
    IdentityOutcome,
    Profile,
    Source,
)
from profiles.services.identity import load_rules
from profiles.services.traits import golden_of, load_known

COMPONENTS_PER_BATCH = 2_000
PROFILES_PER_BATCH = 2_000
FACTS_PER_FETCH = 2_000
# Statements that look through all profiles at once, by what they find.
SWEEPS = {
    "events with another profile than their identifier": sql.ASTRAY_EVENTS,
    "source records with another profile than their identifier": sql.ASTRAY_RECORDS,
    "rectifications with another profile than their identifier": sql.ASTRAY_LOCKS,
    "statistics of a profile that does not exist": sql.ASTRAY_STATS,
    "does not hold its own public UUID": sql.NAMELESS_PROFILES,
    "identifiers of more than one component": sql.SCATTERED_PROFILES,
}


class Drift(NamedTuple):
    """Something stored that the truth does not bear out, and the profile or identifier where it shows."""

    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class Judge:
    """What facts are judged by, read once."""

    rules: Rules
    decisions: Decisions
    source_keys: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Named:
    """One identifier as it is stored."""

    id: int
    ref: Ref
    profile_id: int | None
    component: int
    is_vouched: bool
    since: date


class StoredFact(NamedTuple):
    """One fact, beside one of the components that it names."""

    component: int
    seq: int
    identifier_ids: list[int]
    source_id: int
    trust: int
    day: date


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
    with one_snapshot():
        for kind, statement in SWEEPS.items():
            yield from (Drift(kind, _profile(number)) for number in _numbers(statement, []))
        yield from _drift_of_identity()
        for profiles in _profile_batches():
            yield from _drift_of_traits(profiles)
            drifted = _numbers(sql.DRIFTED_STATS, {"profiles": profiles})
            yield from (Drift("statistics differ from the events", _profile(n)) for n in drifted)


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All reads see the same moment. Within a transaction of the caller's, they see that one's."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql.READ_ONE_SNAPSHOT)
        yield


def component_batches() -> Iterator[set[int]]:
    """The numbers of all components."""
    last = -1
    while batch := _numbers(sql.NEXT_COMPONENTS, [last, COMPONENTS_PER_BATCH]):
        yield set(batch)
        last = max(batch)


def replay(
    facts: Sequence[StoredFact], named: Mapping[int, Named], judge: Judge, home: Collection[int]
) -> State:
    """The people that facts make, in order of `seq`, of the components in `home`.

    A fact may name identifiers of another component, if they were quarantined before it: it belongs to the others.
    """
    state = State(count(1).__next__)
    sealed = _quarantined_by(named)
    for fact in facts:
        known = [named[number] for number in fact.identifier_ids if number in named]
        quarantined = [one for one in known if sealed.get(one.id, fact.seq) < fact.seq]
        usable = [one for one in known if one not in quarantined]
        ranked = usable or sorted(quarantined, key=lambda one: judge.rules.rank(one.ref))
        if ranked and ranked[0].component in home:
            for one in quarantined:
                state.quarantine(one.ref)
            _hold_public_uuids(state, known, named.values(), fact.day)
            _apply(state, fact, known, judge)
    return state


def _apply(state: State, fact: StoredFact, known: Sequence[Named], judge: Judge) -> None:
    refs = tuple(one.ref for one in known)
    source = judge.source_keys[fact.source_id]
    told = Fact(fact.seq, refs, source, Trust(fact.trust), fact.day)
    apply(state, told, judge.rules, judge.decisions)


def _hold_public_uuids(
    state: State, known: Sequence[Named], named: Collection[Named], day: date
) -> None:
    """No fact gives a profile its UUID; where one names it, it is the oldest profile that is part of its holder now."""
    for one in known:
        if one.ref.namespace == PROFILE and state.profile_of(one.ref) is None:
            holders = {
                state.profile_of(other.ref) for other in named if other.profile_id == one.profile_id
            }
            if found := holders - {None}:
                state.hold(one.ref, min(number for number in found if number), False, day)


def _drift_of_identity() -> Iterator[Drift]:
    judge = read_judge()
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql.FACTS_BY_COMPONENT)
        rows = chain.from_iterable(iter(lambda: cursor.fetchmany(FACTS_PER_FETCH), []))
        facts = FactStream(StoredFact(*row) for row in rows)
        for components in component_batches():
            yield from _drift_of_components(components, facts.up_to(max(components)), judge)


def _drift_of_components(
    components: set[int], facts: Sequence[StoredFact], judge: Judge
) -> Iterator[Drift]:
    stored = named(Identifier.objects.filter(component__in=components))
    mentioned = {number for fact in facts for number in fact.identifier_ids}
    others = named(Identifier.objects.filter(pk__in=mentioned - stored.keys()))
    state = replay(facts, stored | others, judge, components)
    own = [one for one in stored.values() if one.ref.namespace != PROFILE]
    yield from _drift_of_people(own, state)
    yield from _drift_of_identifiers(own, state)


def _drift_of_people(own: Sequence[Named], state: State) -> Iterator[Drift]:
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


def _drift_of_identifiers(own: Sequence[Named], state: State) -> Iterator[Drift]:
    for one in own:
        holding = state.holding_of(one.ref)
        subject = f"identifier {one.id}"
        if (holding is None) != (one.profile_id is None):
            yield Drift("held by nobody, where its facts say otherwise, or the reverse", subject)
        elif holding is not None and holding[1:] != (one.is_vouched, one.since):
            yield Drift("vouched for, or held since, otherwise than its facts say", subject)


def _drift_of_traits(profile_ids: Sequence[int]) -> Iterator[Drift]:
    golden = golden_of(load_known(profile_ids), profile_ids)
    with connection.cursor() as cursor:
        cursor.execute(sql.GOLDEN_OF_PROFILES, [list(profile_ids)])
        for number, traits in cursor.fetchall():
            if decode.decode(traits) != golden[number]:
                yield Drift("traits differ from what sources say", _profile(number))


def read_judge() -> Judge:
    pairs = IdentityDecision.objects.select_related("one", "other")
    decisions = Decisions(
        (Ref(pair.one.namespace, pair.one.value), Ref(pair.other.namespace, pair.other.value))
        for pair in pairs
    )
    return Judge(load_rules(), decisions, dict(Source.objects.values_list("pk", "key")))


def named(identifiers: QuerySet[Identifier]) -> dict[int, Named]:
    fields = ("pk", "namespace", "value", "profile_id", "component", "is_vouched", "since")
    rows = identifiers.values_list(*fields)
    return {
        number: Named(number, Ref(namespace, value), *rest)
        for number, namespace, value, *rest in rows
    }


def _quarantined_by(named: Collection[int]) -> dict[int, int]:
    """By the fact of which number an identifier was quarantined; from the next one on it is left out."""
    outcomes = IdentityOutcome.objects.filter(identifier__in=list(named), rule="quarantine")
    return dict(outcomes.values_list("identifier_id").annotate(Min("fact__seq")))


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
