"""Messages of one time: the one that arrived last is the newest, however they are drained."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import drain_inbox, replay_message
from profiles.identity.verify import find_drift
from profiles.models import Event, Source
from profiles.traits.golden import merge_record
from tests.factories import TESTER, accept_only, make_write_key, profile_of
from tests.ingestion.conftest import Send
from tests.tries import tries

AT = "2026-01-31T12:00:00.000Z"


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "traits": traits, "timestamp": AT}


@pytest.mark.django_db
def test_of_two_identifies_in_one_millisecond_the_later_wins_every_time(
    client: Client, shop: Source
) -> None:
    """As the Node SDK sends them: in one batch or in two, within one millisecond."""
    headers = {"Authorization": f"Bearer {make_write_key(shop)}"}
    for number in range(20):
        user = {"userId": f"u{number}", "timestamp": AT}
        for plan in ("pro", "free"):
            body = user | {"traits": {"plan": plan}}
            client.post("/v1/identify", body, content_type="application/json", headers=headers)
    drain_inbox()
    plans = [profile_of(f"user_id:u{number}").traits["plan"] for number in range(20)]
    assert plans == ["free"] * 20
    assert list(find_drift()) == []


@pytest.mark.django_db
def test_of_two_batches_on_their_way_at_once_the_one_that_was_sent_later_wins(
    client: Client, shop: Source
) -> None:
    """As the Node SDK sends a pair of calls that its batches part."""
    now = timezone.now()
    for plan, milliseconds in (("free", 400), ("pro", 410)):
        sent_at = (now - timedelta(milliseconds=milliseconds)).isoformat()
        body = {"writeKey": make_write_key(shop), "batch": [identify(plan=plan)], "sentAt": sent_at}
        client.post("/v1/batch", body, content_type="application/json")
    drain_inbox()
    assert profile_of("user_id:u1").traits["plan"] == "free"


@settings(
    deadline=None,
    max_examples=tries(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    plans=st.lists(st.sampled_from(["a", "z", "m"]), min_size=2, max_size=6),
    cuts=st.sets(st.integers(0, 5)),
    together=st.booleans(),
)
@pytest.mark.django_db
def test_the_last_to_arrive_wins_wherever_the_inbox_is_cut(
    plans: list[str], cuts: set[int], together: bool
) -> None:
    with transaction.atomic():
        if together:
            accept_only(*(identify(plan=plan) for plan in plans))
        else:
            for place, plan in enumerate(plans):
                accept_only(identify(plan=plan))
                if place in cuts:
                    drain_inbox()
        drain_inbox()
        assert profile_of("user_id:u1").traits["plan"] == plans[-1]
        assert list(find_drift()) == []
        transaction.set_rollback(True)


stamps = st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 2), st.integers(0, 3))


@given(st.lists(stamps, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_record_is_a_function_of_the_set_of_stamped_statements(
    statements: list[tuple[Any, int, int]], dice: Any
) -> None:
    shuffled = statements.copy()
    dice.shuffle(shuffled)
    records: list[dict[str, Any]] = [{}, {}]
    for record, order in zip(records, (statements, shuffled), strict=True):
        for value, at, arrival in order:
            merge_record(record, {"plan": value}, at, arrival)
    assert records[0] == records[1]


@pytest.mark.django_db
def test_a_merge_decides_by_arrival_too(send: Send) -> None:
    anonymous = {"type": "identify", "anonymousId": "a1", "timestamp": AT}
    send(identify(plan="zeta"), anonymous | {"traits": {"plan": "alpha"}})
    send({"type": "alias", "userId": "u1", "previousId": "a1"})
    assert profile_of("user_id:u1").traits["plan"] == "alpha"
    assert list(find_drift()) == []


@pytest.mark.django_db
def test_a_replayed_message_is_as_old_as_when_it_first_came(send: Send) -> None:
    send(identify(plan="old") | {"userId": "guest", "anonymousId": "none"})
    rejected = RejectedMessage.objects.get()
    send(identify(plan="new") | {"anonymousId": "a1"})
    replay_message(rejected, actor=TESTER)
    row = InboxRow.objects.get()
    assert (row.received_at, row.first_arrival) == (
        rejected.received_at,
        rejected.inbox_row_id * 4096,
    )


@pytest.mark.django_db
def test_a_single_message_is_replayed_as_the_type_of_its_route(
    client: Client, shop: Source
) -> None:
    headers = {"Authorization": f"Bearer {make_write_key(shop)}"}
    body = {"userId": "u1", "event": ""}
    client.post("/v1/track", body, content_type="application/json", headers=headers)
    drain_inbox()
    replay_message(RejectedMessage.objects.get(), actor=TESTER)
    drain_inbox()
    assert set(RejectedMessage.objects.values_list("code", flat=True)) == {"missing_event"}


@pytest.mark.django_db
def test_events_of_one_time_keep_the_order_in_which_they_arrived(send: Send) -> None:
    names = ["z", "a", "m", "b"]
    send(*({"type": "track", "userId": "u1", "event": name, "timestamp": AT} for name in names))
    stored = Event.objects.order_by("timestamp", "arrival").values_list("name__name", flat=True)
    assert list(stored) == names
