"""Tracking plans: what is allowed, flagged and refused, at the door and in the drain alike."""

import time
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from consent.models import ConsentState
from consent.services import NewRequest, act_on_requests, open_request
from ingestion.api.senders import forget_senders
from ingestion.models import MessageCount, PlanBreach, RejectedMessage, TrackingPlan
from ingestion.plans.compiled import compiled_plan
from ingestion.plans.content import PlanFaults, parse_plan
from ingestion.services import drain_inbox, replay_message, save_plan
from profiles.models import AuditEntry, Event, EventName, Profile, Source
from tests.admin import sign_in
from tests.factories import TESTER, make_client, make_purpose, profile_of
from tests.ingestion.conftest import Send

pytestmark = pytest.mark.django_db
URL = "/api/v1/sources/shop/plan/"
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order_id", "total"],
    "properties": {
        "order_id": {"type": "string", "pattern": "^[A-Z0-9-]+$"},
        "total": {"type": "number", "minimum": 0.1},
    },
}
PLAN: dict[str, Any] = {
    "policy": "refuse",
    "unplanned": "flag",
    "events": {
        "Order Completed": {"schema": ORDER},
        "Seen": {"schema": {"required": ["page"]}, "policy": "flag"},
        "Free": {"schema": {"required": ["never"]}, "policy": "allow"},
    },
    "calls": {"identify": {"schema": {"properties": {"age": {"type": "integer"}}}}},
}
RIGHT = {"order_id": "A-1", "total": 20.5}


def track(event: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "7", "event": event, "properties": properties, **more}


def put_plan(shop: Source, content: dict[str, Any]) -> TrackingPlan:
    forget_senders()
    return save_plan(shop, content, actor=TESTER)


def stored_events() -> list[str]:
    return sorted(
        EventName.objects.filter(pk__in=Event.objects.values("name_id")).values_list(
            "name", flat=True
        )
    )


def schema_of(schema: Any) -> dict[str, Any]:
    return {"events": {"Seen": {"schema": schema}}}


def test_each_policy_does_what_it_says(shop: Source, send: Send) -> None:
    put_plan(shop, PLAN)
    answer = send(
        track("Order Completed", RIGHT),
        track("Order Completed", {"order_id": "secret words", "total": 20}),
        track("Order Completed", {"order_id": "A-2"}),
        track("Seen", {}),
        track("Free", {}),
        track("Invented by a visitor", {}),
        {"type": "identify", "userId": "7", "traits": {"age": "old"}},
    )
    assert answer.status_code == 200
    assert answer.headers["X-Rejected"] == "3"
    rejected = RejectedMessage.objects.order_by("place")
    assert list(rejected.values_list("place", "code", "path", "detail")) == [
        (1, "plan", "properties.order_id", 'pattern: "^[A-Z0-9-]+$"'),
        (2, "plan", "properties.total", 'required: ["order_id","total"]'),
        (6, "plan", "traits.age", 'type: "integer"'),
    ]
    assert stored_events() == ["Free", "Invented by a visitor", "Order Completed", "Seen"]
    breaches = PlanBreach.objects.order_by("event", "path")
    assert list(breaches.values_list("event", "path", "policy", "count")) == [
        ("", "event", "flag", 1),
        ("Order Completed", "properties.order_id", "refuse", 1),
        ("Order Completed", "properties.total", "refuse", 1),
        ("Seen", "properties.page", "flag", 1),
        ("identify", "traits.age", "refuse", 1),
    ]
    counts = dict(MessageCount.objects.values_list("outcome", "count"))
    assert counts == {"stored": 4, "rejected": 3}


def test_strict_lists_the_very_messages_that_the_drain_refuses(shop: Source, send: Send) -> None:
    put_plan(shop, PLAN | {"unplanned": "refuse"})
    answer = send(
        track("Order Completed", {}), track("Other", {}), track("Seen", {}), query="?strict=1"
    )
    assert answer.status_code == 207
    listed = [(each["index"], each["code"], each["path"]) for each in answer.json()["rejected"]]
    rows = RejectedMessage.objects.order_by("place").values_list("place", "code", "path")
    assert listed == list(rows)
    assert [code for _, code, _ in listed] == ["plan", "unplanned_event"]
    # What is refused does not fill the dictionary of names.
    assert not EventName.objects.filter(name="Other").exists()


