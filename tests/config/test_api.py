"""What is true of all routes of the API: keys, scopes, filters, problems and the schema."""

import re
from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone
from rest_framework.mixins import ListModelMixin
from rest_framework.test import APIClient
from rest_framework.views import APIView

from profiles.api.kit.access import ScopedView, declared_scope
from profiles.models import ApiKey
from profiles.models.access import Scope
from tests.config.walks import CUSTOMER_PATH, OPEN_PATHS, operation_id, operations
from tests.factories import make_api_key, make_client

PROBLEM = "application/problem+json"
OPERATIONS = [
    pytest.param(address, method, view, id=operation_id(address, method))
    for address, method, view in operations()
]
KEYED = [operation for operation in OPERATIONS if operation.values[0] not in OPEN_PATHS]


def test_the_walk_finds_the_routes() -> None:
    addresses = {re.sub(r"[0-9a-f-]{36}", "ID", address) for address, _, _ in operations()}
    assert {
        "/api/v1/consents/state/",
        "/api/v1/privacy/me/link/",
        "/api/v1/profiles/",
        "/api/v1/profiles/ID/why-merged/",
        "/api/v1/sources/x/keys/x/",
    } <= addresses


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "method", "view"), KEYED)
def test_nobody_without_a_key_gets_anything(address: str, method: str, view: APIView) -> None:
    response = getattr(APIClient(), method)(address)
    assert (response.status_code, response["Content-Type"]) == (401, PROBLEM)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "method", "view"), KEYED)
def test_a_key_without_the_scope_is_refused(address: str, method: str, view: APIView) -> None:
    if address.startswith(CUSTOMER_PATH):
        # Only the customer's own session opens these, and no key.
        assert getattr(make_client(), method)(address).status_code in (401, 403)
        return
    required = declared_scope(view, method.upper())
    assert required is not None
    others = [scope for scope in Scope.values if scope != required]
    response = getattr(make_client(*others), method)(address)
    assert (response.status_code, response["Content-Type"]) == (403, PROBLEM)


@pytest.mark.parametrize(("address", "method", "view"), OPERATIONS)
def test_every_list_has_filters_or_says_why_not(address: str, method: str, view: APIView) -> None:
    is_list = isinstance(view, ListModelMixin) and getattr(view, "action", "list") == "list"
    if method == "get" and is_list:
        assert getattr(view, "filterset_class", None) or getattr(view, "filter_exemption", "")


def test_a_view_that_declares_no_scopes_does_not_import() -> None:
    with pytest.raises(TypeError, match="Bare declares no scopes"):
        type("Bare", (ScopedView, APIView), {})


@pytest.mark.django_db
def test_a_revoked_an_expired_and_a_made_up_key_open_nothing() -> None:
    secret = make_api_key()
    client = APIClient(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/profiles/").status_code == 200
    past = timezone.now() - timedelta(seconds=1)
    for field in ("revoked_at", "expires_at"):
        ApiKey.objects.update(**{field: past})
        assert client.get("/api/v1/profiles/").status_code == 401
        ApiKey.objects.update(**{field: None})
    for header in ("Bearer tsk_made-up", "Bearer", f"Basic {secret}", "Bearer é"):
        caller = APIClient(headers={"Authorization": header})
        assert caller.get("/api/v1/profiles/").status_code == 401


@pytest.mark.django_db
def test_a_method_that_a_route_lacks_is_405_and_says_which_it_has() -> None:
    response = make_client().delete("/api/v1/profiles/")
    assert (response.status_code, response["Content-Type"]) == (405, PROBLEM)
    assert "GET" in response["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/v1/nothing/", "/api/nothing", "/v1/nothing"])
def test_an_unknown_address_is_a_problem_for_machines(client: Client, address: str) -> None:
    response = client.get(address)
    assert (response.status_code, response["Content-Type"]) == (404, PROBLEM)
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "errors": [],
    }


def test_an_unknown_address_is_a_page_for_people(client: Client) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.django_db
@pytest.mark.urls("tests.config.failing_urls")
def test_a_failure_is_a_problem_that_tells_nothing() -> None:
    response = make_client().get("/api/v1/failing/")
    assert (response.status_code, response["Content-Type"]) == (500, PROBLEM)
    assert response.json()["errors"] == []
    assert b"ada@example.org" not in response.content


def test_a_foreign_host_is_a_problem_too(client: Client) -> None:
    response = client.get("/api/v1/profiles/", headers={"Host": "evil.example"})
    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["{", '{"identifiers": NaN}', "\udcff"])
def test_a_body_that_is_no_json_is_400(text: str) -> None:
    raw = text.encode(errors="surrogateescape")
    response = make_client().post("/api/v1/profiles/lookup/", raw, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (400, PROBLEM)


@pytest.mark.django_db
def test_a_half_character_in_a_fault_is_sent_as_a_question_mark() -> None:
    raw = '{"key": "shop", "kind": "\\ud800"}'
    response = make_client().post("/api/v1/sources/", raw, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "kind"


@pytest.mark.django_db
def test_a_body_of_another_type_is_415() -> None:
    response = make_client().post("/api/v1/profiles/lookup/", b"x", content_type="text/csv")
    assert (response.status_code, response["Content-Type"]) == (415, PROBLEM)


def test_the_page_of_the_schema_needs_no_other_host(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert loaded
    # The page's own script comes from its own address.
    assert "/api/docs/?script=" in loaded
    for address in set(loaded) - {"/api/docs/?script="}:
        assert address.startswith("/static/"), address
        assert finders.find(address.removeprefix("/static/")), address
    assert "//cdn" not in page


def test_the_root_leads_to_the_admin(client: Client) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/admin/")
