"""One faulty message never stops the others; what is no message's fault rejects none."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.errors import lookup

from ingestion.drain import checkpoints
from ingestion.drain.faults import TooManyFaults, UnexpectedFaults
from ingestion.inbox.rejected import MAX_KEPT_A_DAY
from ingestion.models import DrainPause, DroppedCount, InboxRow, RejectedMessage
from ingestion.services import drain_inbox
from profiles.lib.checkpoints import handled
from profiles.lib.database import database_now
from profiles.models import AuditEntry, Event, Source
from profiles.services import AttributedEvent
from tests.factories import accept_only, drafted_properties
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db


def track(user: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": "Viewed", "properties": properties}


def failing(error: Exception) -> Any:
    """Fail with this error while events with {"poison": 1} are stored."""

    def fail(events: list[AttributedEvent]) -> None:
        if any(drafted_properties(event) == '{"poison":1}' for event in events):
            raise error

    return handled(checkpoints.COPYING_EVENTS, fail)


def make_due() -> None:
    """Let the time of all postponed rows and probes come."""
    InboxRow.objects.filter(attempts__gt=0).update(leased_until=None)
    DrainPause.objects.update(probe_at=database_now() - timedelta(seconds=1))


def test_200_poison_requests_do_not_keep_40_ordinary_ones_waiting(send: Send) -> None:
    for number in range(200):
        accept_only(track(f"p{number}", poison=1))
    for number in range(40):
        accept_only(track(f"u{number}"))
    started = time.monotonic()
    with failing(ValueError("no")):
        drain_inbox()
    assert time.monotonic() - started < 60
    assert Event.objects.count() == 40
    assert RejectedMessage.objects.filter(code="failed").count() == 200


def test_rows_tried_before_take_no_place_before_new_ones(send: Send) -> None:
    for number in range(200):
        accept_only(track(f"p{number}", poison=1))
    InboxRow.objects.update(attempts=1)
    for number in range(40):
        accept_only(track(f"u{number}"))
    with failing(ValueError("no")):
        drain_inbox(seconds=0.001)
    assert Event.objects.count() == 40


def test_an_unexpected_error_is_tried_again_ever_later_and_rejected_at_last(send: Send) -> None:
    accept_only(track("u1"), track("u2", poison=1), track("u3"))
    delays = []
    with failing(TypeError("ours")):
        for _ in range(4):
            drain_inbox()
            row = InboxRow.objects.get()
            assert row.leased_until is not None
            delays.append(round((row.leased_until - database_now()).total_seconds()))
            assert drain_inbox() == 0
            assert Event.objects.count() == 2
            make_due()
        drain_inbox()
    assert delays == [2, 4, 8, 16]
    assert not InboxRow.objects.exists()
    assert RejectedMessage.objects.get().code == "poison"


def test_an_error_of_ours_pauses_the_drain_and_rejects_nothing(send: Send, client: Client) -> None:
    for number in range(30):
        accept_only(track(f"u{number}", poison=1))
    with failing(ProgrammingError("column does not exist")):
        drain_inbox()
        assert DrainPause.objects.get().error == "ProgrammingError"
        assert client.get("/readyz").json()["checks"]["drain"] is False
        assert client.get("/readyz").status_code == 503
        make_due()
        drain_inbox()
    assert set(InboxRow.objects.values_list("attempts", flat=True)) == {0}
    assert not RejectedMessage.objects.exists()
    assert send(track("u99"), drain=False).status_code == 200
    drain_inbox()
    assert not Event.objects.exists()  # nobody has the turn yet
    make_due()
    drain_inbox()
    assert Event.objects.count() == 31
    assert not DrainPause.objects.exists()
    assert client.get("/readyz").json()["checks"]["drain"] is True


@given(
    st.sampled_from(["0A000", "42601", "42703", "42804", "42883", "42P01", "XX000", "XX001"]),
    st.lists(st.sampled_from([0, 1, 2, 3]), min_size=1, max_size=4),
)
@example("0A000", [3])
@settings(deadline=None, max_examples=tries(30), suppress_health_check=list(HealthCheck))
def test_a_refused_statement_stops_the_drain_at_once_and_rejects_nothing(
    client: Client, state: str, attempts: list[int]
) -> None:
    InboxRow.objects.all().delete()
    DrainPause.objects.all().delete()
    for number, tried in enumerate(attempts):
        accept_only(track(f"u{number}", poison=1), track(f"v{number}"))
        InboxRow.objects.filter(pk=InboxRow.objects.latest("pk").pk).update(attempts=tried)
    before = list(InboxRow.objects.order_by("pk").values_list("pk", "attempts"))
    with failing(lookup(state)("no such thing")):
        drain_inbox()
    assert list(InboxRow.objects.order_by("pk").values_list("pk", "attempts")) == before
    assert not RejectedMessage.objects.exists()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["drain_paused_by"] == lookup(state).__name__


def test_djangos_error_is_named_by_the_drivers(send: Send, client: Client) -> None:
    def refuse(events: list[AttributedEvent]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")

    accept_only(track("u1"))
    with handled(checkpoints.COPYING_EVENTS, refuse):
        drain_inbox()
    assert client.get("/readyz").json()["drain_paused_by"] == "UndefinedTable"
    assert not RejectedMessage.objects.exists()


def test_a_few_unexpected_faults_are_no_reason_to_stop_and_many_are() -> None:
    faults = UnexpectedFaults()
    faults.begin_chunk()
    for _ in range(20):
        faults.add(TypeError())
        faults.add(KeyError())
    with pytest.raises(TooManyFaults):
        faults.add(TypeError())
    spread = UnexpectedFaults()
    spread.add_drained(2_050)
    for _ in range(20):
        spread.begin_chunk()
        spread.add(TypeError())
    spread.begin_chunk()
    with pytest.raises(TooManyFaults):
        spread.add(TypeError())


def test_a_damaged_row_is_rejected_and_the_others_go_on(send: Send) -> None:
    accept_only(track("u1"))
    InboxRow.objects.update(body=b"no lz4")
    accept_only(track("u2"))
    drain_inbox()
    assert Event.objects.count() == 1
    assert RejectedMessage.objects.get().code == "invalid_request"


def test_what_is_rejected_cannot_fill_the_disk(send: Send, shop: Source) -> None:
    send(*({"type": "dance"} for _ in range(MAX_KEPT_A_DAY // 4)))
    for _ in range(3):
        send(*({"type": "dance", "x": "y" * 100} for _ in range(MAX_KEPT_A_DAY // 4 + 1)))
    assert RejectedMessage.objects.count() == MAX_KEPT_A_DAY
    assert DroppedCount.objects.get(source=shop, reason="rejected").count == 3


def test_many_rejected_messages_are_replayed_by_code_and_time(send: Send) -> None:
    send({"type": "dance", "userId": "u1"}, {"type": "track", "userId": "u1"})
    soon = (database_now() + timedelta(minutes=1)).isoformat()
    call_command("replay_rejected", code="unknown_type", after=soon)
    assert not InboxRow.objects.exists()
    call_command("replay_rejected", code="unknown_type", before=soon)
    call_command("replay_rejected", code="unknown_type")
    assert InboxRow.objects.count() == 1


def test_staff_see_why_the_drain_is_paused_and_have_it_tried_at_once(
    send: Send, client: Client
) -> None:
    DrainPause.objects.create(error="UndefinedTable", probes=6)
    DrainPause.objects.update(probe_at=timezone.now() + timedelta(minutes=5))
    accept_only(track("u1"))
    client.force_login(User.objects.create_superuser("root"))
    for page in ("/admin/", "/admin/ingestion/inboxrow/"):
        text = client.get(page).content.decode()
        assert "UndefinedTable" in text
        assert "try-now" in text
    drain_inbox()
    assert not Event.objects.exists()
    assert client.get("/admin/ingestion/inboxrow/try-now/").status_code == 405
    assert client.post("/admin/ingestion/inboxrow/try-now/").status_code == 302
    drain_inbox()
    assert Event.objects.count() == 1
    assert "UndefinedTable" not in client.get("/admin/").content.decode()
    assert AuditEntry.objects.filter(verb="drain.tried").exists()


def test_a_role_that_only_sees_the_inbox_cannot_have_the_drain_tried(client: Client) -> None:
    DrainPause.objects.create(error="UndefinedTable")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_inboxrow"))
    client.force_login(viewer)
    text = client.get("/admin/ingestion/inboxrow/").content.decode()
    assert "UndefinedTable" in text
    assert "try-now" not in text
    assert client.post("/admin/ingestion/inboxrow/try-now/").status_code == 403
