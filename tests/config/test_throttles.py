"""Who tries too often waits: at the log-in, for links, requests, API keys and searches."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from profiles.api.kit.throttles import sender_of
from profiles.lib import throttles
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import AuditEntry
from tests.admin import sign_in
from tests.consent.callers import customer
from tests.factories import make_client, make_profile

pytestmark = pytest.mark.django_db
LOGIN, LINK = "/admin/login/", "/api/v1/privacy/me/link/"
FIND, REQUESTS = "/admin/profiles/profile/find/", "/api/v1/privacy/requests/"


@pytest.fixture
def sender() -> dict[str, str]:
    """An address that no other test sends from."""
    return {"REMOTE_ADDR": str(uuid4())}


@pytest.fixture
def limit(settings: Any) -> Callable[..., None]:
    def set_rates(**rates: str) -> None:
        settings.THROTTLES = settings.THROTTLES | rates

    return set_rates


def statuses(call: Callable[[], Any], times: int) -> list[int]:
    responses = [call() for _ in range(times)]
    for response in responses:
        assert (response.status_code == 429) == ("Retry-After" in response)
        if response.status_code == 429:
            assert 0 < int(response["Retry-After"]) <= 3600
    return [response.status_code for response in responses]


def test_after_too_many_attempts_the_right_password_waits_too(
    limit: Any, sender: dict[str, str]
) -> None:
    limit(login="3/hour", login_sender="100/hour")
    User.objects.create_superuser("ada", password="correct horse")
    bad = {"username": "ada", "password": "wrong"}
    assert statuses(lambda: Client(**sender).post(LOGIN, bad), 2) == [200, 200]
    for spelling in ("Ada ", "ADA", "ada"):
        Client(**sender).post(LOGIN, {"username": spelling, "password": "wrong"})
    good = {"username": "ada", "password": "correct horse"}
    assert Client(**sender).post(LOGIN, good).status_code == 429
    # Nobody can lock staff out from elsewhere.
    assert Client(REMOTE_ADDR=str(uuid4())).post(LOGIN, good).status_code == 302


def test_one_sender_cannot_try_many_accounts(limit: Any, sender: dict[str, str]) -> None:
    limit(login_sender="5/hour")
    tries = [
        Client(**sender).post(LOGIN, {"username": f"u{number}", "password": "x"}).status_code
        for number in range(7)
    ]
    assert tries == [200] * 5 + [429] * 2


def test_links_are_limited_by_sender_whatever_the_address(
    limit: Any, sender: dict[str, str]
) -> None:
    limit(link="3/hour")
    make_profile("email:ada@example.org")
    addresses = iter(["ada@example.org", "none@example.org", "x", "ada@example.org", "y"])
    client = APIClient()
    assert statuses(lambda: client.post(LINK, {"email": next(addresses)}, **sender), 5) == [
        *[202] * 3,
        *[429] * 2,
    ]
    assert APIClient().post(LINK, {"email": "ada@example.org"}, **sender).status_code == 429
    other = {"REMOTE_ADDR": str(uuid4())}
    assert APIClient().post(LINK, {"email": "ada@example.org"}, **other).status_code == 202


def test_requests_are_limited_by_person_and_kind(limit: Any) -> None:
    limit(privacy_request="2/day")
    for address in ("ada", "eve"):
        make_profile(f"email:{address}-{uuid4()}@example.org")
    ada, eve = (f"email:{uuid4()}@example.org" for _ in range(2))
    for reference in (ada, eve):
        make_profile(reference)
    service = make_client()

    def ask(kind: str, reference: str) -> int:
        body = {"kind": kind, "identifiers": [reference], "reason": "asked"}
        return service.post(REQUESTS, body).status_code

    assert [ask("access", ada) for _ in range(3)] == [201, 201, 429]
    # What they asked for before never stands between a person and another right.
    assert [ask("objection", ada), ask("access", eve)] == [201, 201]
    own = customer(ada.removeprefix("email:"))
    body = {"kind": "access"}
    tries = [own.post("/api/v1/privacy/me/requests/", body).status_code for _ in range(3)]
    assert tries == [201, 201, 429]


def test_an_api_key_is_limited_and_another_is_not(limit: Any) -> None:
    limit(api="4/minute")
    client = make_client()
    assert statuses(lambda: client.get("/api/v1/profiles/"), 6) == [200] * 4 + [429] * 2
    problem = client.get("/api/v1/profiles/").json()
    assert (problem["status"], problem["title"]) == (429, "Too Many Requests")
    assert make_client().get("/api/v1/profiles/").status_code == 200


def test_staff_find_thirty_people_an_hour_and_each_search_is_written_down(limit: Any) -> None:
    limit(find="3/hour")
    make_profile("email:ada@example.org")
    client, other = sign_in("marketer"), sign_in("marketer")
    body = {"identifier": "email:ada@example.org"}
    tries = [client.post(FIND, body).status_code for _ in range(5)]
    assert tries == [302] * 3 + [429] * 2
    assert other.post(FIND, {"identifier": "nobody"}).status_code == 302
    entries = AuditEntry.objects.filter(verb="search.made").order_by("id")
    assert [entry.changes["people"][1] for entry in entries] == [1, 1, 1, 0]
    assert "ada@" not in str(list(entries.values()))


def test_without_valkey_each_process_counts_for_itself(
    limit: Any, settings: Any, sender: dict[str, str]
) -> None:
    limit(link="2/hour")
    throttles.shared_counts.cache_clear()
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    try:
        waits = [seconds_to_wait(Throttle.LINK, sender) for _ in range(3)]
    finally:
        throttles.shared_counts.cache_clear()
    assert waits[:2] == [0, 0]
    assert waits[2] > 0


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
    ],
)
def test_a_sender_cannot_write_its_own_address(
    rf: Any, settings: Any, proxies: int, header: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=header)
    assert sender_of(request) == expected
