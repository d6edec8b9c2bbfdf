"""Storing the oracle's people as rows: profiles, events with their statistics, and consents."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from uuid_utils.compat import uuid7

from consent.models import ConsentState, LegalBasis, Purpose, State
from profiles.accounts.records import mark_accounts
from profiles.lib import exact_json
from profiles.models import (
    Account,
    AccountMember,
    EventName,
    Identifier,
    Profile,
    Source,
    SourceRecord,
    TrustLevel,
)
from profiles.services import recompute_stats
from segments.models import ListedPerson, StaticList
from tests.factories import NOW, make_identifier, make_source
from tests.oracles.segment_worlds import NaiveAccount, NaiveEvent, NaivePerson, NaiveWorld

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
# The models that leaves of RFM are about.
MODELS = {
    "buyers": {"event": "Order Completed", "value": "revenue"},
    "lately": {"event": "Order Completed", "value": "a", "window": {"last": {"days": 30}}},
    "never": {"event": "Never Seen", "value": "revenue"},
    "net": {"event": "Order Completed", "value": "", "window": {"last": {"days": 90}}},
}
# Whose data sources of `source_of` send that are not first party, and traits that say their own.
PARTIES = {"crm": "zero", "bought": "third"}
TRAIT_PARTIES = {"t1": "third"}
# What reduces the net value of what.
REDUCING = {"Viewed": "Order Completed"}
# The minutes that end a session, by the sources of `source_of` that make any.
GAPS = {"shop": 30, "till": 90}
INSERT_PROFILE = """
INSERT INTO profiles_profile (uuid, traits, is_restricted, first_seen_at, last_seen_at)
VALUES (%s, %s::jsonb, %s, %s, %s) RETURNING id
"""
INSERT_ACCOUNT = """
INSERT INTO profiles_account (key, traits, winners, is_vouched)
VALUES (%s, %s::jsonb, '{}', %s)
ON CONFLICT (key) DO UPDATE SET traits = excluded.traits RETURNING id
"""
UPDATE_ACCOUNT = "UPDATE profiles_account SET traits = %s::jsonb WHERE key = %s"
INSERT_EVENT = """
INSERT INTO profiles_event (
    profile_id, "timestamp", id, identifier_id, source_id, name_id,
    value,
    properties, context, received_at, arrival)
VALUES (
    %s, %s, %s, %s, %s, %s,
    CASE WHEN jsonb_typeof(%s::jsonb -> 'revenue') = 'number'
        THEN (%s::jsonb ->> 'revenue')::numeric END,
    %s::jsonb, %s::jsonb, %s, %s)
"""


def world_at(
    now: datetime,
    segments: Mapping[str, dict[str, Any]] | None = None,
    people: Sequence[NaivePerson] = (),
) -> NaiveWorld:
    world = NaiveWorld(now, PARIS, dict(segments or {}), list(people), dict(MODELS))
    world.parties, world.trait_parties = dict(PARTIES), dict(TRAIT_PARTIES)
    world.gaps, world.reducing = dict(GAPS), dict(REDUCING)
    return world


def make_purpose(key: str = "newsletter", **overrides: Any) -> Purpose:
    fields = {"legal_basis": LegalBasis.CONSENT} | overrides
    return Purpose.objects.get_or_create(key=key, defaults=fields)[0]


def store_person(person: NaivePerson) -> int:
    """Store a person and return the profile's id."""
    with connection.cursor() as cursor:
        traits = exact_json.dumps(person.traits)
        person.uuid = uuid7()
        cursor.execute(INSERT_PROFILE, [person.uuid, traits, person.is_restricted, NOW, NOW])
        (profile_id,) = cursor.fetchone()
    profile = Profile.objects.get(pk=profile_id)
    make_identifier(f"profile:{profile.uuid}", profile=profile)
    for namespace, values in person.identifiers.items():
        for value in values:
            make_identifier(f"{namespace}:{value}", profile=profile)
    for key, moments in person.records.items():
        add_record(profile_id, key, moments)
    for key in person.lists:
        put_on_list(profile_id, key)
    for account in person.accounts:
        put_into_account(profile_id, account)
    add_events(profile_id, person.events)
    for purpose, until in person.consents.items():
        give_consent(profile_id, purpose, until)
    return profile_id


