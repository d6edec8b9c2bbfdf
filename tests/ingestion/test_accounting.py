"""Every accepted message is counted once by its end, and the last ones are shown for a while."""

import json
from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from consent.services import suppress
from ingestion.inbox.body import unpack_message
from ingestion.models import DroppedCount, InboxRow, MessageCount, RecentMessage
from ingestion.services import drain_inbox, prune_counts
from profiles.models import Source
from tests.factories import accept_only, make_source, send_messages
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db
TRACK = {"type": "track", "userId": "u1", "event": "Viewed"}


def counted(source: str = "shop") -> dict[str, int]:
    counts = MessageCount.objects.filter(source__key=source)
    rows = counts.values("outcome").annotate(sum=Sum("count")).order_by()
    return {row["outcome"]: row["sum"] for row in rows}


def test_each_end_of_a_message_is_counted(send: Send) -> None:
    suppress(["user_id:gone"], request_id=None)
    send(
        TRACK | {"messageId": "m1"},
        TRACK | {"messageId": "m1"},
        TRACK | {"userId": "gone"},
        TRACK | {"userId": "guest"},
        {"type": "track", "userId": "u1"},
        {"type": "identify", "userId": "u2"},
    )
    assert counted() == {"stored": 2, "repeat": 1, "dropped": 1, "rejected": 2}
    send(TRACK | {"messageId": "m1"})
    assert counted()["repeat"] == 2


def test_replaced_characters_are_counted_and_kept_from_nobody(send: Send, shop: Source) -> None:
    texts = ("x\0y", "\N{REPLACEMENT CHARACTER}")
    send(*(TRACK | {"properties": {"a": text}} for text in texts))
    assert DroppedCount.objects.get(source=shop, reason="characters").count == 1


KINDS = {
    "stored": lambda n: TRACK | {"messageId": f"m{n}"},
    "repeat": lambda n: TRACK | {"messageId": "same"},
    "dropped": lambda n: TRACK | {"userId": "gone", "messageId": f"m{n}"},
    "no_identifier": lambda n: TRACK | {"userId": "guest", "messageId": f"m{n}"},
    "no_event": lambda n: {"type": "track", "userId": "u1", "messageId": f"m{n}"},
}


REQUESTS = st.lists(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=6), max_size=4)


@examples(
    max_examples=tries(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(REQUESTS, st.booleans())
def test_every_accepted_message_is_counted_once_however_often_its_row_is_tried(
    requests: list[list[str]], is_careful: bool
) -> None:
    suppress(["user_id:gone"], request_id=None)
    # Examples share a store; a messageId is one of its source.
    source = make_source().key
    numbers = count()
    expected: Counter[str] = Counter()
    for kinds in requests:
        accept_only(*(KINDS[kind](next(numbers)) for kind in kinds), source=source)
        expected.update("rejected" if kind.startswith("no_") else kind for kind in kinds)
    if is_careful:
        # From the third attempt on, messages are tried one by one.
        InboxRow.objects.update(attempts=2)
    drain_inbox()
    if expected["repeat"]:
        expected["repeat"] -= 1
        expected["stored"] += 1
    assert counted(source) == {outcome: number for outcome, number in expected.items() if number}


def test_the_last_messages_of_a_source_are_kept_and_what_is_dropped_leaves_no_content(
    send: Send,
) -> None:
    suppress(["user_id:gone"], request_id=None)
    send(TRACK, {"type": "track", "userId": "u1"}, TRACK | {"userId": "gone", "event": "Secret"})
    rows = RecentMessage.objects.order_by("id")
    assert sorted((row.outcome, row.name, row.code) for row in rows) == [
        ("dropped", "", ""),
        ("rejected", "", "missing_event"),
        ("stored", "Viewed", ""),
    ]
    assert [body(row) for row in rows if row.outcome == "stored"] == [TRACK]
    assert {unpack_message(row.body) for row in rows if row.outcome != "stored"} == {b""}


def body(row: RecentMessage) -> Any:
    return json.loads(unpack_message(row.body))


def test_a_hundred_recent_messages_of_each_source_are_kept() -> None:
    send_messages(TRACK, source="crm")
    for _ in range(8):
        send_messages(*[TRACK] * 30)
    assert RecentMessage.objects.filter(source__key="shop").count() == 100
    assert RecentMessage.objects.filter(source__key="crm").count() == 1


def test_old_counts_and_old_copies_end(send: Send) -> None:
    send(TRACK)
    prune_counts()
    assert (MessageCount.objects.count(), RecentMessage.objects.count()) == (1, 1)
    now = timezone.now()
    MessageCount.objects.update(hour=now - timedelta(days=401))
    RecentMessage.objects.update(received_at=now - timedelta(days=8))
    prune_counts()
    assert not MessageCount.objects.exists()
    assert not RecentMessage.objects.exists()
