"""The drain: profiles, traits, events and rejections that messages lead to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import psycopg
import pytest
from django.db import connection

from ingestion.drain import checkpoints
from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import drain_inbox
from profiles.lib.checkpoints import handled
from profiles.models import (
    Event,
    EventStat,
    Identifier,
    IdentityFact,
    IdentityRule,
    Merge,
    Profile,
    ProfileChange,
    SeenMessage,
    SourceRecord,
)
from profiles.services import AttributedEvent
from tests.factories import drafted_properties
from tests.ingestion.conftest import Send

Holder = Callable[[str], Profile]


def track(user: str = "u1", event: str = "Order Completed", **more: object) -> dict[str, object]:
    return {"type": "track", "userId": user, "event": event} | more


def identify(user: str = "u1", **traits: object) -> dict[str, object]:
    return {"type": "identify", "userId": user, "traits": traits}


def test_an_event_becomes_a_row_with_its_value_and_statistics(send: Send, holder: Holder) -> None:
    send(
        track(properties={"revenue": 19.99}, timestamp="2026-01-02T03:04:05Z"),
        track(properties={"revenue": 0.01}, timestamp="2026-02-02T03:04:05Z"),
        track(properties={"revenue": "5"}, timestamp="2026-02-03T03:04:05Z"),
    )
    profile = holder("user_id:u1")
    stat = EventStat.objects.get(profile=profile)
    assert (stat.count, stat.sum) == (3, Decimal("20.00"))
    assert stat.first_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert stat.last_at == datetime(2026, 2, 3, 3, 4, 5, tzinfo=UTC)
    assert sorted(event.value for event in Event.objects.exclude(value=None)) == [
        Decimal("0.01"),
        Decimal("19.99"),
    ]
    assert profile.first_seen_at == stat.first_at
    assert not InboxRow.objects.exists()
    assert set(ProfileChange.objects.values_list("profile_id", flat=True)) == {profile.pk}


def test_an_event_is_stored_as_it_was_sent_to_the_digit_and_the_sign(send: Send) -> None:
    """As bytes, and not as text that the database would read."""
    words = 'Zoë\n\t\\N "雪" \U0001f3d4'
    send(
        msgspec.Raw(
            b'{"type":"track","userId":"u1","event":"Order Completed",'
            b'"timestamp":"1987-06-05T04:03:02.123456+05:30","context":{"locale":"fr"},'
            b'"properties":{"revenue":-123456789012345.0000000010,"name":'
            + msgspec.json.encode(words)
            + b"}}"
        )
    )
    event = Event.objects.get()
    assert event.timestamp == datetime(1987, 6, 4, 22, 33, 2, 123456, tzinfo=UTC)
    assert event.original_timestamp == event.timestamp
    assert event.sent_at is None
    assert event.value == Decimal("-123456789012345.000000001")
    assert (event.properties["name"], event.context["locale"]) == (words, "fr")
    assert abs(event.received_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_same_message_takes_effect_once_whatever_the_batch(send: Send) -> None:
    message = track(messageId="m1")
    send(message, message)
    send(message)
    assert (Event.objects.count(), SeenMessage.objects.count()) == (1, 1)


def test_the_same_message_id_of_another_source_is_another_message(
    send: Send, client: object
) -> None:
    from tests.factories import make_source, make_write_key

    send(track(messageId="m1"))
    send(track(messageId="m1"), key=make_write_key(make_source(key="web")))
    assert Event.objects.count() == 2


def test_two_sources_that_name_one_address_make_one_profile(send: Send, holder: Holder) -> None:
    send(identify("crm-1", email=" Ada@Example.org ", city="Lyon"))
    send(
        {"type": "identify", "anonymousId": "a1", "traits": {"email": "ada@example.org"}},
        {"type": "track", "anonymousId": "a1", "event": "Viewed"},
    )
    profile = holder("email:ada@example.org")
    assert holder("user_id:crm-1") == holder("anonymous_id:a1") == profile
    assert profile.traits == {"email": "ada@example.org", "city": "Lyon"}


def test_a_merge_moves_events_records_and_statistics_to_the_older_profile(
    send: Send, holder: Holder
) -> None:
    send(track("u1"), {"type": "track", "anonymousId": "a1", "event": "Order Completed"})
    older, younger = holder("user_id:u1"), holder("anonymous_id:a1")
    send({"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": {"city": "Lyon"}})
    assert holder("anonymous_id:a1") == older
    assert not Profile.objects.filter(pk=younger.pk).exists()
    assert EventStat.objects.get().count == 2
    assert set(Event.objects.values_list("profile_id", flat=True)) == {older.pk}
    merge = Merge.objects.get()
    assert (merge.survivor, merge.absorbed_uuid) == (older, younger.uuid)
    assert merge.fact is not None
    resolved = Identifier.objects.get(namespace="profile", value=str(younger.uuid))
    assert resolved.profile == older


def test_with_a_public_key_the_same_call_joins_nobody(send: Send, holder: Holder) -> None:
    send(identify("crm-1", email="ada@example.org", city="Lyon"))
    send(identify("web-1", email="ada@example.org", city="Rome"), kind="public")
    assert holder("email:ada@example.org") == holder("user_id:crm-1")
    stranger = holder("user_id:web-1")
    assert stranger != holder("user_id:crm-1")
    assert stranger.traits == {"city": "Rome"}
    assert holder("user_id:crm-1").traits["city"] == "Lyon"


def test_a_claim_never_changes_what_a_server_said(send: Send, holder: Holder) -> None:
    send(identify("u1", city="Lyon"))
    send(identify("u1", city="Rome", shoe_size=43), kind="public")
    assert holder("user_id:u1").traits == {"city": "Lyon", "shoe_size": 43}


def test_an_older_value_that_comes_late_does_not_win_and_null_removes(
    send: Send, holder: Holder
) -> None:
    send(identify() | {"traits": {"city": "Lyon"}, "timestamp": "2026-02-01T00:00:00Z"})
    send(identify() | {"traits": {"city": "Rome"}, "timestamp": "2026-01-01T00:00:00Z"})
    assert holder("user_id:u1").traits == {"city": "Lyon"}
    send(identify(city=None))
    assert holder("user_id:u1").traits == {}
    assert SourceRecord.objects.get().traits["city"][0] is None


def test_numbers_of_traits_and_properties_stay_exact(send: Send) -> None:
    send(identify(score=0.1, big=12345678901234567890), track(properties={"p": 1.10}))
    with connection.cursor() as cursor:
        cursor.execute("SELECT traits ->> 'score', traits ->> 'big' FROM profiles_profile")
        assert cursor.fetchone() == ("0.1", "12345678901234567890")
        cursor.execute("SELECT properties ->> 'p' FROM profiles_event")
        assert cursor.fetchone() == ("1.1",)


def test_the_clock_of_the_sender_is_corrected_and_no_event_is_in_the_future(send: Send) -> None:
    now = datetime.now(UTC)
    slow = now - timedelta(hours=5)
    send(
        track(messageId="slow", timestamp=(slow - timedelta(minutes=1)).isoformat()),
        envelope={"sentAt": slow.isoformat()},
    )
    send(track(messageId="future", timestamp="2099-01-01T00:00:00Z"))
    early, late = Event.objects.order_by("timestamp")
    assert abs(early.timestamp - (now - timedelta(minutes=1))) < timedelta(seconds=20)
    assert early.original_timestamp == slow - timedelta(minutes=1)
    assert late.timestamp == late.received_at
    assert late.original_timestamp == datetime(2099, 1, 1, tzinfo=UTC)


def test_facts_are_kept_once_a_day_however_often_they_are_told(send: Send) -> None:
    send(track(), track(), identify(city="Lyon"))
    send(track())
    assert IdentityFact.objects.count() == 1


def test_a_group_call_keeps_its_account_apart_from_the_person(send: Send, holder: Holder) -> None:
    send({"type": "group", "userId": "u1", "groupId": "g1", "traits": {"email": "x@corp.org"}})
    event = Event.objects.get()
    assert (event.name.kind, event.properties["groupId"]) == ("group", "g1")
    assert holder("email:x@corp.org") is None


def test_an_alias_joins_the_anonymous_past(send: Send, holder: Holder) -> None:
    send({"type": "track", "anonymousId": "a1", "event": "Viewed"})
    send({"type": "alias", "userId": "u1", "previousId": "a1"})
    assert holder("anonymous_id:a1") == holder("user_id:u1")


def test_the_batch_context_lies_under_each_messages_own(send: Send) -> None:
    send(
        track(context={"page": {"path": "/own"}}),
        envelope={"context": {"locale": "fr", "page": {"path": "/all"}}},
    )
    context = Event.objects.get().context
    assert (context["locale"], context["page"]) == ("fr", {"path": "/own"})


def test_rudderstack_traits_in_the_context_are_an_identifys(send: Send, holder: Holder) -> None:
    send(
        {
            "type": "identify",
            "channel": "server",
            "userId": "u1",
            "context": {"traits": {"email": "ada@example.org", "city": "Lyon"}},
        }
    )
    assert holder("email:ada@example.org").traits["city"] == "Lyon"


def test_identifiers_are_read_where_segment_puts_them(send: Send, holder: Holder) -> None:
    send(
        track(
            context={
                "device": {
                    "type": "ios",
                    "id": "device-1",
                    "advertisingId": "ad-1",
                    "adTrackingEnabled": False,
                    "token": "push-1",
                },
                "externalIds": [
                    {
                        "id": "L-9",
                        "type": "loyalty_card",
                        "collection": "users",
                        "encoding": "none",
                    },
                    {"id": "x", "type": "profile", "collection": "users", "encoding": "none"},
                ],
                "traits": {"phone": "06 12 34 56 78"},
            }
        )
    )
    namespaces = set(
        Identifier.objects.filter(profile=holder("user_id:u1")).values_list("namespace", flat=True)
    )
    assert namespaces == {"user_id", "ios.id", "ios.push_token", "loyalty_card", "phone", "profile"}
    assert holder("phone:+33612345678") is not None


def test_repeats_of_a_claim_land_where_the_first_did_even_once_what_it_lost_belongs_to_somebody(
    send: Send, holder: Holder
) -> None:
    """A browser that is known to be somebody's names a user whom nobody knows yet."""
    send(track("owner", anonymousId="browser"))
    claim = track("newcomer", anonymousId="browser")
    send(claim, kind="public")
    send(track("newcomer"))
    send(claim, kind="public")
    assert Event.objects.filter(profile=holder("user_id:owner")).count() == 3
    assert Event.objects.filter(profile=holder("user_id:newcomer")).count() == 1


