"""Rejected messages: mended by hand and by rules, replayed, and what becomes of them."""

import contextlib
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.test import APIClient

from ingestion.inbox.body import pack_message, unpack_message
from ingestion.mending.operations import Operation, Type, Verb, cast_value, operate
from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import (
    InboxBody,
    accept,
    drain_inbox,
    fault_of,
    mend_messages,
    replay_message,
)
from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.models import AuditEntry, Event, Source
from profiles.models.access import Scope
from tests.factories import (
    TESTER,
    make_client,
    make_source,
    make_write_key,
    profile_of,
    send_messages,
)
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db
URL = "/api/v1/rejected-messages/"
TRACK = {"type": "track", "userId": "u1", "event": "Viewed"}
NAMELESS = {"type": "track", "userId": "u1", "messageId": "m1"}


@pytest.fixture
def steward() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


def only() -> RejectedMessage:
    return RejectedMessage.objects.get()


def body_of(rejected: RejectedMessage) -> Any:
    return json.loads(unpack_message(rejected.body))


def replay() -> RejectedMessage:
    """Send the one rejected message again, and return it as it is then."""
    assert replay_message(only(), actor=TESTER)
    drain_inbox()
    return only()


def test_a_message_is_mended_replayed_and_stored_with_all_it_had_at_first(
    send: Send, steward: APIClient
) -> None:
    sent_at = "2026-03-01T12:00:10Z"
    message = NAMELESS | {"originalTimestamp": "2026-03-01T12:00:00Z"}
    context = {"locale": "fr", "app": {"name": "till"}}
    send(message, envelope={"sentAt": sent_at, "context": context})
    rejected = only()
    mended = body_of(rejected) | {"event": "Viewed"}
    response = steward.patch(f"{URL}{rejected.uuid}/", {"body": mended})
    assert response.status_code == 200, response.json()
    assert response.json()["body"] == mended
    assert response.json()["mended_at"]
    assert steward.post(f"{URL}{rejected.uuid}/replay/").status_code == 202
    drain_inbox()
    event = Event.objects.get()
    assert event.context == context | {"inferred": {"language": "fr"}}
    assert event.sent_at.isoformat() == "2026-03-01T12:00:10+00:00"
    assert event.received_at == rejected.received_at
    assert (event.received_at - event.timestamp).total_seconds() == 10
    assert steward.get(f"{URL}{rejected.uuid}/").json()["outcome"] == "stored"
    # Its messageId is taken now.
    send(TRACK | {"messageId": "m1"})
    assert Event.objects.count() == 1


def test_a_message_of_a_route_of_its_own_is_replayed_as_that(client: Client, shop: Source) -> None:
    headers = {"Authorization": f"Bearer {make_write_key(shop)}"}
    body = b'{"userId":"u1","event":"Viewed","properties":{"n":1e999}}'
    client.post("/v1/track", body, content_type="application/json", headers=headers)
    drain_inbox()
    assert body_of_text(only()).startswith('{"type":"track",')
    report = mend_messages(
        RejectedMessage.objects.all(),
        [Operation(Verb.CAST, "properties.n", "text")],
        actor=TESTER,
        is_sent=True,
    )
    assert (report.matched, report.mended, report.sent) == (1, 1, 1)
    drain_inbox()
    assert Event.objects.get().properties == {"n": "1e999"}
    assert only().outcome == "stored"


def body_of_text(rejected: RejectedMessage) -> str:
    return unpack_message(rejected.body).decode()


def test_a_refusal_of_the_browser_is_kept_by_the_replay(client: Client, shop: Source) -> None:
    headers = {"Authorization": f"Bearer {make_write_key(shop)}", "Sec-GPC": "1"}
    body = {"batch": [NAMELESS]}
    client.post("/v1/batch", body, content_type="application/json", headers=headers)
    drain_inbox()
    replay_message(only(), actor=TESTER)
    assert InboxRow.objects.get().is_opted_out


def test_a_replay_that_is_rejected_again_is_open_with_its_new_reason(send: Send) -> None:
    send(NAMELESS)
    rejected = only()
    mend_messages(
        RejectedMessage.objects.all(), [Operation(Verb.SET, "event", value="x")], actor=TESTER
    )
    # A rule may change between mending and draining; here somebody spoils the content.
    spoilt = b'{"type":"track","userId":"guest","event":"x"}'
    RejectedMessage.objects.update(body=pack_message(spoilt))
    again = replay()
    assert (again.pk, again.place) == (rejected.pk, rejected.place)
    assert (again.code, again.replayed_at, again.outcome) == ("no_identifier", None, "")