def test_what_breaks_a_plan_is_counted_by_names_of_the_plan_alone(shop: Source, send: Send) -> None:
    lines = {"items": {"properties": {"price": {"type": "number"}}}}
    notes = {"additionalProperties": {"type": "string"}}
    schema = {"properties": {"lines": lines, "notes": notes}}
    put_plan(shop, {"policy": "refuse", "events": {"Seen": {"schema": schema}}})
    send(
        track("Seen", {"lines": [{"price": 1}, {"price": "2"}]}),
        track("Seen", {"lines": [{"price": "3"}]}),
        track("Seen", {"notes": {"ada@example.org": 5}}),
    )
    paths = RejectedMessage.objects.order_by("place").values_list("path", flat=True)
    assert list(paths) == [
        "properties.lines[1].price",
        "properties.lines[0].price",
        "properties.notes.ada@example.org",
    ]
    counted = PlanBreach.objects.order_by("path").values_list("path", "count")
    assert list(counted) == [("properties.lines[*].price", 2), ("properties.notes.*", 1)]


def test_a_refusal_is_counted_once_however_often_it_is_replayed(shop: Source, send: Send) -> None:
    put_plan(shop, PLAN)
    send(track("Order Completed", {}))
    replay_message(RejectedMessage.objects.get(), actor=TESTER)
    drain_inbox()
    assert RejectedMessage.objects.get().replayed_at is None
    assert PlanBreach.objects.get().count == 1


def test_the_page_of_a_source_leads_to_what_its_plan_refused(shop: Source, send: Send) -> None:
    lines = {"items": {"properties": {"price": {"type": "number"}}}}
    notes = {"additionalProperties": {"type": "string"}}
    schema = {"properties": {"lines": lines, "notes": notes}}
    put_plan(shop, {"policy": "refuse", "events": {"Seen": {"schema": schema}}})
    send(track("Seen", {"lines": [1, {"price": "2"}]}), track("Seen", {"notes": {"x": 5}}))
    client = sign_in("steward")
    page = client.get(reverse("admin:profiles_source_change", args=[shop.pk]))
    links = [fault.link for fault in page.context["figures"].planned.faults]
    assert len(links) == 2
    shown = [client.get(link).content.decode() for link in links]
    assert "1 open message of shop" in shown[0]
    assert "properties.notes.x" in shown[1]


def test_a_refused_message_is_replayed_under_the_plan_of_today(shop: Source, send: Send) -> None:
    put_plan(shop, PLAN)
    send(track("Order Completed", {"order_id": "A-1"}, messageId="m1"))
    rejected = RejectedMessage.objects.get()
    replay_message(rejected, actor=TESTER)
    drain_inbox()
    rejected.refresh_from_db()
    assert (rejected.replayed_at, rejected.outcome) == (None, "")
    put_plan(shop, {})
    replay_message(rejected, actor=TESTER)
    drain_inbox()
    rejected.refresh_from_db()
    assert rejected.outcome == "stored"
    assert stored_events() == ["Order Completed"]


def test_an_opt_out_in_a_refused_message_holds_at_once(shop: Source, send: Send) -> None:
    make_purpose("ads")
    put_plan(shop, PLAN)
    send({"type": "identify", "userId": "7", "traits": {"age": 3}})
    consent = {"consent": {"categoryPreferences": {"ads": False}}}
    refused = track("Order Completed", {"email": "x"}, context=consent)
    send(refused)
    profile = profile_of("user_id:7")
    assert ConsentState.objects.get(profile=profile, purpose__key="ads").state == "withdrawn"
    assert stored_events() == []
    assert RejectedMessage.objects.count() == 1
    put_plan(shop, {})
    replay_message(RejectedMessage.objects.get(), actor=TESTER)
    drain_inbox()
    assert ConsentState.objects.get(profile=profile, purpose__key="ads").state == "withdrawn"
    assert stored_events() == ["Order Completed"]


def test_a_grant_in_a_refused_message_waits(shop: Source, send: Send) -> None:
    make_purpose("ads")
    put_plan(shop, PLAN)
    consent = {"consent": {"categoryPreferences": {"ads": True}}}
    send(track("Order Completed", {}, context=consent))
    assert not ConsentState.objects.filter(state="given").exists()
    assert not Profile.objects.exists()