def test_a_message_that_fails_alone_is_rejected_and_its_neighbours_go_on(
    send: Send,
) -> None:
    def fail(events: list[AttributedEvent]) -> None:
        if any(drafted_properties(event) == '{"poison":1}' for event in events):
            raise ValueError("cannot be stored")

    with handled(checkpoints.COPYING_EVENTS, fail):
        send(track("u1"), track("u2", properties={"poison": 1}), track("u3"))
    assert Event.objects.count() == 2
    rejected = RejectedMessage.objects.get()
    assert (rejected.code, rejected.place) == ("failed", 1)
    assert not InboxRow.objects.exists()


def test_a_message_that_ends_the_worker_each_time_is_rejected_at_the_last_attempt(
    send: Send,
) -> None:
    """A worker that is killed leaves nothing but the attempt it had counted."""

    class Killed(BaseException):
        pass

    def kill(events: list[AttributedEvent]) -> None:
        if any(drafted_properties(event) == '{"poison":1}' for event in events):
            raise Killed

    send(track("u1"), track("u2", properties={"poison": 1}), track("u3"), drain=False)
    with handled(checkpoints.COPYING_EVENTS, kill):
        for _ in range(4):
            with pytest.raises(Killed):
                drain_inbox()
            InboxRow.objects.update(leased_until=None)
        drain_inbox()
    assert Event.objects.count() == 2
    assert RejectedMessage.objects.get().code == "poison"
    assert not InboxRow.objects.exists()


