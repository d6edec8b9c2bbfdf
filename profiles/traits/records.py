"""Source records, and the golden traits that are folded from them.

Invariant: `profile.traits` always equals the fold of the profile's records, locks and contacts.
What is special (article 9) lies apart and is in none of them. The caller of every function that
writes holds the people lock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.models import Profile, Source, TraitDefinition
from profiles.traits import sql
from profiles.traits.golden import (
    Contact,
    Lock,
    Policy,
    Statement,
    golden_traits,
    is_empty,
    merge_record,
)
from profiles.traits.new_names import define_new_traits
from profiles.traits.special import (
    SpecialKey,
    SpecialStatement,
    load_special,
    opened,
    special_among,
    store_special,
)
from profiles.traits.statements import RecordKey, TraitStatement


@dataclass(slots=True)
class ProfileRecords:
    """The source records, locks, contacts and computed traits of some profiles.

    `computed_keys` are the traits that are computed of everybody, `special` those that were loaded
    of each profile and are not in its golden record.
    """

    records: dict[RecordKey, dict[str, Any]] = field(default_factory=dict)
    locks: dict[int, dict[str, Lock]] = field(default_factory=lambda: defaultdict(dict))
    contacts: dict[int, list[Contact]] = field(default_factory=lambda: defaultdict(list))
    computed: dict[int, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    computed_keys: Collection[str] = ()
    special: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def computed_of(self, profile_id: int) -> dict[str, Any]:
        """Return each computed trait of a profile, None where it has no value."""
        return dict.fromkeys(self.computed_keys) | self.computed.get(profile_id, {})

    def with_special(
        self, profile_id: int, folded: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the stored golden traits, and of those folded anew the special ones."""
        special = self.special.get(profile_id, ())
        return {**stored, **{key: value for key, value in folded.items() if key in special}}


def record_traits(
    statements: Sequence[TraitStatement], *, now: datetime, stale_profiles: Iterable[int] = ()
) -> set[int]:
    """Store new statements, fold the golden traits, and return the profiles whose traits changed.

    `stale_profiles` are folded too. Their golden traits may change without a statement, for example
    because they gained an e-mail address.
    """
    profiles = {statement.key.profile_id for statement in statements}.union(stale_profiles)
    if not profiles:
        return set()
    define_new_traits(statements)
    loaded = load_records(profiles)
    changed: dict[RecordKey, dict[str, Any]] = {}
    for statement in _without_special(_without_empty(statements)):
        record = loaded.records.setdefault(statement.key, {})
        if merge_record(record, statement.traits, statement.at, statement.arrival):
            changed[statement.key] = record
    store_records(changed, now)
    return _update_golden(profiles, loaded)


def _without_empty(statements: Sequence[TraitStatement]) -> Sequence[TraitStatement]:
    """Leave empty values out where the policy ignores them: a record keeps one value of a trait."""
    ignoring = {key for key, policy in trait_policies().items() if policy is Policy.NOT_EMPTY}
    if not ignoring:
        return statements
    return [
        statement._replace(
            traits={
                key: value
                for key, value in statement.traits.items()
                if key not in ignoring or not is_empty(value)
            }
        )
        for statement in statements
    ]


def _without_special(statements: Sequence[TraitStatement]) -> Sequence[TraitStatement]:
    """Store what is special apart, and return the statements without it."""
    special = special_among({key for statement in statements for key in statement.traits})
    if not special:
        return statements
    store_special(
        SpecialStatement(SpecialKey(*statement.key, key), value, statement.at, statement.arrival)
        for statement in statements
        for key, value in statement.traits.items()
        if key in special
    )
    return [
        statement._replace(
            traits={key: value for key, value in statement.traits.items() if key not in special}
        )
        for statement in statements
    ]


def recompute_golden(profile_ids: Iterable[int]) -> set[int]:
    """Fold the golden traits of these profiles again and return the profiles that changed."""
    profiles = set(profile_ids)
    return _update_golden(profiles, load_records(profiles)) if profiles else set()


