"""No route ignores what it does not know: a query parameter or a field of the body."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from rest_framework.views import APIView

from profiles.lib.exact_json import composed
from tests.config.walks import CUSTOMER_PATH, OPEN_PATHS, operation_id, operations
from tests.consent.callers import customer
from tests.factories import make_client, make_profile
from tests.tries import tries

pytestmark = pytest.mark.django_db
OPERATIONS = list(operations())
WRITES = [
    (address, method) for address, method, _ in OPERATIONS if method in ("post", "patch", "delete")
]
# Text that a URL and JSON can hold, and that no route knows.
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(
    lambda text: f"x{text}"
)
MOST = settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ask(client: APIClient, address: str, method: str, **extra: Any) -> Any:
    if address in OPEN_PATHS:
        client = APIClient()
    return getattr(client, method)(address, **extra)


def caller_for(address: str) -> APIClient:
    if not address.startswith(CUSTOMER_PATH):
        return make_client()
    make_profile("email:ada@example.org")
    return customer("ada@example.org")


def paths(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    return [fault["path"] for fault in response.json()["errors"]]


@pytest.mark.parametrize(
    ("address", "method", "view"),
    [pytest.param(*operation, id=operation_id(*operation[:2])) for operation in OPERATIONS],
)
def test_an_unknown_query_parameter_is_refused_by_every_route(
    address: str, method: str, view: APIView
) -> None:
    client = caller_for(address)
    for name in ("surprise", "status__in", "page", "ordering", "profile__traits__email"):
        assert name in paths(ask(client, f"{address}?{name}=1", method))


@pytest.mark.parametrize(
    ("address", "method"), [pytest.param(*write, id=operation_id(*write)) for write in WRITES]
)
def test_an_unknown_field_is_refused_by_every_route(address: str, method: str) -> None:
    client = caller_for(address)
    body = {"surprise": {"deep": 1}}
    assert "surprise" in paths(ask(client, address, method, data=body))


@MOST
@given(st.sampled_from(WRITES), NAMES)
@example(("/api/v1/segments/", "post"), "x.y")
@example(("/api/v1/segments/", "post"), ".x.")
def test_any_unknown_field_is_named(write: tuple[str, str], name: str) -> None:
    address, method = write
    if not address.startswith(CUSTOMER_PATH):
        assert name in paths(ask(make_client(), address, method, data={name: None}))


@MOST
@given(st.sampled_from([operation[:2] for operation in OPERATIONS]), NAMES)
@example(("/api/v1/consents/", "get"), "xprofile")
@example(("/api/v1/profiles/", "get"), "x.")
def test_any_unknown_parameter_is_named(operation: tuple[str, str], name: str) -> None:
    address, method = operation
    if not address.startswith(CUSTOMER_PATH):
        client = make_client()
        response = client.generic(method.upper(), address, QUERY_STRING=urlencode({name: "1"}))
        assert composed(name) in paths(response)


def test_what_only_answers_hold_cannot_be_sent() -> None:
    body = {"key": "k", "name": "K", "definition": {"type": "everyone"}, "size": 5, "version": 9}
    assert set(paths(make_client().post("/api/v1/segments/", body))) == {"size", "version"}


def test_ranges_filter_by_both_ends_and_not_by_their_bare_name() -> None:
    client = make_client()
    for query in ("size_min=1&size_max=2", "refreshed_after=2026-01-01T00:00:00Z"):
        assert client.get(f"/api/v1/segments/?{query}").status_code == 200
    assert paths(client.get("/api/v1/segments/?size=1")) == ["size"]
    assert client.get("/api/v1/consents/?occurred_after=2026-01-01T00:00:00Z").status_code == 200
