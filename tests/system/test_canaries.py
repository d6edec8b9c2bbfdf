"""Canaries, which are recognisable values, appear in no log, queue, URL or exception.

Messages with them go through every part of the product, at log level DEBUG.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from consent.lib.checkpoints import ACTING
from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, open_request, send_links
from ingestion.drain import checkpoints
from ingestion.messages import BadRequest, split_request
from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import drain_inbox
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.checkpoints import handled
from profiles.lib.database import database_now
from profiles.models import TrustLevel
from profiles.services import identify
from segments.services import refresh_changed
from tests.factories import TESTER, make_api_key, make_purpose, make_source, make_write_key
from tests.system.conftest import Launch
from tests.system.product import Product, is_drained, wait_until
from tests.system.traces import contents, tables_with, with_decoded_bodies

API = "/api/v1"
EMAIL = "canary.mail@example.org"
NAME = "Canaria Serinus"
PHONE = "+33698765432"
USER = "canary-user-770014620"
CITY = "Canaryville"
# Parts of the values that stay the same however they are normalised or cut.
CANARIES = ("canary", "canaria", "serinus", "698765432", "770014620")
PERSON = {
    "type": "identify",
    "userId": USER,
    "context": {"consent": {"categoryPreferences": {"newsletter": True}}},
    "traits": {"email": EMAIL, "name": NAME, "phone": "06 98 76 54 32", "city": CITY},
}
ORDER = {
    "type": "track",
    "userId": USER,
    "event": "Order Completed",
    "properties": {"revenue": 5, "recipient": NAME},
}
# Messages that are rejected.
REJECTED = [
    {"type": "canary-type", "userId": USER, "traits": {"email": EMAIL}},
    {"type": "identify", "userId": {"canary": USER}},
    {"type": "track", "userId": USER, "event": {"canary": 1}},
    {"type": "identify", "traits": {"email": EMAIL}},
]


def canaries_in(text: str) -> set[str]:
    return {value for value in CANARIES if value in text.lower()}


class Caller:
    """A client of the running product, with a write key and an API key."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.key = make_write_key(make_source(key="shop"))
        self.api_key = make_api_key()

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self.product.call(method, API + path, body, token=self.api_key).body

    def is_known(self) -> bool:
        body = {"identifiers": [f"email:{EMAIL}"]}
        return self.api("POST", "/profiles/lookup/", body)["results"][0] is not None


def test_no_log_queue_or_url_of_the_running_product_names_a_canary(launch: Launch) -> None:
    make_purpose()
    product = launch("web", LOG_LEVEL="DEBUG")
    caller = Caller(product)
    product.send(caller.key, PERSON, ORDER, *REJECTED)
    product.call("POST", "/v1/batch", f'{{"{EMAIL}":'.encode(), token=caller.key)
    product.call("POST", "/v1/batch", {"batch": [PERSON]}, token=USER)
    caller.api("POST", "/profiles/lookup/", {"identifiers": [f"email:{NAME}", f"email:{EMAIL}"]})
    product.call("POST", f"{API}/privacy/me/link/", {"email": EMAIL})
    queued = with_decoded_bodies(contents(product.valkey))
    assert "ingestion.drain_inbox" in queued
    assert canaries_in(queued) == set()

    product.start("worker", "beat")
    wait_until(caller.is_known)
    consent = {"identifier": f"email:{EMAIL}", "purpose": "newsletter", "state": "withdrawn"}
    caller.api("POST", "/consents/", consent | {"method": "api", "evidence": {"said": NAME}})
    pages = [
        caller.api("GET", "/profiles/?limit=1"),
        caller.api("GET", "/rejected-messages/?limit=1"),
    ]
    assert not [url for url in _urls(pages) if canaries_in(url)]
    erasure = {"kind": "erasure", "identifiers": [f"email:{EMAIL}"], "reason": f"{NAME} rang"}
    caller.api("POST", "/privacy/requests/", erasure)
    wait_until(lambda: not caller.is_known(), seconds=30)
    product.send(caller.key, PERSON, ORDER)
    wait_until(is_drained)
    queued = with_decoded_bodies(contents(product.valkey))
    product.stop()
    logs = product.logs()
    assert "DEBUG" in logs
    assert canaries_in(logs) == set()
    assert canaries_in(queued) == set()


def _urls(body: object) -> Iterator[str]:
    """Yield every URL in the body of a response, at any depth."""
    match body:
        case str() if body.startswith(("http", "/")):
            yield body
        case dict():
            for value in body.values():
                yield from _urls(value)
        case list():
            for value in body:
                yield from _urls(value)


