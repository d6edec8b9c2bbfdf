"""Events that are stored before the people lock, at the profile where they probably belong.

Whatever happens until the drain has the lock, they must end at the right profile.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from consent.services import act_on_requests
from ingestion.drain import checkpoints, loop
from ingestion.models import DroppedCount, InboxRow, RejectedMessage
from ingestion.services import drain_inbox, replay_message
from profiles.lib.checkpoints import handled
from profiles.models import Event, EventStat, Identifier, IdentityRule, Profile, TrustLevel
from tests.factories import TESTER, accept_only, profile_of, send_messages
from tests.system.concurrency import Work, at_once, once_at
from tests.system.people import (
    EMAIL,
    VALUES,
    ask_for_erasure,
    message_of_ada,
    order,
    stored_numbers,
)
from tests.system.soundness import assert_exactly_once, assert_sound, catch_up
from tests.system.traces import tables_with

pytestmark = pytest.mark.usefixtures("committing_db")
CLAIM = TrustLevel.CLAIM
PHONE = "+33612345678"


@pytest.fixture(autouse=True)
def _nothing_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Assert that no chunk failed: a wrong guess must be corrected, not tried again by message."""
    yield
    assert [record.message for record in caplog.records if record.name == loop.__name__] == []


def with_contact(**contacts: str) -> dict[str, Any]:
    """Return the context of a message that mentions an e-mail address or a phone number."""
    return {"context": {"traits": contacts}}


def accept_claims(*batch: dict[str, Any]) -> None:
    """Accept messages as claims, as a browser sends them, without draining them."""
    accept_only(*batch)
    InboxRow.objects.filter(lease=None).update(trust=CLAIM)


def drain_while(work: Work, *, ahead: set[int]) -> None:
    """Drain, and do the work after events are stored and before the drain takes the people lock.

    `ahead` are the numbers of the events that must be stored by then.
    """
    committed: list[set[int]] = []
    stored_ahead: list[set[int]] = []

    def before_lock(_: object) -> None:
        # In another thread, whose connection does not see what the drain has not committed.
        at_once(lambda: committed.append(stored_numbers()))
        stored_ahead.append(stored_numbers() - committed[0])
        at_once(work)

    with once_at(checkpoints.BEFORE_PEOPLE_LOCK, before_lock):
        drain_inbox()
    assert stored_ahead == [ahead]


def events_of(reference: str) -> tuple[set[int], int, int]:
    """Return the numbers of a profile's events, and their count and sum by the statistics."""
    profile = profile_of(reference)
    all_properties = profile.events.values_list("properties", flat=True)
    numbers = {properties["n"] for properties in all_properties}
    stat = EventStat.objects.filter(profile=profile).first()
    return numbers, stat.count if stat else 0, int(stat.sum) if stat else 0


def assert_all_right(numbers: set[int], *, messages: int) -> None:
    assert_exactly_once(numbers, messages=messages)
    catch_up()
    assert_sound()


def test_people_who_are_known_have_their_events_stored_ahead_and_newcomers_have_not() -> None:
    send_messages(order(1, userId="u1", anonymousId="a1"))
    accept_only(
        order(2, userId="u1"),
        order(3, anonymousId="a1", userId="u1"),
        order(4, userId="u2"),
        {"type": "identify", "messageId": "i1", "userId": "u1", "traits": {"city": "Lyon"}},
    )
    drain_while(lambda: None, ahead={2, 3})
    assert events_of("user_id:u1") == ({1, 2, 3}, 3, 6)
    assert_all_right({1, 2, 3, 4}, messages=5)


def test_a_guess_that_came_true_is_not_touched_again() -> None:
    """The evidence of an event is the highest identifier, if all of them are known."""
    send_messages(order(1, userId="u1", anonymousId="a1"))
    accept_only(order(2, userId="u1", anonymousId="a1"))
    copied: list[list[object]] = []
    taken_back: list[list[object]] = []
    with (
        handled(checkpoints.COPYING_EVENTS, copied.append),
        handled(checkpoints.TAKING_BACK_EVENTS, taken_back.append),
    ):
        drain_inbox()
    assert [len(events) for events in copied if events] == [1]
    assert not any(taken_back)
    assert_all_right({1, 2}, messages=2)


def test_events_of_a_profile_that_is_merged_meanwhile_end_with_the_survivor() -> None:
    send_messages(order(1, userId="u1"))
    send_messages(order(2, anonymousId="a1"), order(3, userId="u3"))
    absorbed = profile_of("anonymous_id:a1")
    accept_only(order(4, anonymousId="a1"), order(5, userId="u1"), order(6, userId="u3"))
    drain_while(lambda: send_messages({"userId": "u1", "anonymousId": "a1"}), ahead={4, 5, 6})
    assert events_of("anonymous_id:a1") == events_of("user_id:u1") == ({1, 2, 4, 5}, 4, 12)
    assert events_of("user_id:u3") == ({3, 6}, 2, 9)
    assert not EventStat.objects.filter(profile_id=absorbed.pk).exists()
    assert_all_right(set(range(1, 7)), messages=7)