@pytest.mark.parametrize(
    ("fault", "is_rejected"),
    [
        (psycopg.errors.StatementTooComplex, True),
        (psycopg.errors.ProgramLimitExceeded, True),
        (psycopg.errors.AdminShutdown, False),
        (psycopg.errors.DeadlockDetected, False),
        (psycopg.OperationalError, False),
    ],
)
def test_the_database_is_blamed_for_what_is_its_own_and_a_message_for_what_it_provokes(
    send: Send,
    fault: type[psycopg.OperationalError],
    is_rejected: bool,
) -> None:
    def fail(events: list[AttributedEvent]) -> None:
        if events:
            raise fault("cannot go on")

    send(track("u1"), drain=False)
    if is_rejected:
        with handled(checkpoints.COPYING_EVENTS, fail):
            drain_inbox()
        assert RejectedMessage.objects.get().code == "failed"
    else:
        with handled(checkpoints.COPYING_EVENTS, fail), pytest.raises(psycopg.OperationalError):
            drain_inbox()
        assert InboxRow.objects.get().attempts == 0
        assert not RejectedMessage.objects.exists()


def test_what_staff_block_is_blocked_as_sent_as_stored_and_by_pattern(
    send: Send, holder: Holder
) -> None:
    IdentityRule.objects.filter(namespace="phone").update(blocked_values=["06 12 34 56 78"])
    IdentityRule.objects.filter(namespace="user_id").update(blocked_values=["kiosk-*"])
    send(identify("u1", phone="+33612345678"), identify("Kiosk-7", phone="0612345679"))
    send(identify("u2", phone="0612345678"))
    assert holder("phone:+33612345678") is None
    assert holder("user_id:Kiosk-7") is None
    assert holder("phone:+33612345679") is not None
    assert holder("user_id:u1") != holder("user_id:u2")


def test_an_ownerless_number_joins_no_strangers(send: Send, holder: Holder) -> None:
    for number in ("0000000000", "1111111111", "+33 1 23 45 67 89 ext. 4", "N/A"):
        send(identify("u1", phone=number), identify("u2", phone=number))
    assert holder("user_id:u1") != holder("user_id:u2")
    assert not Identifier.objects.filter(namespace="phone").exists()
