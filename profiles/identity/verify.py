"""Finding drift: derived rows that differ from what their sources give.

Facts are replayed, traits folded, events counted and accounts derived, and the result is compared
with what is stored. Invariant: it only reads, in batches of one snapshot, so that drains go on
meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from django.db import connection

from profiles.accounts import sql as accounts_sql
from profiles.accounts.verify import drifted_accounts
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
from profiles.models import Identifier, Profile
from profiles.traits import sql as traits_sql
from profiles.traits.records import golden_of, load_records

COMPONENTS_PER_BATCH = 2_000
PROFILES_PER_BATCH = 2_000
FACTS_PER_FETCH = 2_000
# Statements that return the ids of drifted profiles in one pass, by the kind of their drift.
SWEEPS = {
    "events with another profile than their identifier": events_sql.MISATTRIBUTED_EVENTS,
    "source records with another profile than their identifier": traits_sql.MISATTRIBUTED_RECORDS,
    "rectifications with another profile than their identifier": traits_sql.MISATTRIBUTED_LOCKS,
    "special traits with another profile than their identifier": traits_sql.MISATTRIBUTED_SPECIAL,
    "memberships of accounts with another profile than their identifier": (
        accounts_sql.MISATTRIBUTED_MEMBERS
    ),
    "statistics of a profile that does not exist": events_sql.ORPHANED_STATS,
    "does not hold its own public UUID": identity_sql.PROFILES_WITHOUT_UUID,
    "identifiers of more than one component": identity_sql.PROFILES_IN_SEVERAL_COMPONENTS,
}


class Drift(NamedTuple):
    """A difference between what is stored and what its sources give. `subject` is where it is."""

    kind: str
    subject: str


class FactStream:
    """Facts ordered by component, which are read once, batch by batch."""

    def __init__(self, rows: Iterator[StoredFact]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def up_to(self, component: int) -> list[StoredFact]:
        """Return the facts of components up to this one that were not read yet, by `seq`."""
        # A fact comes once for each component that it names: key by `seq` to have it once.
        facts: dict[int, StoredFact] = {}
        while self._next is not None and self._next.component <= component:
            facts[self._next.seq] = self._next
            self._next = next(self._rows, None)
        return [facts[seq] for seq in sorted(facts)]


def find_drift() -> Iterator[Drift]:
    """Yield all drift, batch by batch.

    Each fact is replayed under the rules by which it was judged.
    """
    with consistent_snapshot():
        for kind, statement in SWEEPS.items():
            yield from (Drift(kind, _subject(profile_id)) for profile_id in _ids(statement, []))
        yield from _drift_of_identity()
        for kind, account_id in drifted_accounts():
            yield Drift(kind, f"account number {account_id}")
        for profile_ids in _profile_batches():
            yield from _drift_of_traits(profile_ids)
            drifted = _ids(events_sql.DRIFTED_STATS, {"profiles": profile_ids})
            for profile_id in drifted:
                yield Drift("statistics differ from the events", _subject(profile_id))


def component_batches() -> Iterator[set[int]]:
    """Yield the numbers of all components in ascending batches."""
    last = -1
    while batch := _ids(identity_sql.NEXT_COMPONENTS, [last, COMPONENTS_PER_BATCH]):
        yield set(batch)
        last = max(batch)


def _drift_of_identity() -> Iterator[Drift]:
    configuration = read_configuration()
    with connection.chunked_cursor() as cursor:
        cursor.execute(identity_sql.FACTS_BY_COMPONENT)
        rows = chain.from_iterable(iter(lambda: cursor.fetchmany(FACTS_PER_FETCH), []))
        facts = FactStream(StoredFact(*row) for row in rows)
        for components in component_batches():
            batch = facts.up_to(max(components))
            yield from _drift_of_components(components, batch, configuration)


def _drift_of_components(
    components: set[int], facts: Sequence[StoredFact], configuration: IdentityConfiguration
) -> Iterator[Drift]:
    stored = stored_identifiers(Identifier.objects.filter(component__in=components))
    # Facts also name quarantined identifiers of other components.
    mentioned = {identifier_id for fact in facts for identifier_id in fact.identifier_ids}
    others = stored_identifiers(Identifier.objects.filter(pk__in=mentioned - stored.keys()))
    state = replay_facts(facts, stored | others, configuration, components)
    # No fact assigns a public UUID; a sweep checks them.
    identifiers = [
        identifier for identifier in stored.values() if identifier.ref.namespace != PROFILE
    ]
    yield from _drift_of_profiles(identifiers, state)
    yield from _drift_of_identifiers(identifiers, state)


def _drift_of_profiles(
    identifiers: Sequence[StoredIdentifier], state: IdentityState
) -> Iterator[Drift]:
    """Compare which identifiers are together; the replay has numbers of its own for profiles."""
    stored: dict[int, set[int]] = defaultdict(set)
    replayed: dict[int, set[int]] = defaultdict(set)
    for identifier in identifiers:
        if identifier.profile_id is not None:
            stored[identifier.profile_id].add(identifier.id)
        if (number := state.profile_of(identifier.ref)) is not None:
            replayed[number].add(identifier.id)
    clusters = {frozenset(ids) for ids in replayed.values()}
    for profile_id, ids in stored.items():
        if frozenset(ids) not in clusters:
            yield Drift("holds other identifiers than its facts give", _subject(profile_id))


def _drift_of_identifiers(
    identifiers: Sequence[StoredIdentifier], state: IdentityState
) -> Iterator[Drift]:
    for identifier in identifiers:
        assignment = state.assignment_of(identifier.ref)
        subject = f"identifier {identifier.id}"
        if (assignment is None) != (identifier.profile_id is None):
            yield Drift("held by nobody, where its facts say otherwise, or the reverse", subject)
        elif assignment and assignment[1:] != (identifier.is_vouched, identifier.since):
            yield Drift("vouched for, or held since, otherwise than its facts say", subject)


def _drift_of_traits(profile_ids: Sequence[int]) -> Iterator[Drift]:
    golden = golden_of(load_records(profile_ids), profile_ids)
    with connection.cursor() as cursor:
        cursor.execute(traits_sql.GOLDEN_OF_PROFILES, [list(profile_ids)])
        for profile_id, traits in cursor.fetchall():
            if exact_json.loads(traits) != golden[profile_id]:
                yield Drift("traits differ from what sources say", _subject(profile_id))


def _profile_batches() -> Iterator[list[int]]:
    last = 0
    while True:
        after = Profile.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
        batch = list(after[:PROFILES_PER_BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1]


def _ids(statement: str, parameters: list[int] | Mapping[str, list[int]]) -> list[int]:
    """Return the single column of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [row_id for (row_id,) in cursor.fetchall()]


def _subject(profile_id: int) -> str:
    """Name a profile by its public UUID, by which staff can find it."""
    uuid = Profile.objects.filter(pk=profile_id).values_list("uuid", flat=True).first()
    return f"profile {uuid}" if uuid else f"profile number {profile_id}"