def test_events_of_a_profile_into_which_another_is_merged_meanwhile_stay_and_are_counted_once() -> (
    None
):
    send_messages(order(1, userId="u1"))
    send_messages(order(2, anonymousId="a1"))
    accept_only(order(3, userId="u1"))
    drain_while(lambda: send_messages({"userId": "u1", "anonymousId": "a1"}), ahead={3})
    assert events_of("user_id:u1") == ({1, 2, 3}, 3, 6)
    assert_all_right({1, 2, 3}, messages=4)


def test_an_event_whose_identifier_alone_is_taken_over_meanwhile_goes_with_it() -> None:
    """A server attributes a browser that a claim had attributed to another customer."""
    send_messages(
        order(1, userId="claimed", anonymousId="a1"), order(2, anonymousId="a1"), trust=CLAIM
    )
    accept_claims(order(3, anonymousId="a1"), order(4, userId="claimed"))
    drain_while(lambda: send_messages({"userId": "known", "anonymousId": "a1"}), ahead={3, 4})
    assert events_of("anonymous_id:a1") == events_of("user_id:known") == ({2, 3}, 2, 5)
    assert events_of("user_id:claimed") == ({1, 4}, 2, 5)
    assert_all_right({1, 2, 3, 4}, messages=5)


def test_the_last_events_of_a_profile_leave_no_statistics_behind_when_they_are_taken_over() -> None:
    send_messages({"userId": "claimed", "anonymousId": "a1"}, trust=CLAIM)
    accept_claims(order(1, anonymousId="a1"))
    drain_while(lambda: send_messages({"userId": "known", "anonymousId": "a1"}), ahead={1})
    assert events_of("user_id:known") == ({1}, 1, 1)
    assert events_of("user_id:claimed") == (set(), 0, 0)
    assert EventStat.objects.count() == 1
    assert_all_right({1}, messages=3)


def test_nothing_is_left_of_somebody_who_is_erased_meanwhile() -> None:
    send_messages(message_of_ada(0), order(1, userId="user-of-ada"), order(2, userId="u2"))
    note = {"properties": {"n": 3, "note": "of Lovelace-Byron"}}
    accept_only(order(3, userId="user-of-ada") | note, order(4, userId="u2"), message_of_ada(1))

    def erase() -> None:
        ask_for_erasure()
        act_on_requests()

    drain_while(erase, ahead={3, 4})
    assert act_on_requests() == 1
    assert tables_with(*VALUES) == {}
    assert list(EventStat.objects.values_list("profile", "count")) == [
        (profile_of("user_id:u2").pk, 2)
    ]
    assert Profile.objects.count() == 1
    assert sum(DroppedCount.objects.values_list("count", flat=True)) == 2
    assert_all_right({2, 4}, messages=6)


def test_an_event_that_mentions_somebody_else_who_is_erased_meanwhile_is_kept_without_them() -> (
    None
):
    """The address is claimed for one customer, until a server says that it is another's."""
    joined = {"type": "alias", "userId": "u1", "previousId": "a1"}
    send_messages(joined | with_contact(email=EMAIL), trust=CLAIM)
    mention = {"properties": {"n": 1, "revenue": 1, "to": EMAIL}} | with_contact(email=EMAIL)
    accept_claims(order(1, userId="u1") | mention, order(2, userId="u1"))

    def erase() -> None:
        send_messages({"userId": "user-of-ada", "traits": {"email": EMAIL}})
        ask_for_erasure()
        act_on_requests()

    drain_while(erase, ahead={1, 2})
    assert act_on_requests() == 1
    assert tables_with(*VALUES) == {}
    assert events_of("user_id:u1") == ({1, 2}, 2, 3)
    event = Event.objects.get(properties__n=1)
    assert (event.properties, event.context) == ({"n": 1, "revenue": 1}, {"traits": {}})
    assert_all_right({1, 2}, messages=4)


JOIN = {"messageId": "join", "userId": "u5", "anonymousId": "a5"}


@pytest.mark.parametrize("kind", [{"type": "identify"}, {"type": "page", "properties": {"n": 9}}])
def test_events_in_a_chunk_that_merges_their_people_are_right_whoever_is_named(
    kind: dict[str, Any],
) -> None:
    """No event is stored ahead for profiles that a message of the chunk names together."""
    send_messages(order(1, userId="u5"), order(2, anonymousId="a5"), order(3, userId="u6"))
    send_messages({"userId": "u5", "anonymousId": "a1"})
    accept_only(
        order(4, anonymousId="a1"),
        order(5, userId="u5"),
        JOIN | kind,
        order(6, anonymousId="a5"),
        order(7, userId="u6"),
        order(8, userId="u7"),
    )
    drain_while(lambda: None, ahead={7})
    assert profile_of("anonymous_id:a5") == profile_of("user_id:u5")
    orders = EventStat.objects.filter(name__name="Order Completed")
    assert sorted(orders.values_list("count", flat=True)) == [1, 2, 5]
    pages = {9} if kind["type"] == "page" else set()
    assert events_of("user_id:u5")[0] == {1, 2, 4, 5, 6} | pages
    assert_all_right(set(range(1, 9)) | pages, messages=10)