def load_records(profiles: Iterable[int], *, with_special: bool = False) -> ProfileRecords:
    """Load the records, locks, contacts and computed traits of the profiles.

    That takes four queries, and a fifth where any trait is computed. `with_special` is for showing
    people what is held of them: nothing that is stored may be made from it.
    """
    profile_ids = list(profiles)
    ids = array_of(profile_ids)
    keys = computed_traits()
    loaded = ProfileRecords(computed_keys=keys.values())
    with connection.cursor() as cursor:
        cursor.execute(sql.RECORDS_OF_PROFILES, [ids])
        for *key, traits in cursor.fetchall():
            loaded.records[RecordKey(*key)] = exact_json.loads(traits)
        cursor.execute(sql.LOCKS_OF_PROFILES, [ids])
        for profile_id, key, text, at, identifier_id, sealed in cursor.fetchall():
            # SQL's NULL and JSON's null both keep the trait empty.
            values: Iterable[Any] = [exact_json.loads(text or "null")]
            if sealed is not None:
                values = opened(identifier_id, key, sealed) if with_special else ()
                loaded.special[profile_id].add(key)
            for value in values:
                loaded.locks[profile_id][key] = Lock(value, int(at * 1_000_000))
        cursor.execute(sql.CONTACTS_OF_PROFILES, [ids])
        for profile_id, *contact in cursor.fetchall():
            loaded.contacts[profile_id].append(Contact(*contact))
        if keys:
            cursor.execute(sql.COMPUTED_OF_PROFILES, [ids])
            for profile_id, trait_id, value in cursor.fetchall():
                if trait_id in keys:
                    loaded.computed[profile_id][keys[trait_id]] = exact_json.loads(value)
    for special, value, at, arrival in load_special(profile_ids) if with_special else ():
        record = loaded.records.setdefault(RecordKey(*special[:-1]), {})
        record[special.trait] = [value, at, arrival]
        loaded.special[special.profile_id].add(special.trait)
    return loaded


def statements_of(
    loaded: ProfileRecords, priorities: Mapping[int, int]
) -> dict[int, dict[str, list[Statement]]]:
    """Return the statements of all records by profile and trait.

    `priorities` has the priority of every source by its id.
    """
    statements: dict[int, dict[str, list[Statement]]] = defaultdict(lambda: defaultdict(list))
    for key, record in loaded.records.items():
        for trait, (value, at, *arrival) in record.items():
            statements[key.profile_id][trait].append(
                Statement(
                    value,
                    at,
                    arrival[0] if arrival else 0,  # not noted by older versions
                    key.trust,
                    key.source_id,
                    priorities[key.source_id],
                    key.identifier_id,
                )
            )
    return statements


def all_traits_of(profile_id: int) -> dict[str, Any]:
    """Return the golden traits of a profile and its special ones, for who may see all of them."""
    loaded = load_records([profile_id], with_special=True)
    stored = Profile.objects.values_list("traits", flat=True).get(pk=profile_id)
    folded = golden_of(loaded, [profile_id])[profile_id]
    return loaded.with_special(profile_id, folded, stored)


def golden_of(loaded: ProfileRecords, profiles: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Fold the golden traits of each profile."""
    statements = statements_of(loaded, source_priorities())
    policies = trait_policies()
    return {
        profile_id: fold(profile_id, loaded, statements.get(profile_id, {}), policies)
        for profile_id in profiles
    }


def fold(
    profile_id: int,
    loaded: ProfileRecords,
    statements: Mapping[str, Sequence[Statement]],
    policies: Mapping[str, Policy],
) -> dict[str, Any]:
    """Fold the golden traits of one profile, given its statements by trait."""
    return golden_traits(
        statements,
        loaded.locks.get(profile_id, {}),
        policies,
        loaded.contacts.get(profile_id, []),
        loaded.computed_of(profile_id),
    )


def computed_traits() -> dict[int, str]:
    """Return the keys of the traits that are computed, by the ids of their definitions."""
    return dict(TraitDefinition.objects.filter(is_computed=True).values_list("pk", "key"))


def source_priorities() -> dict[int, int]:
    """Return the priority of every source by its id."""
    return dict(Source.objects.values_list("pk", "priority"))


def trait_policies() -> dict[str, Policy]:
    """Return the policies that differ from the default, by trait."""
    definitions = TraitDefinition.objects.exclude(policy=TraitDefinition.Policy.MOST_TRUSTED)
    return {key: Policy(policy) for key, policy in definitions.values_list("key", "policy")}


def _update_golden(profiles: Iterable[int], loaded: ProfileRecords) -> set[int]:
    """Write the golden traits that differ from the stored ones and return their profiles."""
    golden = golden_of(loaded, profiles)
    with connection.cursor() as cursor:
        cursor.execute(sql.GOLDEN_OF_PROFILES, [array_of(golden)])
        # Profiles that do not exist any more are not in `stored` and drop out here.
        stored = {profile_id: exact_json.loads(traits) for profile_id, traits in cursor.fetchall()}
        changed = {
            profile_id: golden[profile_id]
            for profile_id, traits in stored.items()
            if traits != golden[profile_id]
        }
        if changed:
            traits = exact_json.dumps_sorted(list(changed.values()))
            cursor.execute(sql.SET_GOLDEN, [array_of(changed), traits])
    return set(changed)


def store_records(changed: Mapping[RecordKey, dict[str, Any]], now: datetime) -> None:
    """Insert or replace records; the caller read them under the people lock."""
    if not changed:
        return
    # Sorted by key, so that upserts of two transactions cannot deadlock.
    columns = [array_of(column) for column in zip(*sorted(changed), strict=True)]
    traits = exact_json.dumps_sorted([changed[key] for key in sorted(changed)])
    with connection.cursor() as cursor:
        cursor.execute(sql.UPSERT_RECORDS, [now, *columns, traits])