@pytest.fixture
def open_logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return the log with tracebacks and arguments."""
    rows = [f"{record.getMessage()} {record.exc_text} {record.args}" for record in caplog.records]
    return caplog.text + "\n".join(rows)


class LibraryError(Exception):
    """An error that quotes personal data, as errors of libraries often do."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(f"{EMAIL} {NAME} {PHONE} {USER}")


def fail_on_events(events: list[object]) -> None:
    if events:
        raise LibraryError


@pytest.mark.usefixtures("committing_db")
def test_what_fails_is_logged_without_what_it_failed_on(
    open_logs: pytest.LogCaptureFixture, settings: Any
) -> None:
    def fail(_: object) -> None:
        raise LibraryError

    key, client = make_write_key(make_source(key="shop")), APIClient()
    body = {"batch": [PERSON, ORDER, *REJECTED]}
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.post("/v1/batch", body).status_code == 200
    with handled(checkpoints.COPYING_EVENTS, fail_on_events):
        for _ in range(settings.INBOX_MAX_ATTEMPTS):
            drain_inbox()
            # It was put off.
            InboxRow.objects.update(leased_until=None)
    assert RejectedMessage.objects.filter(code="poison").count() == 1
    assert RejectedMessage.objects.count() == 1 + len(REJECTED)
    assert canaries_in(_listed_columns()) == set()
    refresh_changed()

    client.credentials()
    client.post(f"{API}/privacy/me/link/", {"email": EMAIL})
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "tests.consent.callers.FailingMail"
    send_links()
    settings.EMAIL_BACKEND = working
    send_links()
    assert [message.to for message in mail.outbox] == [[EMAIL]]
    assert not [line for line in mail.outbox[0].body.splitlines() if canaries_in(line)]

    erasure = NewRequest(kind="erasure", references=(f"email:{EMAIL}",), reason=f"{NAME} rang")
    open_request(erasure, door="service", actor=TESTER)
    with handled(ACTING, fail):
        assert act_on_requests() == 0
    # It is set apart, and tried again after a while.
    PrivacyRequest.objects.update(retry_at=None)
    assert act_on_requests() == 1
    assert "failed: library_error." in logged(open_logs)
    assert "could not be mailed" in logged(open_logs)
    assert canaries_in(logged(open_logs)) == set()
    rows = tables_with(EMAIL, "canaria serinus")
    assert rows == {}


def _listed_columns() -> str:
    """Return what lists show of rejected messages, which is all but the messages themselves."""
    columns = RejectedMessage.objects.values_list("code", "path", "detail")
    return json.dumps(list(columns))


@pytest.mark.django_db
def test_no_refusal_repeats_what_was_sent() -> None:
    source, now = make_source(), database_now()
    refusals = [
        lambda: parse_reference(f"email:{NAME}"),
        lambda: parse_reference(f"phone:{NAME}"),
        lambda: parse_reference(NAME),
        lambda: identify([f"email:{NAME}"], source=source, trust=TrustLevel.SERVER, now=now),
        lambda: open_request(
            NewRequest(kind="erasure", references=(f"email:{NAME}",)), door="service", actor=TESTER
        ),
        lambda: split_request(f'{{"{EMAIL}":'.encode(), ""),
        lambda: split_request(json.dumps({"batch": NAME}).encode(), ""),
    ]
    for refusal in refusals:
        with pytest.raises((InvalidIdentifier, BadRequest)) as raised:
            refusal()
        assert canaries_in(f"{raised.value!r} {raised.value}") == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/privacy/requests/",
            {"kind": "erasure", "identifiers": [f"email:{NAME}"], "reason": "x"},
        ),
        ("/consents/", {"identifier": f"email:{NAME}", "state": "given", "method": "api"}),
        ("/privacy/me/session/", {"token": USER}),
    ],
)
def test_no_problem_that_the_api_tells_of_repeats_what_was_sent(
    path: str, body: dict[str, Any], open_logs: pytest.LogCaptureFixture
) -> None:
    client = APIClient()
    if "/me/" not in path:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key()}")
    response = client.post(API + path, body)
    assert response.status_code == 400
    assert canaries_in(response.content.decode()) == set()
    assert canaries_in(logged(open_logs)) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("query", [f"trait.email={EMAIL}", f"trait.phone={PHONE}"])
def test_an_address_in_a_query_is_refused_without_being_logged(
    query: str, open_logs: pytest.LogCaptureFixture
) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key()}")
    response = client.get(f"{API}/profiles/?{query}")
    assert response.status_code == 400
    assert canaries_in(response.content.decode()) == set()
    assert canaries_in(logged(open_logs)) == set()
