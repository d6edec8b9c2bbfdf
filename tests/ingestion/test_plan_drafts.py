"""First drafts of plans: what a source sent keeps to them, and nothing of a person is in them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.messages import Message, RequestFacts, read_messages, split_request
from ingestion.models import TrackingPlan
from ingestion.plans.content import MAX_BYTES, parse_plan
from ingestion.plans.draft import draft_of
from ingestion.plans.judge import breach_of
from profiles.lib import exact_json
from profiles.models import Source
from tests.admin import sign_in
from tests.factories import make_client
from tests.ingestion.conftest import Send
from tests.tries import tries

URL = "/api/v1/sources/shop/plan/draft/"
FACTS = RequestFacts(1, 1, datetime(2026, 3, 1, tzinfo=UTC), "FR")
KEYS = st.sampled_from(["a", "b", "total", "lines"]) | st.text(max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.decimals(-1000, 1000, places=2).map(float)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
PROPERTIES = st.dictionaries(KEYS, JSON, max_size=6)
NAMES = st.sampled_from(["Seen", "Bought"]) | st.text(min_size=1, max_size=8).filter(str.strip)


def track(event: str, properties: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "7", "event": event, "properties": properties}


def call(type_: str, content: Any) -> dict[str, Any]:
    field = "traits" if type_ in ("identify", "group") else "properties"
    return {"type": type_, "userId": "7", "groupId": "g", "name": "x", field: content}


SENT = st.lists(
    st.builds(track, NAMES, PROPERTIES)
    | st.builds(call, st.sampled_from(["identify", "group", "page", "screen"]), PROPERTIES),
    max_size=8,
)


def messages_of(sent: Iterable[dict[str, Any]]) -> list[Message]:
    bodies = (exact_json.dump_bytes({"batch": [each]}) for each in sent)
    envelopes = (split_request(body, "") for body in bodies)
    results = (result for each in envelopes for result in read_messages(each, FACTS, b""))
    return [each for each in results if isinstance(each, Message)]


@settings(max_examples=tries(300), deadline=None)
@given(SENT)
def test_what_a_draft_was_made_from_keeps_to_it(sent: list[dict[str, Any]]) -> None:
    messages = messages_of(sent)
    plan = parse_plan(draft_of(messages))
    assert [breach_of(plan, message) for message in messages] == [None] * len(messages)


def test_a_draft_requires_what_all_had_and_knows_types_at_any_place() -> None:
    line = {"sku": "A", "price": 1}
    messages = messages_of(
        [
            track("Bought", {"total": 20, "lines": [line, {"sku": None}], "coupon": "X"}),
            track("Bought", {"total": 20.5, "lines": [line]}),
            call("identify", {"age": 3}),
        ]
    )
    content = draft_of(messages)
    assert (content["policy"], content["unplanned"]) == ("flag", "allow")
    assert content["events"]["Bought"]["schema"] == {
        "type": "object",
        "required": ["lines", "total"],
        "properties": {
            "coupon": {"type": "string"},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["sku"],
                    "properties": {
                        "price": {"type": "number"},
                        "sku": {"type": ["null", "string"]},
                    },
                },
            },
            "total": {"type": "number"},
        },
    }
    plan = parse_plan(content)
    (broken,) = messages_of([track("Bought", {"total": "20", "lines": []})])
    breach = breach_of(plan, broken)
    assert breach is not None
    assert (breach.policy, breach.path) == ("flag", "properties.total")
    assert content["calls"]["identify"]["schema"]["required"] == ["age"]


def test_no_value_and_no_key_that_may_be_one_goes_into_a_draft() -> None:
    secrets = ["ada@example.org", "33612345678", "f47ac10b-58cc-4372-a567-0e02b2c3d479"]
    properties = {"note": "Ada", "by": dict.fromkeys(secrets, 1), **dict.fromkeys(secrets, 2)}
    sent = [track("Seen", properties), *(track(f"Seen {secret}", {}) for secret in secrets)]
    content = draft_of(messages_of(sent))
    assert list(content["events"]) == ["Seen"]
    text = exact_json.dumps(content)
    assert not [secret for secret in (*secrets, "Ada") if secret in text]


def test_a_table_of_keys_and_a_huge_source_make_a_plan_that_can_be_saved() -> None:
    def word(number: int) -> str:
        letters = (chr(ord("a") + int(digit)) for digit in f"{number:06}")
        return "".join(letters) * 8

    wide = {word(number): number for number in range(101)}
    assert (
        "properties" not in draft_of(messages_of([track("Wide", wide)]))["events"]["Wide"]["schema"]
    )
    deep = {word(number): {word(inner): 1 for inner in range(5)} for number in range(90)}
    sent = [track(f"Seen {word(number)}", deep) for number in range(100)]
    messages = messages_of(sent)
    assert len(messages) == 100
    content = draft_of(messages)
    assert len(exact_json.dump_bytes(content)) <= MAX_BYTES
    assert len(parse_plan(content).events) == 100


def test_events_that_could_not_be_read_are_named() -> None:
    content = draft_of([], ["Seen"])
    assert content["events"] == {"Seen": {"schema": {"type": "object"}}}


@pytest.mark.django_db
def test_the_api_drafts_a_plan_and_saves_none(shop: Source, send: Send) -> None:
    client = make_client()
    empty = client.post(URL).json()
    assert (empty["messages"], empty["content"]["events"]) == (0, {})
    send(track("Seen", {"at": "noon"}), track("Long", {"text": "é" * 9000}))
    drafted = client.post(URL).json()
    assert drafted["messages"] == 1
    assert drafted["content"]["events"] == {
        "Long": {"schema": {"type": "object"}},
        "Seen": {
            "schema": {
                "type": "object",
                "required": ["at"],
                "properties": {"at": {"type": "string"}},
            }
        },
    }
    assert not TrackingPlan.objects.exists()
    checked = client.post(
        "/api/v1/sources/shop/plan/check/", {"content": drafted["content"]}, format="json"
    ).json()
    assert (checked["checked"], checked["flagged"]) == (1, 0)
    assert client.post(URL, {"x": 1}, format="json").status_code == 400
    assert client.post("/api/v1/sources/none/plan/draft/").status_code == 404


@pytest.mark.django_db
def test_staff_begin_a_plan_with_a_draft(shop: Source, send: Send) -> None:
    send(track("Seen", {"at": "noon"}))
    page = reverse("admin:profiles_source_change", args=[shop.pk])
    add = f"{reverse('admin:ingestion_trackingplan_add')}?source={shop.pk}&draft=1"
    client = sign_in("steward")
    assert add.replace("&", "&amp;") in client.get(page).content.decode()
    form = client.get(add).context["adminform"].form
    assert list(form["content"].initial["events"]) == ["Seen"]
    assert not TrackingPlan.objects.exists()


def tried(client: Any, source: Source | None, content: str) -> str:
    fields = {"source": source.pk if source else "", "content": content}
    answer = client.post(reverse("admin:ingestion_trackingplan_check"), fields)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


@pytest.mark.django_db
def test_the_form_says_what_its_plan_would_do_while_it_is_written(shop: Source, send: Send) -> None:
    send(track("Seen", {"at": 1}), track("Seen", {}), track("Other", {}), track("Fine", {}))
    client = sign_in("steward")
    refusing = '{"policy": "refuse", "unplanned": "flag", "events": {"Fine": {},'
    refusing += (
        ' "Seen": {"schema": {"required": ["at"], "properties": {"at": {"type": "string"}}}}}}'
    )
    shown = tried(client, shop, refusing)
    assert "2 of the last 4 messages would be refused, 1 flagged." in shown
    assert shown.count("properties.at") == 1
    assert shown.count("Seen<br>") == shown.count("Other<br>") == 1
    assert "Fine" not in shown
    kept = tried(client, shop, "{}")
    assert "All of them keep to it." in kept
    assert "Choose a source" in tried(client, None, "{}")
    assert not TrackingPlan.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "This is not JSON."),
        ('{"a', "This is not JSON."),
        ("[" * 100_000, "This is not JSON."),
        ("[1]", "An object of names and values."),
        ('{"unplanned": "drop"}', "unplanned"),
        ('{"events": {"Seen": {"schema": {"requird": []}}}}', "events.Seen.schema.requird"),
    ],
)
def test_the_form_says_what_is_wrong_with_its_plan(shop: Source, content: str, words: str) -> None:
    shown = tried(sign_in("steward"), shop, content)
    assert words in shown
    assert "would be refused" not in shown


@pytest.mark.django_db
def test_the_trial_of_a_plan_shows_nobody(shop: Source, send: Send) -> None:
    send(track("Seen by ada@example.org", {"notes": {"bob@example.org": 5}}))
    send(track("Seen", {"notes": {"bob@example.org": 5}}))
    client = sign_in("marketer")
    for codename in ("add_trackingplan", "view_rejectedmessage"):
        permission = Permission.objects.get(codename=codename)
        User.objects.get(username__startswith="marketer").user_permissions.add(permission)
    plan = '{"unplanned": "flag", "events": {"Seen": {"schema": {"properties": {"notes": '
    plan += '{"additionalProperties": {"type": "string"}}}}}}}'
    shown = tried(client, shop, plan)
    assert "properties.notes.*" in shown
    assert "Seen by" in shown
    assert "example.org" not in shown


@pytest.mark.django_db
def test_only_who_may_write_plans_may_try_them(shop: Source) -> None:
    url = reverse("admin:ingestion_trackingplan_check")
    assert sign_in("auditor").post(url, {"content": "{}"}).status_code == 403