def store_people(people: Sequence[NaivePerson]) -> dict[int, NaivePerson]:
    return {store_person(person): person for person in people}


def add_events(profile_id: int, events: Sequence[NaiveEvent]) -> None:
    """Store events with their statistics, as the drain would."""
    if not events:
        return
    identifier = Identifier.objects.filter(profile=profile_id).first()
    assert identifier is not None
    with connection.cursor() as cursor:
        cursor.executemany(
            INSERT_EVENT,
            [
                _row(profile_id, identifier.pk, source_of(event.source).pk, event)
                for event in events
            ],
        )
    recompute_stats([profile_id])


def source_of(key: str) -> Source:
    return Source.objects.filter(key=key).first() or make_source(
        key=key, session_minutes=GAPS.get(key), party=PARTIES.get(key, "first")
    )


def put_on_list(profile_id: int, key: str) -> None:
    row, _ = StaticList.objects.get_or_create(key=key, defaults={"name": key})
    identifier = Identifier.objects.filter(profile_id=profile_id).earliest("pk")
    ListedPerson.objects.create(profile_id=profile_id, list=row, identifier=identifier)


def put_into_account(profile_id: int, naive: NaiveAccount) -> None:
    """Store an account and its member, as group calls would."""
    with connection.cursor() as cursor:
        fields = [naive.key, exact_json.dumps(naive.traits), naive.is_vouched]
        cursor.execute(INSERT_ACCOUNT, fields)
        (account_id,) = cursor.fetchone()
    AccountMember.objects.create(
        profile_id=profile_id,
        account_id=account_id,
        identifier=Identifier.objects.filter(profile_id=profile_id).earliest("pk"),
        is_vouched=naive.is_vouched and naive.is_member_vouched,
        first_at=NOW,
    )


def change_account(key: str, traits: dict[str, Any]) -> None:
    """Give an account other traits, as group calls would."""
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_ACCOUNT, [exact_json.dumps(traits), key])
    mark_accounts(Account.objects.filter(key=key).values_list("pk", flat=True))


def add_record(profile_id: int, source: str, moments: Sequence[datetime]) -> None:
    """Store what a source stated at these times, as the drain would."""
    micros = [(moment - EPOCH) // timedelta(microseconds=1) for moment in moments]
    SourceRecord.objects.create(
        identifier=Identifier.objects.filter(profile=profile_id).earliest("pk"),
        profile_id=profile_id,
        source=source_of(source),
        trust=TrustLevel.SERVER,
        traits={f"t{number}": ["x", at, number] for number, at in enumerate(micros)},
    )


def _row(profile_id: int, identifier_id: int, source_id: int, event: NaiveEvent) -> list[object]:
    properties = exact_json.dumps(event.properties)
    reduces = REDUCING.get(event.name, "") if event.kind == "track" else ""
    name, _ = EventName.objects.get_or_create(
        kind=event.kind, name=event.name, defaults={"reduces": reduces}
    )
    keys = [profile_id, event.timestamp, uuid7(), identifier_id, source_id, name.pk]
    context = exact_json.dumps(event.context)
    return [*keys, *[properties] * 3, context, event.timestamp, event.arrival]


def give_consent(profile_id: int, purpose: str, until: datetime | None) -> None:
    ConsentState.objects.update_or_create(
        profile_id=profile_id,
        purpose=make_purpose(purpose),
        defaults={
            "state": State.GIVEN,
            "version": 1,
            "decided_at": datetime(2020, 1, 1, tzinfo=UTC),
            "valid_until": until,
        },
    )


def order(days_ago: float = 1, **properties: Any) -> NaiveEvent:
    """An order that many days before NOW."""
    return NaiveEvent("Order Completed", NOW - timedelta(days=days_ago), properties=properties)


def at_edge(**events: NaiveEvent) -> dict[str, NaivePerson]:
    return {name: NaivePerson(events=[event]) for name, event in events.items()}


def order_at(moment: datetime, **properties: Any) -> NaiveEvent:
    return NaiveEvent("Order Completed", moment, properties=properties)