def test_events_stored_ahead_that_the_chunk_itself_moves_are_where_they_went() -> None:
    """Another customer takes a browser over, so that a message now moves the address too."""
    address = with_contact(email="y@example.org")
    send_messages(order(1, userId="known"), order(2, anonymousId="a9"))
    send_messages(order(3, anonymousId="a1") | address, trust=CLAIM)
    send_messages(order(4, anonymousId="a2") | address, order(5, anonymousId="a2"), trust=CLAIM)
    accept_only(
        order(6, anonymousId="a1") | address,
        order(7, anonymousId="a2"),
        order(8, userId="known"),
        order(9, anonymousId="a9"),
    )
    drain_while(lambda: send_messages({"userId": "known", "anonymousId": "a1"}), ahead={6, 7, 8, 9})
    assert (
        events_of("email:y@example.org") == events_of("user_id:known") == ({1, 3, 4, 6, 8}, 5, 22)
    )
    assert events_of("anonymous_id:a2") == ({5, 7}, 2, 12)
    assert events_of("anonymous_id:a9") == ({2, 9}, 2, 11)
    assert_all_right(set(range(1, 10)), messages=10)


def test_an_identifier_that_is_quarantined_meanwhile_is_no_evidence_for_an_event() -> None:
    phone = with_contact(phone=PHONE)
    send_messages(order(1, anonymousId="a1") | phone)
    accept_only(order(2, anonymousId="a1") | phone, order(3, anonymousId="a1"))
    everybody = [{"userId": f"u{n}", "traits": {"phone": PHONE}} for n in range(25)]
    drain_while(lambda: send_messages(*everybody), ahead={2, 3})
    assert Identifier.objects.get(namespace="phone").quarantined_at
    events = Event.objects.prefetch_related("identifier")
    evidence = {event.properties["n"]: event.identifier.namespace for event in events}
    assert evidence == {1: "phone", 2: "anonymous_id", 3: "anonymous_id"}
    # From the quarantine on the number is a profile of its own, with what it is the evidence of.
    assert events_of("anonymous_id:a1") == ({2, 3}, 2, 5)
    assert events_of(f"phone:{PHONE}") == ({1}, 1, 1)
    assert_all_right({1, 2, 3}, messages=28)


def test_an_identifier_that_is_quarantined_already_does_not_keep_events_from_their_profile() -> (
    None
):
    phone = with_contact(phone=PHONE)
    send_messages(*({"userId": f"u{n}", "traits": {"phone": PHONE}} for n in range(25)))
    accept_only(order(1, userId="u7") | phone, order(2, userId="u8"), order(3, anonymousId="a1"))
    drain_while(lambda: None, ahead={2})
    assert events_of("user_id:u7") == ({1}, 1, 1)
    assert events_of("user_id:u8") == ({2}, 1, 2)
    assert_all_right({1, 2, 3}, messages=28)


def block(namespace: str, *values: str) -> None:
    IdentityRule.objects.filter(namespace=namespace).update(blocked_values=list(values))


def test_an_identifier_that_stands_for_nobody_by_now_is_no_evidence_for_an_event() -> None:
    shared = with_contact(email="desk@example.org")
    send_messages(order(1, anonymousId="a1") | shared)
    block("email", "desk@example.org")
    accept_only(order(2, anonymousId="a1") | shared)
    drain_while(lambda: None, ahead={2})
    events = Event.objects.prefetch_related("identifier")
    evidence = {event.properties["n"]: event.identifier.namespace for event in events}
    assert evidence == {1: "email", 2: "anonymous_id"}
    assert events_of("anonymous_id:a1") == ({1, 2}, 2, 3)
    assert_all_right({1, 2}, messages=2)


def test_an_event_of_nobody_is_not_stored_ahead_and_can_be_replayed_after_mending() -> None:
    send_messages(order(1, userId="kiosk"))
    block("user_id", "kiosk")
    accept_only(order(2, userId="kiosk"), order(3, userId="u3"))
    drain_while(lambda: None, ahead=set())
    assert stored_numbers() == {1, 3}
    assert events_of("user_id:kiosk") == ({1}, 1, 1)
    block("user_id")
    rejected = RejectedMessage.objects.get(code="no_identifier")
    assert replay_message(rejected, actor=TESTER)
    drain_inbox()
    accept_only(order(2, userId="kiosk"))
    drain_inbox()
    rejected.delete()
    assert events_of("user_id:kiosk") == ({1, 2}, 2, 3)
    assert_all_right({1, 2, 3}, messages=3)