def test_erased_people_are_dropped_before_the_plan_is_obeyed(shop: Source, send: Send) -> None:
    send({"type": "identify", "userId": "7", "traits": {"age": 3}})
    request = NewRequest(kind="erasure", references=("user_id:7",), reason="A letter.")
    open_request(request, door="service", actor=TESTER)
    assert act_on_requests() == 1
    put_plan(shop, PLAN)
    send(track("Order Completed", {}))
    assert not RejectedMessage.objects.exists()


def test_a_choice_of_consents_depends_on_no_plan(shop: Source, send: Send) -> None:
    make_purpose("ads")
    put_plan(shop, PLAN | {"unplanned": "refuse"})
    chosen = {"consent": {"categoryPreferences": {"ads": True}}}
    send(track("Segment Consent Preference Updated", chosen))
    assert ConsentState.objects.get().state == "given"


BAD = {
    "remote": ({"$ref": "https://example.org/a.json"}, ".$ref", "unknown_reference"),
    "file": ({"$ref": "file:///etc/passwd"}, ".$ref", "unknown_reference"),
    "circle": (
        {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
        ".$defs.a.items.$ref",
        "circular_reference",
    ),
    "back reference": ({"pattern": "(a)\\1"}, ".pattern", "invalid_schema"),
    "huge pattern": ({"pattern": "(a{1000}){1000}"}, ".pattern", "invalid_schema"),
    "long pattern": ({"pattern": "a" * 257}, ".pattern", "too_long"),
    "unknown format": ({"format": "emial"}, ".format", "invalid_schema"),
    "slip": ({"requird": ["a"]}, ".requird", "unknown_keyword"),
    "wrong type": ({"minimum": "x"}, ".minimum", "invalid_schema"),
    "no object": ("string", "", "not_an_object"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_schema_is_refused_with_its_path(shop: Source, name: str) -> None:
    schema, path, code = BAD[name]
    answer = make_client().put(URL, {"content": schema_of(schema)}, format="json")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["path"], error["code"]) == (f"content.events.Seen.schema{path}", code)
    assert not TrackingPlan.objects.exists()


def test_references_that_multiply_are_refused() -> None:
    definitions = {
        f"d{number}": {"anyOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2} for number in range(40)
    }
    definitions["d40"] = {"const": 1}
    with pytest.raises(PlanFaults) as raised:
        parse_plan(schema_of({"$defs": definitions, "$ref": "#/$defs/d0"}))
    assert [fault.code for fault in raised.value.faults] == ["too_large"]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(a|b)*a(a|b){12}$", "(.*a){20}$"])
def test_no_pattern_stops_the_drain(shop: Source, send: Send, pattern: str) -> None:
    put_plan(shop, {"events": {"Seen": {"schema": {"properties": {"a": {"pattern": pattern}}}}}})
    started = time.monotonic()
    send(*(track("Seen", {"a": "a" * 30_000 + "!"}) for _ in range(3)))
    assert time.monotonic() - started < 10
    assert Event.objects.count() == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["properties", "items", "anyOf", "$ref", "$defs", "pattern", "enum", "not"])


@given(st.recursive(JSON, lambda inner: st.dictionaries(KEYS, inner), max_leaves=12))
def test_any_json_is_a_plan_or_is_refused_with_paths(content: Any) -> None:
    for plan in (content, schema_of(content), {"events": content}):
        # Any other error fails the test.
        with suppress(PlanFaults):
            assert parse_plan(plan).unplanned == "allow"


def test_a_plan_is_versioned_and_the_same_again_is_none(shop: Source) -> None:
    client = make_client()
    assert client.get(URL).status_code == 404
    first = client.put(URL, {"content": PLAN}, format="json")
    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert first.json()["content"] == PLAN
    assert client.put(URL, {"content": PLAN}, format="json").json() == first.json()
    assert client.put(URL, {"content": {}}, format="json").json()["version"] == 2
    assert client.get(URL).json()["version"] == 2
    assert AuditEntry.objects.filter(object_type="tracking_plan").count() == 2
    assert client.put(URL, {"contents": {}}, format="json").status_code == 400


def test_a_check_says_what_would_be_refused_and_changes_nothing(shop: Source, send: Send) -> None:
    send(track("Order Completed", {}), track("Seen", {}), track("Order Completed", RIGHT))
    client = make_client()
    recent = client.post(f"{URL}check/", {"content": PLAN}, format="json").json()
    assert {name: recent[name] for name in ("checked", "refused", "flagged")} == {
        "checked": 3,
        "refused": 1,
        "flagged": 1,
    }
    body = {"content": PLAN, "messages": [track("Order Completed", {"total": 1}), "no object"]}
    pasted = client.post(f"{URL}check/", body, format="json").json()
    paths = [(each["index"], each["policy"], each["path"]) for each in pasted["verdicts"]]
    assert paths == [(0, "refuse", "properties.order_id"), (1, "invalid", "")]
    assert client.post(f"{URL}check/", {}, format="json").status_code == 404
    assert not TrackingPlan.objects.exists()


@pytest.mark.parametrize("value", [r'"\ud800"', r'"\u0000"', "Infinity", "NaN", "1e999"])
def test_a_form_with_what_cannot_be_stored_is_refused(shop: Source, value: str) -> None:
    url = reverse("admin:ingestion_trackingplan_add")
    content = f'{{"events": {{"Seen": {{"schema": {{"const": {value}}}}}}}}}'
    answer = sign_in("steward").post(url, {"source": shop.pk, "content": content})
    assert answer.status_code == 200
    assert not TrackingPlan.objects.exists()


def test_a_plan_costs_no_query_a_message(shop: Source, send: Send) -> None:
    put_plan(shop, PLAN)
    compiled_plan.cache_clear()
    send(track("Seen", {}))

    def queries(count: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            send(*(track("Order Completed", RIGHT) for _ in range(count)))
        return sum("trackingplan" in query["sql"] for query in captured)

    assert queries(5) == queries(50) == 1


def test_staff_save_a_plan_and_see_what_is_wrong_with_one(shop: Source) -> None:
    client = sign_in("steward")
    url = reverse("admin:ingestion_trackingplan_add")
    bad = client.post(url, {"source": shop.pk, "content": '{"unplanned": "drop"}'})
    assert "unplanned: One of allow, flag, refuse." in bad.content.decode()
    saved = client.post(url, {"source": shop.pk, "content": '{"unplanned": "refuse"}'})
    assert saved.status_code == 302
    assert TrackingPlan.objects.get().content == {"unplanned": "refuse"}


def test_the_page_of_a_source_has_its_plan_and_what_broke_it(shop: Source, send: Send) -> None:
    page = reverse("admin:profiles_source_change", args=[shop.pk])
    add = reverse("admin:ingestion_trackingplan_add")
    client = sign_in("steward")
    assert "everything that can be read is taken" in client.get(page).content.decode()
    blank = client.get(add, {"source": shop.pk}).context["adminform"].form
    assert parse_plan(blank["content"].initial).events.keys() == {"Order Completed"}
    put_plan(shop, {"unplanned": "flag", "events": {"Seen": {"schema": {"required": ["by"]}}}})
    put_plan(shop, {"unplanned": "flag", "events": {"Seen": {"schema": {"required": ["at"]}}}})
    send(track("Seen", {}), track("Seen", {}), track("Invented", {}))
    shown = client.get(page).content.decode()
    assert "version 2" in shown
    assert shown.index("Seen<br>") < shown.index("events that are not in it")
    assert "properties.at" in shown
    assert "by tests" in shown
    next_form = client.get(add, {"source": shop.pk}).context["adminform"].form
    assert "at" in str(next_form["content"].initial)
    versions = client.get(reverse("admin:ingestion_trackingplan_changelist")).content.decode()
    assert versions.index("in force") < versions.index("former")
    plan = TrackingPlan.objects.filter(source=shop).latest("version")
    one = client.get(reverse("admin:ingestion_trackingplan_change", args=[plan.pk]))
    assert ">in force<" in one.content.decode().replace("\n", "").replace("  ", "")


@pytest.mark.parametrize("source", ["", "x", "-1", "9" * 30, "12345"])
def test_a_form_for_no_source_starts_all_the_same(source: str) -> None:
    url = reverse("admin:ingestion_trackingplan_add")
    assert sign_in("steward").get(url, {"source": source}).status_code == 200
