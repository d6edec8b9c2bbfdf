"""Idempotency keys over HTTP: what counts as the same request, and what a key never hides."""

import json
import logging
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import ConsentEvent, IdempotentAnswer
from consent.services import NewRequest, act_on_requests, open_request, remove_expired
from profiles.lib.database import database_now
from tests.consent.callers import BASE, service
from tests.factories import TESTER, make_purpose
from tests.random_ids import without_ids
from tests.tries import tries

ADA = "email:ada@example.org"
URL = f"{BASE}/consents/"
GRANT = {"identifier": ADA, "purpose": "newsletter", "state": "given", "method": "checkbox"}
KEY = {"Idempotency-Key": "form 7"}
EACH = settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def post(body: dict[str, Any] | str, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return service().post(URL, data=text, content_type="application/json", headers=KEY | headers)


@pytest.fixture
def purposes(db: None) -> None:
    make_purpose()
    make_purpose("care")


@EACH
@given(
    order=st.permutations(list((GRANT | {"evidence": {}}).items())),
    spaces=st.sampled_from([None, 2]),
    number=st.sampled_from(["1", "1.0", "1.00", "10e-1", "1E0"]),
    is_escaped=st.booleans(),
)
def test_the_same_body_has_the_same_answer_however_it_is_spelled(
    purposes: None, order: list[Any], spaces: int | None, number: str, is_escaped: bool
) -> None:
    body = dict(order) | {"evidence": {"page": "/é", "count": "NUMBER"}}
    text = json.dumps(body, indent=spaces, ensure_ascii=is_escaped).replace('"NUMBER"', number)
    first = post(GRANT | {"evidence": {"page": "/é", "count": 1}})
    again = post(text)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content


@EACH
@given(
    change=st.sampled_from(
        [
            {"state": "withdrawn"},
            {"state": "refused"},
            {"purpose": "care"},
            {"identifier": "email:bob@example.org"},
            {"identifier": "email:Ada@example.org"},
            {"method": "button"},
            {"kind": "objection"},
            {"evidence": {"page": "/join"}},
            {"evidence": {"page": 1}},
            {"occurred_at": "2026-01-01T00:00:00Z"},
            {"valid_until": "2026-12-01T00:00:00Z"},
            {"actor": "staff"},
        ]
    ),
    is_in_body=st.booleans(),
)
def test_the_same_key_with_another_body_is_a_conflict_and_never_the_old_answer(
    purposes: None, change: dict[str, Any], is_in_body: bool
) -> None:
    assert post(GRANT).status_code == 201
    before = ConsentEvent.objects.count()
    key = {"idempotency_key": "form 7"} if is_in_body else {}
    answer = post(GRANT | key | change)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "key_reused"
    assert ConsentEvent.objects.count() == before
    assert IdempotentAnswer.objects.get().conflicts >= 1


def test_a_refusal_lost_to_a_used_key_is_an_error_in_the_log(
    purposes: None, caplog: pytest.LogCaptureFixture
) -> None:
    post(GRANT)
    with caplog.at_level(logging.ERROR):
        post(GRANT | {"state": "renewed"})
        assert "refusal" not in caplog.text
        post(GRANT | {"state": "withdrawn"})
    assert "A refusal was not recorded" in caplog.text
    assert "ada" not in without_ids(caplog.text)


def test_a_request_that_failed_keeps_nothing(purposes: None) -> None:
    assert post(GRANT | {"purpose": "unheard-of"}).status_code == 400
    assert not IdempotentAnswer.objects.exists()
    assert post(GRANT).status_code == 201


def test_a_route_has_keys_of_its_own(purposes: None) -> None:
    assert post(GRANT).status_code == 201
    body = {"kind": "access", "identifiers": [ADA], "reason": "asked"}
    url = f"{BASE}/privacy/requests/"
    first, again = (service().post(url, body, headers=KEY) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    other = service().post(url, body | {"kind": "erasure"}, headers=KEY)
    assert other.status_code == 409


def test_after_thirty_days_the_ledger_still_knows_the_key(purposes: None) -> None:
    first = post(GRANT)
    old = database_now() - timedelta(days=31)
    IdempotentAnswer.objects.update(created_at=old)
    remove_expired()
    assert not IdempotentAnswer.objects.exists()
    assert post(GRANT).json()["id"] == first.json()["id"]
    IdempotentAnswer.objects.all().delete()
    assert post(GRANT | {"state": "withdrawn"}).status_code == 409
    assert post(GRANT | {"purpose": "care"}).status_code == 409
    assert ConsentEvent.objects.count() == 1


def test_answers_are_erased_with_the_person(purposes: None) -> None:
    post(GRANT)
    open_request(
        NewRequest(kind="erasure", references=(ADA,), reason="asked"),
        door="service",
        actor=TESTER,
    )
    assert act_on_requests() == 1
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.usefixtures("committing_db")
def test_of_two_at_once_the_second_waits_for_the_answer_of_the_first() -> None:
    make_purpose()
    clients, answers = [service() for _ in range(4)], []
    ready = Barrier(len(clients))

    def run(client: Any) -> None:
        try:
            ready.wait(10)
            answers.append(client.post(URL, GRANT, headers=KEY))
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert ConsentEvent.objects.count() == 1


def test_a_stored_answer_takes_few_queries(purposes: None) -> None:
    post(GRANT)
    client = service()
    with CaptureQueriesContext(connection) as captured:
        client.post(URL, GRANT, headers=KEY)
    assert len([query for query in captured if "SAVEPOINT" not in query["sql"]]) <= 5
