"""What is true of every answer: its headers, its log line, and 503 while the database is away."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import DataError, OperationalError, close_old_connections, connection
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from config.http.headers import ADMIN_POLICY, DOCS_POLICY, STRICT_POLICY
from tests.admin import sign_in
from tests.config.walks import OPEN_PATHS, operation_id, operations
from tests.factories import make_client
from tests.tries import tries

PAGES = ["/", "/nothing", "/healthz", "/readyz", "/api/schema/", "/api/nothing", "/v1/nothing"]
OPERATIONS = [
    pytest.param(address, method, id=operation_id(address, method))
    for address, method, _ in operations()
]
# Tracking needs the database for its key, the admin for its session.
ELSEWHERE = [("/v1/batch", "post", None), ("/admin/", "get", None)]
BODIES = {
    "/api/v1/privacy/me/link/": {"email": "ada@example.org"},
    "/api/v1/privacy/me/session/": {"token": "any"},
    "/api/v1/privacy/me/confirmations/": {"code": "any"},
    "/v1/batch": {"writeKey": "any", "batch": []},
}


def policy_of(response: Any) -> dict[str, list[str]]:
    directives = response["Content-Security-Policy"].split("; ")
    return {name: values for name, *values in map(str.split, directives)}


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_every_page_has_the_strict_policy_and_is_not_stored(client: Client, address: str) -> None:
    response = client.get(address)
    assert policy_of(response) == STRICT_POLICY
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "method"), OPERATIONS)
def test_no_answer_of_the_api_is_stored(address: str, method: str) -> None:
    for client in (APIClient(), make_client()):
        response = getattr(client, method)(address)
        assert "no-store" in response["Cache-Control"]
        assert policy_of(response) == STRICT_POLICY


@pytest.mark.django_db
def test_the_admin_and_the_page_of_the_api_have_named_weaker_policies(client: Client) -> None:
    for address in ("/admin/", "/admin/login/", "/admin/jsi18n/", "/admin/nothing/"):
        response = sign_in().get(address)
        assert policy_of(response) == ADMIN_POLICY
        assert "no-store" in response["Cache-Control"]
    assert policy_of(client.get("/api/docs/")) == DOCS_POLICY
    for policy in (STRICT_POLICY, ADMIN_POLICY, DOCS_POLICY):
        assert "'unsafe-inline'" not in policy["script-src"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler of the settings writes."""
    [handler] = [handler for handler in logging.root.handlers if handler.name == "console"]
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    former = handler.setStream(stream)
    yield stream
    handler.setStream(former)


@pytest.fixture
def unblocked(committing_db: str, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def database_away(unblocked: None) -> Iterator[None]:
    """Nothing listens where the database should be."""
    place = {"HOST": "127.0.0.1", "PORT": "1"}
    former = {name: connection.settings_dict[name] for name in place}
    connection.close()
    connection.settings_dict.update(place)
    yield
    connection.settings_dict.update(former)


def test_while_the_database_is_away_every_route_says_when_to_try_again(database_away: None) -> None:
    client = APIClient(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32
    for address, method, _ in [*operations(), *ELSEWHERE]:
        if address not in OPEN_PATHS:
            client.credentials(HTTP_AUTHORIZATION="Bearer any")
        response = getattr(client, method)(address, BODIES.get(address))
        client.credentials()
        assert response.status_code == 503, (address, method, response.content)
        assert int(response["Retry-After"]) > 0
        assert "no-store" in response["Cache-Control"]


def test_a_connection_that_ends_in_the_middle_of_a_request_is_503(
    unblocked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client()

    def end_connection(*args: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE NONE")
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr("profiles.api.profiles.profiles_by_reference", end_connection)
    response = client.post("/api/v1/profiles/lookup/", {"identifiers": ["user_id:u1"]})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    monkeypatch.undo()
    # As a server does between requests; the test client leaves it out.
    close_old_connections()
    assert client.get("/api/v1/profiles/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("lock timeout"), ValueError(), DataError()])
def test_a_fault_of_ours_stays_500(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    error.__cause__ = psycopg.errors.QueryCanceled()

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr("profiles.api.profiles.profiles_by_reference", fail)
    response = make_client().post("/api/v1/profiles/lookup/", {"identifiers": ["user_id:u1"]})
    assert response.status_code == 500


@settings(max_examples=tries(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["/", "/api/v1/", "/api/v1/profiles/", "/v1/", "/admin/", "/static/"]),
    st.text(st.characters(categories=("L", "N", "P")), min_size=6, max_size=20),
)
@example("/api/v1/profiles/", "ada.private@example.org")
@pytest.mark.django_db
def test_no_log_line_holds_the_text_of_an_address(log: io.StringIO, base: str, text: str) -> None:
    word = f"zq{text}qz"
    client = Client(raise_request_exception=False)
    for method in ("get", "post", "delete"):
        getattr(client, method)(f"{base}{quote(word)}?email={quote(word)}")
        getattr(client, method)(base, headers={"Host": quote(word)})
    lines = log.getvalue()
    assert "zq" not in lines
    assert "an unknown address" in lines


@pytest.mark.django_db
def test_no_log_line_holds_the_message_of_an_exception(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "@".join(("ada.private", "example.org"))

    def fail(*args: object) -> None:
        try:
            raise KeyError(address)
        except KeyError as error:
            raise RuntimeError(address) from error

    monkeypatch.setattr("profiles.api.profiles.profiles_by_reference", fail)
    make_client().post("/api/v1/profiles/lookup/", {"identifiers": ["user_id:u1"]})
    lines = log.getvalue()
    assert "ada.private" not in lines
    assert re.search(r"RuntimeError, raised at:.*KeyError, raised at:", lines, re.DOTALL)
