"""Reading messages: whatever arrives is taken or rejected, each message by itself."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.messages import (
    BadRequest,
    Message,
    Rejection,
    RequestFacts,
    is_ordinary_batch,
    read_messages,
    split_request,
)
from ingestion.models import DroppedCount, InboxRow, RejectedMessage
from ingestion.services import drain_inbox
from profiles.lib import exact_json
from profiles.lib.numbers import number
from profiles.models import Event, Identifier, Profile, Source
from tests.factories import make_client, make_write_key
from tests.ingestion import strategies as odd
from tests.ingestion.conftest import Send
from tests.tries import tries

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = RequestFacts(1, 1, NOW, "FR")
WITH_DATABASE = settings(
    deadline=None,
    max_examples=tries(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
GOOD = '{"type":"track","userId":"neighbour","event":"Viewed","messageId":"good"}'


def read(body: bytes, type_: str = "") -> list[Message | Rejection]:
    return list(read_messages(split_request(body, type_), FACTS, b"key"))


def read_one(message: str, **envelope: str) -> Any:
    [result] = read(odd.object_of({"batch": f"[{message}]"} | envelope).encode())
    return result


@settings(max_examples=tries(20_000), deadline=None, derandomize=True)
@given(odd.batches())
@example(b'{"batch":[{"type":[],"userId":"u"}]}')
@example(b'{"batch":[{"type":"identify","userId":"u","traits":{"x":1e1000000000000000000}}]}')
def test_every_message_of_a_batch_is_taken_or_rejected_and_what_is_taken_can_be_stored(
    body: bytes,
) -> None:
    envelope = split_request(body, "")
    results = list(read_messages(envelope, FACTS, b"key"))
    assert len(results) == len(envelope.messages)
    for place, result in enumerate(results):
        assert result.place == place
        if isinstance(result, Message):
            assert_storable(result)
    if is_ordinary_batch(body, envelope):
        assert all(isinstance(result, Message) for result in results)


@settings(max_examples=tries(3_000), deadline=None, derandomize=True)
@given(odd.batches())
def test_the_neighbour_of_whatever_message_arrives(body: bytes) -> None:
    results = read(with_neighbour(body, GOOD))
    assert isinstance(results[0], Message) or split_request(body, "").fault is not None


def with_neighbour(body: bytes, message: str) -> bytes:
    """Put a message in front of the others of a batch."""
    start = body.index(b'"batch":[') + len('"batch":[')
    return body[:start] + message.encode() + b"," + body[start:]


@settings(max_examples=tries(3_000), deadline=None, derandomize=True)
@given(st.binary(max_size=60) | odd.batches().map(lambda body: body[: len(body) // 2]))
def test_no_bytes_raise_anything_but_a_bad_request(body: bytes) -> None:
    for type_ in ("", "track"):
        try:
            read(body, type_)
        except BadRequest:
            continue


def assert_storable(message: Message) -> None:
    for moment in (message.timestamp, message.original_timestamp, message.sent_at):
        if moment is not None:
            assert moment.tzinfo is UTC
            assert datetime(1, 1, 2, tzinfo=UTC) <= moment <= datetime(9999, 12, 30, tzinfo=UTC)
    assert message.timestamp <= NOW
    for text in (message.properties, message.context, exact_json.dumps(message.traits)):
        assert exact_json.composed(text) == text
        assert "\\u0000" not in text
        text.encode()  # fails for lone surrogates
        assert_numbers(exact_json.loads(text))
    assert all(len(ref.value) <= 255 for ref in message.refs)


def assert_numbers(value: Any) -> None:
    match value:
        case dict():
            for inner in value.values():
                assert_numbers(inner)
        case list():
            for inner in value:
                assert_numbers(inner)
        case Decimal() | int():
            assert abs(value) < Decimal("1.8e308")


PLACES = (
    '{"type":"identify","userId":"u","traits":{"x":%s}}',
    '{"type":"identify","userId":"u","traits":{"list":[{"deep":%s}]}}',
    '{"type":"identify","userId":"u","context":{"traits":{"x":%s}}}',
    '{"type":"track","userId":"u","event":"e","context":{"externalIds":[{"id":%s,"type":"card"}]}}',
    '{"type":"group","userId":"u","groupId":"g","traits":{"x":%s}}',
    '{"type":"group","userId":"u","groupId":%s}',
    '{"type":"track","userId":"u","event":"e","properties":{"revenue":%s}}',
    '{"type":"track","userId":%s,"event":"e"}',
    '{"type":"track","userId":"u","event":"e","timestamp":%s}',
    '{"type":"track","userId":"u","event":"e","unknown":%s}',
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("literal", odd.ODD_NUMBERS, ids=lambda literal: literal[:12])
def test_a_number_out_of_range_is_rejected_wherever_it_stands_with_its_path(
    place: str, literal: str
) -> None:
    rejection = read_one(place % literal)
    assert rejection.code == "number_out_of_range"
    assert rejection.path


@pytest.mark.parametrize("place", [PLACES[0], PLACES[2], PLACES[6]])
@pytest.mark.parametrize("literal", odd.GOOD_NUMBERS, ids=lambda literal: literal[:12])
def test_a_double_as_any_language_prints_it_is_taken_exactly(place: str, literal: str) -> None:
    message = read_one(place % literal)
    assert isinstance(message, Message)
    stored = exact_json.loads(message.properties).get("revenue", message.traits.get("x"))
    assert Decimal(stored) == Decimal(literal)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_a_number(value: float) -> None:
    assert float(number(repr(value)) or 0) == value  # type: ignore[arg-type]
    assert float(number(f"{value:.17e}") or 0) == value  # type: ignore[arg-type]


TIMED = PLACES[8]
READ_TIMES = {
    "1769860800": "2026-01-31T12:00:00",
    "1769860800000": "2026-01-31T12:00:00",
    "1769860800.25": "2026-01-31T12:00:00.25",
    '"1769860800"': "2026-01-31T12:00:00",
    '"1769860800123"': "2026-01-31T12:00:00.123",
    '"1712110800000"': "2024-04-03T02:20:00",
    '"2026-01-31T24:00:00Z"': "2026-02-01T00:00:00",
    '"2026-01-31T23:59:60Z"': "2026-02-01T00:00:00",
    '"2026-01-31T23:59:60.5+01:00"': "2026-01-31T23:00:00.5",
    '"Sat, 31 Jan 2026 12:00:00 GMT"': "2026-01-31T12:00:00",
    '"Sat, 31 Jan 2026 12:00:00 +0100"': "2026-01-31T11:00:00",
    '"Sat Jan 31 2026 12:00:00 GMT+0100 (Central European Standard Time)"': "2026-01-31T11:00:00",
    '"2026-01-31T12:00:00 Europe/Paris"': "2026-01-31T11:00:00",
    '"2026-01-31T12:00:00+01:00[Europe/Paris]"': "2026-01-31T11:00:00",
    '"2026-01-31 12:00:00 UTC"': "2026-01-31T12:00:00",
    '"2026-01-31 12:00:00 +0100"': "2026-01-31T11:00:00",
    '"2026-01-31 12:00:00.123456789 +0000 UTC"': "2026-01-31T12:00:00.123456",
    '"2026-01-31t12:00:00z"': "2026-01-31T12:00:00",
    '"20260131T120000Z"': "2026-01-31T12:00:00",
    '"2026-01-31"': "2026-01-31T00:00:00",
}


@pytest.mark.parametrize(("literal", "expected"), READ_TIMES.items(), ids=list(READ_TIMES))
def test_an_unambiguous_time_is_read_however_it_is_spelled(literal: str, expected: str) -> None:
    message = read_one(TIMED % literal)
    assert message.timestamp == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert message.left_out == ()


UNREADABLE_TIMES = (
    '"yesterday"',
    '"0001-01-01T00:00:00+01:00"',
    '"9999-12-31T23:59:59-01:00"',
    '"2026-10-25T02:30:00 Europe/Paris"',
    '"2026-03-29T02:30:00 Europe/Paris"',
    '"2026-01-31T12:00:00 IST"',
    '"2026-01-31T24:30:00Z"',
    '"31/01/2026"',
    "0",
    "true",
    "[]",
    "{}",
    "12345678901",
)


@pytest.mark.parametrize("literal", UNREADABLE_TIMES)
def test_a_time_that_cannot_be_read_is_the_time_of_receipt_and_counted(literal: str) -> None:
    message = read_one(TIMED % literal)
    assert (message.timestamp, message.original_timestamp) == (NOW, None)
    assert message.left_out == ("timestamp",)


@pytest.mark.parametrize("literal", [*UNREADABLE_TIMES[:3], "NaN", "1e400", '"\x00"'])
def test_a_time_of_sending_that_cannot_be_read_corrects_nothing(literal: str) -> None:
    message = read_one(TIMED % '"2026-01-31T12:00:00Z"', sentAt=literal)
    assert message.timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert message.left_out == ("sentAt",)


@settings(derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 86_400_000), st.booleans())
@example(60, 3, 0, False)
def test_of_two_times_of_one_clock_the_order_stays_however_long_requests_are_on_their_way(
    first_way: int, second_way: int, later: int, is_wrong: bool
) -> None:
    """The second message is `later`, a millisecond each; the ways are those of two requests."""
    clock = timedelta(days=400 if is_wrong else 0)
    stated = NOW - timedelta(days=2) - clock
    times = []
    for way, moment in ((first_way, stated), (second_way, stated + timedelta(milliseconds=later))):
        sent_at = NOW - timedelta(milliseconds=way) - clock
        sent = json.dumps(sent_at.isoformat())
        times.append(read_one(TIMED % json.dumps(moment.isoformat()), sentAt=sent).timestamp)
    if is_wrong:
        # A clock that is wrong is corrected, up to the way.
        assert abs(times[0] - (NOW - timedelta(days=2))) <= timedelta(milliseconds=first_way)
    else:
        assert times == [stated, stated + timedelta(milliseconds=later)]


def test_a_time_far_in_the_future_is_the_time_of_receipt_and_counted() -> None:
    far, near = NOW + timedelta(days=2), NOW + timedelta(hours=2)
    message = read_one(TIMED % json.dumps(far.isoformat()))
    assert message.left_out == ("timestamp in the future",)
    assert (message.timestamp, message.original_timestamp) == (NOW, far)
    assert read_one(TIMED % json.dumps(near.isoformat())).left_out == ()


BROKEN = {
    "not_json": '{"type":"track","userId":"u","event":"e","properties":{"x":NaN}}',
    "not_utf8": '{"type":"track","userId":"\udcff","event":"e"}',
    "message_too_large": PLACES[6] % json.dumps("x" * 33_000),
    "too_deep": PLACES[6] % odd.DEEP[2],
    "number_out_of_range": PLACES[0] % "1e5000",
    "not_an_object": "7",
    "unknown_type": '{"type":[],"userId":"u"}',
}


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "message"), BROKEN.items(), ids=list(BROKEN))
def test_a_broken_message_is_rejected_with_its_row_and_its_neighbours_arrive(
    client: Client, shop: Source, code: str, message: str
) -> None:
    other = GOOD.replace("good", "other")
    body = f'{{"batch":[{GOOD},{message},{other}]}}'.encode(errors="surrogateescape")
    response = post(client, shop, "batch", body)
    assert (response.status_code, response["X-Rejected"]) == (200, "1")
    strict = post(client, shop, "batch?strict=1", body)
    assert [row["code"] for row in strict.json()["rejected"]] == [code]
    drain_inbox()
    assert Event.objects.count() == 2
    rows = RejectedMessage.objects.values_list("code", "place")
    assert set(rows) == {(code, 1)}
    assert not InboxRow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("route", ["identify", "track", "page", "screen", "group", "alias"])
def test_a_single_message_with_a_number_out_of_range_is_200_and_rejected(
    client: Client, shop: Source, route: str
) -> None:
    members = {"userId": '"u"', "traits": '{"x":1e1000000000000000000}', "event": '"e"'}
    members |= {"previousId": '"p"', "properties": odd.object_of({"x": "1" * 5000})}
    response = post(client, shop, route, odd.object_of(members).encode())
    assert (response.status_code, response["X-Rejected"]) == (200, "1")
    drain_inbox()
    rejected = RejectedMessage.objects.get()
    assert (rejected.code, rejected.type) == ("number_out_of_range", route)


@pytest.mark.django_db
def test_a_single_body_that_is_no_json_is_400(client: Client, shop: Source) -> None:
    for body in (b"", b"{", b"[]", b"7", b'{"userId":"u","event":NaN}', b'{"userId":"\xff"}'):
        assert post(client, shop, "track", body).status_code == 400
    assert not InboxRow.objects.exists()


@WITH_DATABASE
@given(body=odd.batches())
@pytest.mark.django_db
def test_through_http_and_the_drain_every_message_ends_and_its_neighbour_arrives(
    client: Client, shop: Source, body: bytes
) -> None:
    Event.objects.all().delete()
    RejectedMessage.objects.all().delete()
    good = GOOD.replace("good", uuid4().hex)
    body = with_neighbour(body, good)
    response = post(client, shop, "batch", body)
    assert response.status_code == 200
    drain_inbox()
    assert not InboxRow.objects.exists()
    is_shared_fault = split_request(body, "").fault is not None
    neighbours = Identifier.objects.filter(value="neighbour").values("pk")
    assert Event.objects.filter(identifier__in=neighbours).exists() or is_shared_fault
    told = int(response.get("X-Rejected", 0))
    codes = RejectedMessage.objects.exclude(code="no_identifier").values_list("code", flat=True)
    assert "failed" not in codes
    assert len(codes) == told
    for profile in Profile.objects.all():
        path = f"/api/v1/profiles/{profile.uuid}"
        assert make_client().get(f"{path}/").status_code in (200, 404)


def post(client: Client, source: Source, route: str, body: bytes) -> Any:
    headers = {"Authorization": f"Bearer {make_write_key(source)}"}
    return client.post(f"/v1/{route}", body, content_type="application/json", headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("empty", ["[]", "[ ]", "null", "{}"])
def test_php_s_empty_object_is_an_empty_object(client: Client, shop: Source, empty: str) -> None:
    fields = dict.fromkeys(("traits", "properties", "context"), empty)
    bodies = [
        odd.object_of({"type": f'"{type_}"', "userId": '"u"', "event": '"e"'} | fields)
        for type_ in ("track", "identify", "group", "page")
    ]
    response = post(client, shop, "batch", f'{{"batch":[{",".join(bodies)}]}}'.encode())
    assert not response.has_header("X-Rejected")
    drain_inbox()
    assert not RejectedMessage.objects.exists()
    assert [event.properties for event in Event.objects.filter(name__name="e")] == [{}]


def test_text_is_composed_and_loses_what_cannot_be_stored() -> None:
    for spelled in ("e\u0301", "e\\u0301", "\u00e9", "\\u00e9"):
        traits = f'{{"{spelled}":"{spelled}\\u0000"}}'
        message = read_one(f'{{"type":"identify","userId":"{spelled}","traits":{traits}}}')
        assert message.refs[0].value == "\u00e9"
        assert message.traits == {"\u00e9": "\u00e9\N{REPLACEMENT CHARACTER}"}


@pytest.mark.django_db
def test_what_is_left_out_is_counted_by_source_and_day(send: Send, shop: Source) -> None:
    track = {"type": "track", "userId": "u", "event": "Order Completed"}
    send(
        track | {"timestamp": "yesterday"},
        track | {"properties": {"revenue": 1e15}},
        track | {"properties": {"revenue": 0.000_000_000_01}},
        track | {"properties": {"revenue": 999_999_999_999_999}},
    )
    counts = dict(DroppedCount.objects.filter(source=shop).values_list("reason", "count"))
    assert counts == {"timestamp": 1, "value": 2}
    assert Event.objects.exclude(value=None).count() == 1


@pytest.mark.parametrize("literal", odd.ODD_NUMBERS, ids=lambda literal: literal[:12])
@pytest.mark.django_db
def test_the_api_refuses_such_numbers_with_their_path(literal: str) -> None:
    body = f'{{"identifier":"user_id:u","evidence":{{"list":[{{"x":{literal}}}]}}}}'
    response = make_client().post(
        "/api/v1/consents/", body.encode(), content_type="application/json"
    )
    assert response.status_code == 400
    [fault] = response.json()["errors"]
    assert (fault["code"], fault["path"]) == ("number_out_of_range", "evidence.list[0].x")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 3000 + b"1" + b"}" * 3000, b"\xff"])
@pytest.mark.django_db
def test_no_body_of_the_api_is_a_500(body: bytes) -> None:
    for path in ("consents", "privacy/requests", "segments"):
        url = f"/api/v1/{path}/"
        response = make_client().post(url, body, content_type="application/json")
        assert response.status_code == 400, path


def test_half_a_megabyte_of_broken_json_is_split_at_once() -> None:
    message = '{"type":"track","userId":"u","event":"e","properties":{"list":[1,2]}}'
    body = ('{"batch":[' + ",".join([message] * 5_000) + ",NaN]}").encode()
    started = datetime.now(UTC)
    assert len(split_request(body, "").messages) == 5_001
    assert datetime.now(UTC) - started < timedelta(seconds=1)
