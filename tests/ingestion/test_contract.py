"""The contract of Segment's SDKs over HTTP: routes, keys, cross-origin requests, addresses."""

import base64
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingestion.api.routes import ROUTES, SHORT_ROUTES
from ingestion.api.senders import forget_senders
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.models import Event, Source
from profiles.services import change_source
from tests.factories import TESTER, make_source, make_write_key, profile_of
from tests.tries import tries

pytestmark = pytest.mark.django_db
SHOP, OTHER = "https://shop.example.org", "https://other.example.org"
TRACK = {"userId": "u1", "event": "Viewed", "messageId": "m1"}


@pytest.fixture(autouse=True)
def _fresh_senders() -> None:
    forget_senders()


def basic(key: str) -> str:
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


def post(route: str, body: Any, *, key: str = "", origin: str = "", **headers: str) -> Any:
    """Send a body as an SDK in a browser does, in text that is no JSON by its type."""
    headers |= {"Origin": origin} if origin else {}
    headers |= {"Authorization": basic(key)} if key else {}
    return Client(raise_request_exception=False).post(
        f"/v1/{route}", json.dumps(body), content_type="text/plain", headers=headers
    )


def body_for(route: str) -> dict[str, Any]:
    message = TRACK | {"previousId": "a1", "groupId": "g1", "name": "Home"}
    is_batch = SHORT_ROUTES.get(route, route) in ("batch", "import")
    return {"batch": [message | {"type": "track"}]} if is_batch else message


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("route", ROUTES)
def test_each_route_takes_its_message_with_and_without_a_slash(route: str, slash: str) -> None:
    assert post(route + slash, body_for(route), key=make_write_key()).status_code == 200
    drain_inbox()
    assert profile_of("user_id:u1")


@pytest.mark.parametrize(("short", "long"), SHORT_ROUTES.items())
def test_a_short_route_does_what_the_long_one_does(short: str, long: str) -> None:
    key = make_write_key()
    for route in (short, long):
        # The second is a repeat of the first, and would not be if it were read otherwise.
        assert "X-Rejected" not in post(route, body_for(route), key=key)
    drain_inbox()
    assert Event.objects.count() <= 1


def test_what_an_sdk_measures_of_itself_is_taken_and_not_kept() -> None:
    assert post("m", {"series": [{"metric": "x"}]}).json() == {"success": True}
    assert not InboxRow.objects.exists()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_page_loads_its_settings_by_its_key(client: Client, slash: str) -> None:
    key = make_write_key(kind="public")
    response = client.get(f"/v1/projects/{key}/settings{slash}", headers={"Origin": SHOP})
    assert response.status_code == 200
    assert response.json()["integrations"]["Segment.io"]["apiKey"] == key
    assert response.json()["integrations"]["Segment.io"]["apiHost"] == "testserver/v1"
    assert response.json()["plan"]["track"] == {"__default": {"enabled": True}}
    assert response["Access-Control-Allow-Origin"] == SHOP
    assert client.head(f"/v1/projects/{key}/settings{slash}").status_code == 200
    assert client.get(f"/v1/projects/nobody/settings{slash}").status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
@pytest.mark.parametrize("route", ["track", "batch", "t", "b", "m"])
def test_another_method_is_405_and_names_the_right_one(
    client: Client, route: str, method: str
) -> None:
    response = getattr(client, method)(f"/v1/{route}")
    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")


FOREIGN = {
    "an OAuth token": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
    "a staging site's password": "Basic " + base64.b64encode(b"staging:secret").decode(),
    "no base64": "Basic §§§",
    "no UTF-8": "Basic " + base64.b64encode(b"\xff\xfe:").decode(),
    "another scheme": 'Digest username="x"',
    "no credentials": "Basic",
}


@pytest.mark.parametrize("header", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("route", ["track", "batch"])
def test_a_foreign_header_never_hides_the_key_in_the_body(route: str, header: str) -> None:
    body = body_for(route) | {"writeKey": make_write_key()}
    assert post(route, body, Authorization=header).status_code == 200
    assert post(route, body | {"writeKey": "nobody"}, Authorization=header).status_code == 401


@examples(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=40))
def test_whatever_the_header_says_the_key_in_the_body_counts(header: str) -> None:
    body = TRACK | {"writeKey": make_write_key(make_source(key="any"))}
    assert post("track", body, Authorization=header).status_code == 200


def test_the_key_of_the_header_goes_before_that_of_the_body() -> None:
    header, body = make_source(key="header"), make_source(key="body")
    post("track", TRACK | {"writeKey": make_write_key(body)}, key=make_write_key(header))
    assert InboxRow.objects.get().source == header


PREFLIGHT = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-retry-count,anonymousid",
}


@pytest.mark.parametrize("route", [*ROUTES, "m", "projects/any/settings"])
def test_every_route_answers_a_preflight(client: Client, route: str) -> None:
    response = client.options(f"/v1/{route}", headers=PREFLIGHT)
    assert (response.status_code, response.content) == (204, b"")
    assert response["Access-Control-Allow-Origin"] == SHOP
    assert "POST" in response["Access-Control-Allow-Methods"]
    allowed = response["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-retry-count", "anonymousid"} <= set(allowed)
    assert "Origin" in response["Vary"]