def test_a_replay_of_what_came_meanwhile_is_a_repeat(send: Send) -> None:
    send(NAMELESS)
    send(TRACK | {"messageId": "m1"})
    mend_messages(
        RejectedMessage.objects.all(), [Operation(Verb.SET, "event", value="x")], actor=TESTER
    )
    assert replay().outcome == "repeat"
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (NAMELESS, "body.event", "missing_event"),
        (TRACK | {"userId": "guest"}, "body", "no_identifier"),
        (TRACK | {"properties": [1]}, "body.properties", "not_an_object"),
        ([TRACK], "body", "not_an_object"),
        ("text", "body", "not_an_object"),
        ({}, "body.type", "unknown_type"),
    ],
)
def test_what_is_still_faulty_is_not_saved_and_its_fault_is_named(
    send: Send, steward: APIClient, body: Any, path: str, code: str
) -> None:
    send(NAMELESS)
    before = body_of(only())
    response = steward.patch(f"{URL}{only().uuid}/", {"body": body})
    assert response.status_code == 400
    assert [(fault["path"], fault["code"]) for fault in response.json()["errors"]] == [(path, code)]
    assert (body_of(only()), only().mended_at) == (before, None)


def test_a_message_on_its_way_is_not_mended(send: Send, steward: APIClient) -> None:
    send(NAMELESS)
    replay_message(only(), actor=TESTER)
    assert steward.patch(f"{URL}{only().uuid}/", {"body": TRACK}).status_code == 409


def test_faults_are_grouped_and_mended_by_one_rule(steward: APIClient) -> None:
    products = [{"n": 1}, {"n": 2}]
    lists = [TRACK | {"userId": f"u{n}", "properties": [{"products": products}]} for n in range(7)]
    send_messages(*lists, NAMELESS)
    send_messages(NAMELESS | {"messageId": "m2"}, source="crm")
    groups = steward.get(f"{URL}faults/?source=shop").json()["results"]
    assert [(each["code"], each["path"], each["open"]) for each in groups] == [
        ("missing_event", "event", 1),
        ("not_an_object", "properties", 7),
    ]
    rule = {
        "source": "shop",
        "code": "not_an_object",
        "path": "properties",
        "operations": [{"verb": "drop", "path": "properties"}],
    }
    trial = steward.post(f"{URL}mend/", rule | {"dry_run": True}).json()
    assert trial == {"matched": 7, "mended": 7, "sent": 0, "left": []}
    assert not RejectedMessage.objects.exclude(mended_at=None).exists()
    assert steward.post(f"{URL}mend/", rule).json()["sent"] == 7
    drain_inbox()
    assert Event.objects.count() == 7
    (group,) = [each for each in groups_of(steward) if each["code"] == "not_an_object"]
    assert (group["open"], group["sent"], group["stored"]) == (0, 7, 7)
    entry = AuditEntry.objects.get(verb="rejected_messages.mended")
    assert entry.changes["rules"] == [None, ["drop properties"]]


