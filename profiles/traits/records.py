"""What sources say of people, taken into source records and folded into golden traits.

Invariant: `profile.traits` always equals the fold of records, locks and contacts; the caller holds the people lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.database import array_of
from profiles.models import Source, TraitDefinition
from profiles.traits import sql
from profiles.traits.golden import Contact, Lock, Policy, Statement, golden_traits, merge_record


class RecordKey(NamedTuple):
    """Which record a statement goes into."""

    profile_id: int
    identifier_id: int
    source_id: int
    trust: int


class TraitStatement(NamedTuple):
    """The traits that one message gives. `at` is in epoch microseconds."""

    key: RecordKey
    traits: Mapping[str, Any]
    at: int


@dataclass(slots=True)
class ProfileRecords:
    """All that is on record of some profiles."""

    records: dict[RecordKey, dict[str, Any]] = field(default_factory=dict)
    locks: dict[int, dict[str, Lock]] = field(default_factory=lambda: defaultdict(dict))
    contacts: dict[int, list[Contact]] = field(default_factory=lambda: defaultdict(list))


def record_traits(
    tellings: Sequence[TraitStatement], *, now: datetime, beside: Iterable[int] = ()
) -> set[int]:
    """Take new traits in and bring the golden ones up to date; return the profiles whose golden traits changed.

    `beside` are profiles whose golden traits may change without a word, as when their e-mail addresses did.
    """
    profiles = {telling.key.profile_id for telling in tellings}.union(beside)
    if not profiles:
        return set()
    known = load_records(profiles)
    changed: dict[RecordKey, dict[str, Any]] = {}
    for telling in tellings:
        record = known.records.setdefault(telling.key, {})
        if merge_record(record, telling.traits, telling.at):
            changed[telling.key] = record
    _store(changed, now)
    _define(telling.traits for telling in tellings)
    return _settle(profiles, known)


def recompute_golden(profile_ids: Iterable[int]) -> set[int]:
    """Fold the golden traits of these profiles again; return those that changed."""
    profiles = set(profile_ids)
    return _settle(profiles, load_records(profiles)) if profiles else set()


def load_records(profiles: Iterable[int]) -> ProfileRecords:
    """Records, locks and contacts of the profiles, in three reads."""
    ids = array_of(profiles)
    known = ProfileRecords()
    with connection.cursor() as cursor:
        cursor.execute(sql.RECORDS_OF_PROFILES, [ids])
        for *key, traits in cursor.fetchall():
            known.records[RecordKey(*key)] = exact_json.loads(traits)
        cursor.execute(sql.LOCKS_OF_PROFILES, [ids])
        for profile, key, value, at in cursor.fetchall():
            known.locks[profile][key] = Lock(exact_json.loads(value or "null"), int(at * 1_000_000))
        cursor.execute(sql.CONTACTS_OF_PROFILES, [ids])
        for profile, *contact in cursor.fetchall():
            known.contacts[profile].append(Contact(*contact))
    return known


def statements_of(
    known: ProfileRecords, priorities: Mapping[int, int]
) -> dict[int, dict[str, list[Statement]]]:
    """What all records say, by profile and trait."""
    said: dict[int, dict[str, list[Statement]]] = defaultdict(lambda: defaultdict(list))
    for key, record in known.records.items():
        for trait, (value, at) in record.items():
            said[key.profile_id][trait].append(
                Statement(
                    value,
                    at,
                    key.trust,
                    key.source_id,
                    priorities[key.source_id],
                    key.identifier_id,
                )
            )
    return said


def golden_of(known: ProfileRecords, profiles: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The golden traits that the records come to."""
    said = statements_of(known, source_priorities())
    policies = trait_policies()
    return {
        profile: golden_traits(
            said.get(profile, {}),
            known.locks.get(profile, {}),
            policies,
            known.contacts.get(profile, []),
        )
        for profile in profiles
    }


def source_priorities() -> dict[int, int]:
    return dict(Source.objects.values_list("pk", "priority"))


def trait_policies() -> dict[str, Policy]:
    """Only those that differ from the default."""
    definitions = TraitDefinition.objects.exclude(policy=TraitDefinition.Policy.MOST_TRUSTED)
    return {key: Policy(policy) for key, policy in definitions.values_list("key", "policy")}


def _settle(profiles: Iterable[int], known: ProfileRecords) -> set[int]:
    """Write the golden traits that differ from the stored ones."""
    golden = golden_of(known, profiles)
    with connection.cursor() as cursor:
        cursor.execute(sql.GOLDEN_OF_PROFILES, [array_of(golden)])
        stored = {profile: exact_json.loads(traits) for profile, traits in cursor.fetchall()}
        changed = {
            profile: golden[profile] for profile in stored if stored[profile] != golden[profile]
        }
        if changed:
            texts = [exact_json.dumps_sorted(traits) for traits in changed.values()]
            cursor.execute(sql.SET_GOLDEN, [array_of(changed), texts])
    return set(changed)


def _store(changed: Mapping[RecordKey, dict[str, Any]], now: datetime) -> None:
    if not changed:
        return
    columns = [array_of(column) for column in zip(*sorted(changed), strict=True)]
    texts = [exact_json.dumps_sorted(changed[key]) for key in sorted(changed)]
    with connection.cursor() as cursor:
        cursor.execute(sql.UPSERT_RECORDS, [now, *columns, texts])


def _define(told: Iterable[Mapping[str, Any]]) -> None:
    """List traits met for the first time for review, typed by what they look like."""
    samples = {key: value for traits in told for key, value in traits.items() if value is not None}
    known = TraitDefinition.objects.filter(key__in=samples).values_list("key", flat=True)
    new = samples.keys() - set(known)
    if new:
        TraitDefinition.objects.bulk_create(
            [TraitDefinition(key=key[:255], type=_type_of(samples[key])) for key in sorted(new)],
            ignore_conflicts=True,
        )


def _type_of(value: Any) -> TraitDefinition.Type:
    match value:
        case bool():
            return TraitDefinition.Type.BOOLEAN
        case list():
            return TraitDefinition.Type.LIST
        case dict():
            return TraitDefinition.Type.OBJECT
        case str():
            return TraitDefinition.Type.DATE if _is_date(value) else TraitDefinition.Type.TEXT
        case _:
            return TraitDefinition.Type.NUMBER


def _is_date(text: str) -> bool:
    if len(text) < 10 or text[4:5] != "-":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