def refused(case: str, settings: Any) -> Any:
    """Return the refusal of a page's request, for one reason."""
    key = make_write_key(kind="public")
    match case:
        case "400":
            return post("track", "no object", key=key, origin=SHOP)
        case "400 large":
            return post("batch", {"batch": ["x" * 600_000]}, key=key, origin=SHOP)
        case "401":
            return post("track", TRACK, key="nobody", origin=SHOP)
        case "404":
            return post("nothing", TRACK, key=key, origin=SHOP)
        case "429":
            settings.TRACKING_MESSAGES_PER_MINUTE = 1
            answers = [post("track", TRACK, key=key, origin=SHOP) for _ in range(4)]
            # A new minute may begin in between, once.
            return next(answer for answer in answers if answer.status_code == 429)
    raise AssertionError(case)


@pytest.mark.parametrize("case", ["400", "400 large", "401", "404", "429"])
def test_a_page_can_read_why_it_is_refused(case: str, settings: Any) -> None:
    response = refused(case, settings)
    assert response.status_code == int(case[:3])
    assert response["Content-Type"] == "application/problem+json"
    assert response["Access-Control-Allow-Origin"] == SHOP
    exposed = response["Access-Control-Expose-Headers"].split(", ")
    assert {"Retry-After", "X-RateLimit-Reset", "X-Rejected"} <= set(exposed)


def test_a_page_can_read_that_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_write_key(kind="public")

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("ingestion.api.tracking.accept", fail)
    response = post("track", TRACK, key=key, origin=SHOP)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize(
    ("kind", "allowed", "origin", "is_taken"),
    [
        ("public", [], SHOP, True),
        ("public", [], "null", True),
        ("public", [SHOP], SHOP, True),
        ("public", [SHOP], "", True),
        ("public", [SHOP], OTHER, False),
        ("public", [SHOP], "null", False),
        ("public", [SHOP], f"{SHOP}.evil.example", False),
        ("public", [SHOP], "http://shop.example.org", False),
        ("public", [SHOP], f"{SHOP}:8443", False),
        ("public", ["https://*.example.org"], SHOP, True),
        ("public", ["https://*.example.org"], "https://a.b.example.org", True),
        ("public", ["https://*.example.org"], "https://example.org", False),
        ("public", ["https://*.example.org"], "https://evilexample.org", False),
        ("public", ["https://*.example.org"], "http://shop.example.org", False),
        ("secret", [], "", True),
        ("secret", [], SHOP, False),
        ("secret", [SHOP], SHOP, True),
    ],
)
def test_a_source_takes_only_what_pages_of_its_own_origins_send(
    kind: str, allowed: list[str], origin: str, is_taken: bool
) -> None:
    source = make_source(key="web", allowed_origins=allowed)
    response = post("track", TRACK, key=make_write_key(source, kind=kind), origin=origin)
    assert response.status_code == (200 if is_taken else 403)
    assert InboxRow.objects.exists() is is_taken
    assert response.get("Access-Control-Allow-Origin", "") == (origin if is_taken else "")


def test_the_origins_of_a_source_are_origins_and_change_within_a_second() -> None:
    source = make_source(key="web")
    key = make_write_key(source, kind="public")
    assert post("track", TRACK, key=key, origin=OTHER).status_code == 200
    change_source(source, actor=TESTER, allowed_origins=[SHOP])
    forget_senders()
    assert post("track", TRACK, key=key, origin=OTHER).status_code == 403


CLIENT, PROXIED = "127.0.0.1", "203.0.113.7"
ADDRESSES = [
    # kind, does the source keep it, context, the address that is stored
    ("public", False, {}, None),
    ("public", True, {}, CLIENT),
    ("public", True, {"ip": PROXIED}, PROXIED),
    ("public", False, {"ip": PROXIED}, PROXIED),
    ("public", True, {"ip": "0.0.0.0"}, None),
    ("secret", False, {"ip": "0.0.0.0"}, None),
    ("secret", True, {}, None),
    ("secret", True, {"direct": True}, CLIENT),
    ("secret", True, {"direct": False}, None),
    ("secret", False, {"direct": True}, None),
    ("secret", True, {"direct": True, "ip": "0.0.0.0"}, None),
]


@pytest.mark.parametrize(("kind", "keeps", "context", "stored"), ADDRESSES)
@pytest.mark.parametrize("is_shared", [False, True], ids=["own context", "context of the batch"])
def test_the_address_of_a_client_is_kept_only_where_its_source_says_so(
    kind: str, keeps: bool, context: dict[str, Any], stored: str | None, is_shared: bool
) -> None:
    source: Source = make_source(key="web", keeps_address=keeps)
    message = TRACK | {"type": "track"} | ({} if is_shared else {"context": context})
    batch = {"batch": [message]} | ({"context": context} if is_shared else {})
    post("batch", batch, key=make_write_key(source, kind=kind))
    drain_inbox()
    assert Event.objects.get().context.get("ip") == stored