def groups_of(steward: APIClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = steward.get(f"{URL}faults/").json()["results"]
    return rows


def test_places_in_lists_are_one_fault(steward: APIClient) -> None:
    numbers = ["1e999" if n == place else "1" for place in range(3) for n in range(3)]
    for place in range(3):
        row = ",".join(numbers[place * 3 : place * 3 + 3])
        accept_text(f'{{"type":"track","userId":"u1","event":"e","properties":{{"a":[{row}]}}}}')
    drain_inbox()
    (group,) = groups_of(steward)
    assert (group["path"], group["open"]) == ("properties.a[*]", 3)
    rule = {"source": "shop", "code": "number_out_of_range", "path": "properties.a[*]"}
    body = rule | {"operations": [{"verb": "cast", "path": "properties.a[*]", "to": "text"}]}
    assert steward.post(f"{URL}mend/", body).json()["sent"] == 3
    drain_inbox()
    assert sorted(event.properties["a"] for event in Event.objects.all()) == [
        ["1", "1", "1e999"],
        ["1", "1e999", "1"],
        ["1e999", "1", "1"],
    ]


def accept_text(message: str) -> None:
    accept(
        InboxBody("", f'{{"batch":[{message}]}}'.encode()),
        source_id=make_source(key="shop").pk,
        trust=2,
        message_count=1,
        is_opted_out=False,
    )


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ({"verb": "explode", "path": "a"}, "operations[0].verb"),
        ({"verb": "cast", "path": "a", "to": "date"}, "operations[0].to"),
        ({"verb": "rename", "path": "a"}, "operations[0].to"),
        ({"verb": "set", "path": "a"}, "operations[0].value"),
        ({"verb": "drop"}, "operations[0].path"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_path(
    steward: APIClient, operation: Any, path: str
) -> None:
    send_messages(NAMELESS)
    body = {"source": "shop", "code": "missing_event", "operations": [operation]}
    response = steward.post(f"{URL}mend/", body)
    assert response.status_code == 400
    assert [fault["path"] for fault in response.json()["errors"]] == [path]


OPERATED = [
    (Operation(Verb.DROP, "a"), {"a": 1, "b": 2}, {"b": 2}),
    (Operation(Verb.DROP, "a.b"), {"a": {"b": 1}}, {"a": {}}),
    (Operation(Verb.DROP, "a.b"), {"a.b": 1, "a": {"b": 1}}, {"a": {"b": 1}}),
    (Operation(Verb.DROP, "a.b.c"), {"a.b": {"c": 1}}, {"a.b": {}}),
    (Operation(Verb.DROP, "a[1]"), {"a": [1, 2, 3]}, {"a": [1, None, 3]}),
    (Operation(Verb.DROP, "a[*].b"), {"a": [{"b": 1}, {"c": 2}, 3]}, {"a": [{}, {"c": 2}, 3]}),
    (Operation(Verb.DROP, "a[9]"), {"a": [1]}, {"a": [1]}),
    (Operation(Verb.DROP, "x"), {"a": 1}, {"a": 1}),
    (Operation(Verb.RENAME, "a.b", "c"), {"a": {"b": 1}}, {"a": {"c": 1}}),
    (Operation(Verb.RENAME, "a", "b"), {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    (Operation(Verb.CAST, "a", "number"), {"a": " 19.90 "}, {"a": 19.90}),
    (Operation(Verb.CAST, "a", "number"), {"a": "19,90"}, {"a": "19,90"}),
    (Operation(Verb.CAST, "a", "text"), {"a": 19.90}, {"a": "19.9"}),
    (Operation(Verb.CAST, "a", "boolean"), {"a": "Yes"}, {"a": True}),
    (Operation(Verb.CAST, "a", "boolean"), {"a": 0}, {"a": False}),
    (Operation(Verb.CAST, "a", "json"), {"a": '{"b":1}'}, {"a": {"b": 1}}),
    (Operation(Verb.CAST, "a", "json"), {"a": "{"}, {"a": "{"}),
    (Operation(Verb.SET, "a", value=1), {}, {"a": 1}),
    (Operation(Verb.SET, "a.b", value=1), {"a": {}}, {"a": {"b": 1}}),
    (Operation(Verb.SET, "a.b", value=1), {}, {}),
    (Operation(Verb.SET, "a", value=1), {"a": 2}, {"a": 1}),
]


@pytest.mark.parametrize(("operation", "before", "after"), OPERATED)
def test_an_operation_does_what_it_says_and_nothing_else(
    operation: Operation, before: Any, after: Any
) -> None:
    assert json.loads(operate(json.dumps(before).encode(), [operation])) == after


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.text(st.sampled_from("ab.[]*01"), max_size=8)


@examples(max_examples=tries(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["a", "b", "a.b", "", "[0]"]) | st.text(max_size=3), JSON),
    st.sampled_from(list(Verb)),
    PATHS,
    st.sampled_from(list(Type)),
    JSON,
)
def test_whatever_the_message_and_the_rule_an_operation_gives_a_message_that_can_be_stored(
    message: dict[str, Any], verb: Verb, path: str, type_: Type, value: Any
) -> None:
    operation = Operation(verb, path, type_ if verb == Verb.CAST else "c", value)
    mended = operate(json.dumps(message).encode(), [operation])
    assert isinstance(exact_json.read(mended), dict)
    assert exact_json.read(exact_json.storable(mended)) == exact_json.read(mended)


@examples(max_examples=tries(200), deadline=None)
@given(st.integers(min_value=-(10**30), max_value=10**30) | st.booleans() | st.none())
def test_a_number_cast_to_text_and_back_is_the_same(value: Any) -> None:
    text = cast_value(value, Type.TEXT)
    if isinstance(text, str) and not isinstance(value, bool):
        assert cast_value(text, Type.NUMBER) == value


@examples(max_examples=tries(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="replace"))
)
def test_whatever_stands_in_the_editor_is_judged_without_an_error(raw: bytes) -> None:
    assert fault_of(raw, source_id=0) is not None
    with contextlib.suppress(UnreadableJSON):
        operate(raw, [Operation(Verb.DROP, "a")])


def test_a_message_that_was_mended_names_who_it_is_now(send: Send, steward: APIClient) -> None:
    send(TRACK | {"userId": "guest", "messageId": "m9"})
    steward.patch(f"{URL}{only().uuid}/", {"body": TRACK | {"userId": "u7", "messageId": "m9"}})
    assert replay().outcome == "stored"
    assert profile_of("user_id:u7")
    assert only().replayed_at <= timezone.now()
