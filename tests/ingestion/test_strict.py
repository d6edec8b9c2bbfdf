"""`?strict=1` lists the very messages that the drain then rejects."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.models import RejectedMessage
from ingestion.services import drain_inbox
from profiles.models import IdentityRule, Source
from tests.factories import make_source, make_write_key
from tests.ingestion import strategies as odd
from tests.ingestion.conftest import Send
from tests.tries import tries

pytestmark = pytest.mark.django_db
BLOCKED = ["null", "{{user.id}}", "N/A", "0000", "test-7", "\u200bnone"]
ids = st.sampled_from([None, "", "u1", 42, 42.0, {}, "x" * 300, *BLOCKED])


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Messages of which many name nobody, and others are odd."""
    if draw(st.integers(0, 2)) == 0:
        return draw(odd.messages())
    fields: Mapping[str, Any] = {
        "type": draw(st.sampled_from(["identify", "track", "page", "alias"])),
        "event": "Viewed",
        "userId": draw(ids),
        "anonymousId": draw(ids),
        "previousId": draw(ids),
        "traits": {"email": draw(st.sampled_from(["test@example.com", "ada@shop.example", 5]))},
    }
    return json.dumps(fields)


@settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(messages(), min_size=1, max_size=6))
@example(pieces=['{"type":"identify","userId":"null","anonymousId":"N/A"}'])
def test_the_answer_names_what_the_drain_rejects(client: Client, pieces: list[str]) -> None:
    # A message that was sent twice is a repeat the second time, whatever is wrong with it.
    pieces = [piece.replace('"messageId"', '"unknown"') for piece in pieces]
    body = f'{{"batch":[{",".join(pieces)}]}}'.encode(errors="surrogatepass")
    with transaction.atomic():
        IdentityRule.objects.filter(namespace="user_id").update(blocked_values=["test-*"])
        answer = post(client, make_source(key="shop"), body)
        listed = answer.json().get("rejected", [])
        drain_inbox()
        rows = RejectedMessage.objects.order_by("place").values_list("place", "code", "path")
        assert [(row["index"], row["code"], row["path"]) for row in listed] == list(rows)
        assert answer.status_code == (207 if listed else 200)
        assert answer.headers.get("X-Rejected", "0") == str(len(listed))
        transaction.set_rollback(True)


def post(client: Client, source: Source, body: bytes) -> Any:
    headers = {"Authorization": f"Bearer {make_write_key(source)}"}
    return client.post("/v1/batch?strict=1", body, content_type="application/json", headers=headers)


def test_without_strict_the_shape_alone_is_judged(send: Send) -> None:
    blocked = {"type": "identify", "userId": "null"}
    assert not send(blocked, drain=False).has_header("X-Rejected")
    [listed] = send(blocked, query="?strict=1").json()["rejected"]
    assert listed["code"] == "no_identifier"
