"""API keys that are bound to purposes: they read people only while these are permitted."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from consent.models import Method, State
from consent.services import ConsentStatement, record_statement
from profiles.models import ApiKey, Profile, StaffRead
from profiles.models.access import Scope
from profiles.services import create_api_key
from segments.services import create_segment, rebuild
from tests.config.walks import CUSTOMER_PATH, operations
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.django_db
BASE = "/api/v1/profiles/"
TAILS = ("", "identifiers/", "events/", "merges/", "segments/", "consents/", "accounts/")
ADA = "user_id:1"


def bound_client(*purposes: str) -> APIClient:
    _, secret = create_api_key("bound", actor=TESTER, scopes=Scope.values, purposes=purposes)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def say(state: str, purpose: str = "newsletter") -> None:
    statement = ConsentStatement(
        reference=ADA, purpose=purpose, state=state, method=Method.CHECKBOX
    )
    record_statement(statement, actor=TESTER)


@pytest.fixture
def ada() -> Profile:
    make_purpose("newsletter")
    make_purpose("orders", legal_basis="contract")
    create_segment(
        key="all",
        name="All",
        definition={"type": "everyone"},
        purpose=None,
        status="live",
        actor=TESTER,
    )
    profile = make_profile(ADA)
    make_profile("user_id:2")
    rebuild(["all"])
    return profile


def seen(client: APIClient, ada: Profile) -> dict[str, Any]:
    """By how each door answers, whether it shows Ada."""
    uuid = str(ada.uuid)
    pages = {tail: client.get(f"{BASE}{ada.uuid}/{tail}").status_code == 200 for tail in TAILS}
    [found] = client.post(f"{BASE}lookup/", {"identifiers": [ADA]}).json()["results"]
    return pages | {
        "list": uuid in client.get(BASE).content.decode(),
        "lookup": found is not None,
        "members": uuid in client.get("/api/v1/segments/all/members/").content.decode(),
    }


def test_every_door_opens_with_the_permission_and_closes_with_it(ada: Profile) -> None:
    client = bound_client("newsletter")
    for state, is_seen in (("", False), (State.GIVEN, True), (State.WITHDRAWN, False)):
        if state:
            say(state)
        doors = seen(client, ada)
        assert set(doors.values()) == {is_seen}, (state, doors)


def test_a_key_with_two_purposes_needs_both(ada: Profile) -> None:
    client = bound_client("newsletter", "orders")
    assert not any(seen(client, ada).values())
    say(State.GIVEN)
    assert all(seen(client, ada).values())


def test_a_purpose_that_there_is_not_permits_nobody(ada: Profile) -> None:
    assert not any(seen(bound_client("nothing"), ada).values())


def test_who_is_left_out_is_not_in_the_log_of_reads(ada: Profile) -> None:
    seen(bound_client("newsletter"), ada)
    assert not StaffRead.objects.exists()


def test_a_look_up_may_name_its_purpose(ada: Profile) -> None:
    _, secret = create_api_key("free", actor=TESTER, scopes=["profiles:read"])
    client = APIClient(headers={"authorization": f"Bearer {secret}"})
    body = {"identifiers": [ADA], "purpose": "newsletter"}
    assert client.post(f"{BASE}lookup/", body).json() == {"results": [None]}
    say(State.GIVEN)
    [found] = client.post(f"{BASE}lookup/", body).json()["results"]
    assert found["id"] == str(ada.uuid)


def test_a_bound_key_reaches_nothing_that_is_not_gated(ada: Profile) -> None:
    client = bound_client("newsletter")
    say(State.GIVEN)
    for address, method, view in operations():
        is_gated = getattr(view, "action", None) in getattr(view, "gated_actions", ())
        if address.startswith(CUSTOMER_PATH) or is_gated:
            continue
        answer = getattr(client, method)(address)
        assert answer.status_code in (403, 404, 405), (method, address)
    assert ApiKey.objects.count() == 1
