"""The nightly sweep: what others' rows said about a person before the erasure."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, open_request, sweep_traces
from profiles.models import Event, EventName, SourceRecord, TraitDefinition
from tests.factories import TESTER, profile_of, send_messages
from tests.system.traces import tables_with

pytestmark = pytest.mark.django_db
ADDRESS = "ada.canary@example.org"
TRACES: list[dict[str, Any]] = [
    {"type": "track", "event": "Sent", "properties": {"to": ADDRESS, "size": "42", "n": 1.50}},
    {"type": "track", "event": f"Invite to {ADDRESS}"},
    {
        "type": "page",
        "name": "Shop",
        "context": {"page": {"url": f"https://x.example/?e={ADDRESS}"}},
    },
    {"traits": {"friend_email": ADDRESS, "city": "Lyon", "note": f"knows {ADDRESS} well"}},
    {"traits": {ADDRESS: "in a key", "deep": [{"mail": f"mailto:{ADDRESS}"}]}},
]


def erase_ada() -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=(f"email:{ADDRESS}",), reason="asked")
    return open_request(new_request, door="service", actor=TESTER)


def test_other_peoples_rows_are_swept_and_keep_the_rest() -> None:
    send_messages({"userId": "ada", "traits": {"email": ADDRESS}})
    send_messages(*({"userId": "bob"} | trace for trace in TRACES))
    request = erase_ada()
    assert act_on_requests() == 1
    assert tables_with(ADDRESS)
    request.refresh_from_db()
    assert "final" not in request.receipt
    counts = sweep_traces()
    assert tables_with(ADDRESS) == {}
    assert counts.keys() == {"profiles.Event", "profiles.SourceRecord"}
    sent = Event.objects.get(name__name="Sent")
    assert sent.properties == {"size": "42", "n": 1.5}
    assert EventName.objects.filter(name__startswith="Invite to [erased]").count() == 1
    traits = {key: entry[0] for key, entry in SourceRecord.objects.get().traits.items()}
    assert (traits["city"], traits["note"]) == ("Lyon", "knows [erased] well")
    assert profile_of("user_id:bob").traits["note"] == "knows [erased] well"
    assert not TraitDefinition.objects.filter(key=ADDRESS).exists()
    request.refresh_from_db()
    assert request.receipt["final"] is True
    with CaptureQueriesContext(connection) as captured:
        assert sweep_traces() == {}
    assert len(captured) == 2, "nothing is read again for an erasure that was swept after"
    assert "profiles_event" not in str(captured.captured_queries)


def test_a_sweep_writes_nothing_where_nobody_was_erased() -> None:
    send_messages(*({"userId": "bob"} | trace for trace in TRACES))
    assert sweep_traces() == {}
    assert tables_with(ADDRESS)
