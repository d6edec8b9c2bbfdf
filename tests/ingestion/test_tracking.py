"""The tracking API over HTTP: its responses, and the inbox after them."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.messages import (
    Message,
    RequestFacts,
    is_ordinary_batch,
    read_messages,
    split_request,
)
from ingestion.models import InboxRow, RejectedMessage, WriteKey
from ingestion.services import drain_inbox, replay_message, revoke_write_key, seconds_to_wait
from profiles.lib.valkey import valkey
from profiles.models import Event, Profile, Source
from tests.factories import TESTER, make_write_key
from tests.ingestion.conftest import Send
from tests.tries import tries

TRACK = {"type": "track", "userId": "u1", "event": "Viewed", "messageId": "m1"}


def test_a_message_is_answered_once_its_inbox_row_is_there(send: Send) -> None:
    response = send(TRACK, drain=False)
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert InboxRow.objects.get().message_count == 1


@pytest.mark.parametrize("colon", [":", ""])
def test_basic_authentication_takes_the_key_with_and_without_colon(
    client: Client, shop: Source, colon: str
) -> None:
    key = make_write_key(shop)
    credentials = base64.b64encode(f"{key}{colon}".encode()).decode()
    response = client.post(
        "/v1/track",
        json.dumps({"userId": "u1", "event": "Viewed"}),
        content_type="application/json",
        headers={"Authorization": f"Basic {credentials}"},
    )
    assert response.status_code == 200


def test_the_key_may_stand_in_the_body(client: Client, shop: Source) -> None:
    body = {"userId": "u1", "event": "Viewed", "writeKey": make_write_key(shop)}
    response = client.post("/v1/track", json.dumps(body), content_type="text/plain")
    assert response.status_code == 200


def test_an_unknown_key_is_401_and_leaves_nothing(send: Send) -> None:
    assert send(TRACK, key="nobody", drain=False).status_code == 401
    assert not InboxRow.objects.exists()


def test_a_revoked_key_is_401_within_a_second(
    send: Send, shop: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = make_write_key(shop)
    assert send(TRACK, key=secret).status_code == 200
    for key in WriteKey.objects.all():
        revoke_write_key(key, actor=TESTER)
    monkeypatch.setattr("ingestion.api.senders.time.monotonic", lambda: 1e12)
    assert send(TRACK, key=secret).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"batch":{}}',
        b'{"batch":[]}' + b" " * 500 * 1024,
        b'{"batch":[{"userId":"u}]}',
        b'{"batch":[{"userId":"u"}]}}',
        b'{"batch":[{"userId":"u"}]',
    ],
    ids=["empty", "cut", "list", "object", "500KB", "text", "more", "less"],
)
def test_what_is_no_json_or_too_large_is_400(client: Client, shop: Source, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {make_write_key(shop)}"}
    response = client.post("/v1/batch", body, content_type="application/json", headers=headers)
    assert response.status_code == 400
    assert not InboxRow.objects.exists()


def test_gzip_is_unpacked_and_capped(client: Client, shop: Source) -> None:
    def post(body: bytes, *, told: bool = True) -> Any:
        return client.post(
            "/v1/batch",
            body,
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {make_write_key(shop)}",
                **({"Content-Encoding": "gzip"} if told else {}),
            },
        )

    packed = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    assert post(packed).status_code == 200
    assert post(packed[:-9]).status_code == 400
    assert post(gzip.compress(b" " * 10_000_000)).status_code == 400
    assert post(b"not gzip").status_code == 400
    assert post(packed, told=False).status_code == 200


REFUSED = [
    ({"type": "track", "event": "Viewed"}, "missing_identity", "userId"),
    ({"type": "track", "userId": "u"}, "missing_event", "event"),
    ({"type": "dance", "userId": "u"}, "unknown_type", "type"),
    ({"userId": "u"}, "unknown_type", "type"),
    ({"type": "alias", "userId": "u"}, "missing_previous_id", "previousId"),
    (TRACK | {"messageId": "m" * 100}, "message_id_too_long", "messageId"),
    (TRACK | {"properties": [1]}, "not_an_object", "properties"),
    ({"type": "identify", "userId": "u", "traits": "x"}, "not_an_object", "traits"),
    (TRACK | {"event": "x" * 256}, "name_too_long", "event"),
    (TRACK | {"userId": {"a": 1}}, "invalid_identifier", "user_id"),
    ("text", "not_an_object", ""),
]


@pytest.mark.parametrize(("message", "code", "path"), REFUSED, ids=[row[1] for row in REFUSED])
def test_a_refused_message_is_200_counted_told_on_demand_and_kept(
    send: Send, message: Any, code: str, path: str
) -> None:
    plain = send(message, TRACK, drain=False)
    assert (plain.status_code, plain["X-Rejected"]) == (200, "1")
    strict = send(message, query="?strict=1", drain=False)
    assert strict.status_code == 207
    [rejection] = strict.json()["rejected"]
    assert (rejection["index"], rejection["code"], rejection["path"]) == (0, code, path)
    drain_inbox()
    kept = RejectedMessage.objects.filter(code=code, path=path)
    assert kept.count() == 2
    assert Event.objects.count() == 1


def test_over_2500_messages_the_rest_is_refused(send: Send) -> None:
    messages = [{"type": "track", "userId": "u", "event": "e"} for _ in range(2502)]
    assert send(*messages)["X-Rejected"] == "2"
    assert Event.objects.count() == 2500
    assert RejectedMessage.objects.filter(code="too_many_messages").count() == 2


def test_an_identifier_that_stands_for_nobody_is_no_identifier(send: Send) -> None:
    send(TRACK | {"userId": "null"})
    assert RejectedMessage.objects.get().code == "no_identifier"
    assert not Profile.objects.exists()


def test_a_rejected_message_is_replayed_once_and_is_no_duplicate(send: Send) -> None:
    send(TRACK | {"userId": "guest"})
    rejected = RejectedMessage.objects.get()
    assert replay_message(rejected, actor=TESTER)
    assert not replay_message(rejected, actor=TESTER)
    drain_inbox()
    # Rejected once more, it is open again.
    again = RejectedMessage.objects.get()
    assert (again.pk, again.replayed_at, again.code) == (rejected.pk, None, "no_identifier")
    assert replay_message(again, actor=TESTER)


def test_nul_characters_and_lone_surrogates_are_replaced(client: Client, shop: Source) -> None:
    body = (
        rb'{"batch":[{"type":"track","userId":"u","event":"Viewed",'
        rb'"properties":{"a":"x\u0000y","b":"\ud800","c":"\ud83d\ude00","price":0.10}}]}'
    )
    headers = {"Authorization": f"Bearer {make_write_key(shop)}"}
    response = client.post("/v1/batch", body, content_type="application/json", headers=headers)
    assert response.status_code == 200
    drain_inbox()
    properties = Event.objects.get().properties
    assert properties["a"] == "x\N{REPLACEMENT CHARACTER}y"
    assert properties["b"] == "\N{REPLACEMENT CHARACTER}"
    assert properties["c"] == "\N{GRINNING FACE}"


def test_a_get_is_405_and_never_a_redirect(client: Client) -> None:
    assert client.get("/v1/batch").status_code == 405


@pytest.mark.parametrize("message", [row[0] for row in REFUSED], ids=[row[1] for row in REFUSED])
def test_a_plain_batch_holds_nothing_that_would_be_refused(message: Any) -> None:
    for batch, is_ordinary in (([TRACK], True), ([TRACK, message], False)):
        body = json.dumps({"batch": batch}).encode()
        assert is_ordinary_batch(body, split_request(body, "")) is is_ordinary


_words = st.sampled_from(
    [None, "", " ", "x", " x", "x" * 256, 7, 2**70, True, 1.5, [], {}, {"a": 1}]
)
_times = st.sampled_from(
    [None, "", "2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-13-01", 5]
)


@examples(max_examples=tries(500), deadline=None)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias", "x"])},
        optional={
            **dict.fromkeys(
                ("userId", "anonymousId", "previousId", "event", "name", "messageId"), _words
            ),
            **dict.fromkeys(("properties", "traits", "context"), _words),
            **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt"), _times),
        },
    )
)
def test_whatever_passes_as_plain_is_taken_by_the_reading_of_each(message: dict[str, Any]) -> None:
    body = json.dumps({"batch": [message]}).encode()
    request = RequestFacts(1, 1, datetime(2026, 3, 1, tzinfo=UTC), "FR")
    envelope = split_request(body, "")
    [result] = read_messages(envelope, request, b"key")
    assert isinstance(result, Message) or not is_ordinary_batch(body, envelope)


def test_a_key_that_sends_too_much_is_429_and_told_when_to_send_again(
    send: Send, settings: Any
) -> None:
    settings.TRACKING_MESSAGES_PER_MINUTE = 2
    responses = [send(TRACK, drain=False) for _ in range(3)]
    if responses[-1].status_code == 200:  # a new minute began in between
        responses = [send(TRACK, drain=False) for _ in range(3)]
    limited = responses[-1]
    assert limited.status_code == 429
    assert 0 < int(limited["Retry-After"]) <= 60
    assert limited["X-RateLimit-Reset"] == limited["Retry-After"]
    assert send(TRACK, kind="public", drain=False).status_code == 200
    settings.TRACKING_MESSAGES_PER_MINUTE = 0
    assert send(TRACK, drain=False).status_code == 200


def test_a_minute_is_counted_from_nothing_and_what_fits_in_none_passes_at_its_start(
    settings: Any,
) -> None:
    settings.TRACKING_MESSAGES_PER_MINUTE = 10
    key, start = uuid4().hex, 60.0 * 1_000_000
    assert seconds_to_wait(key, messages=50, now=start) == 0
    assert seconds_to_wait(key, messages=1, now=start + 0.5) == 60
    assert seconds_to_wait(key, messages=1, now=start + 59.5) == 1
    assert seconds_to_wait(key, messages=10, now=start + 60) == 0
    assert seconds_to_wait(uuid4().hex, messages=10, now=start) == 0


def test_without_valkey_everything_is_let_through(settings: Any) -> None:
    settings.TRACKING_MESSAGES_PER_MINUTE = 1
    settings.CACHE_URL = "unix:///nowhere/valkey.sock"
    # The client is kept for the life of the process.
    valkey.cache_clear()
    try:
        assert seconds_to_wait(uuid4().hex, messages=100, now=60.0) == 0
    finally:
        valkey.cache_clear()
