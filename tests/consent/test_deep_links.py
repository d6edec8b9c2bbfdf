"""Customers who are logged in on a company's own site come here by a link, or choose over there."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from consent.models import ConsentBody, ConsentEvent, MailedLink, PrivacyRequest
from consent.services import NewRequest, act_on_requests, may_process, open_request
from profiles.models import AuditEntry, Profile
from tests.factories import TESTER, make_client, make_purpose, profile_of, send_messages

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/privacy/deep-links/"
ME = "/api/v1/privacy/me"
SHOP = "https://shop.example.org"


@pytest.fixture
def ada() -> Profile:
    make_purpose("newsletter", is_direct_marketing=True)
    make_purpose("orders", legal_basis="contract")
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org", "city": "Lyon"}})
    return profile_of("user_id:u1")


def deep_link(identifier: str = "user_id:u1") -> dict[str, Any]:
    answer = make_client("privacy:act").post(ROUTE, {"identifier": identifier})
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def session() -> APIClient:
    client = APIClient()
    opened = client.post(f"{ME}/session/", {"token": deep_link()["token"]})
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {opened.json()['token']}")
    return client


def test_a_link_opens_the_pages_once(ada: Profile) -> None:
    link = deep_link()
    assert link["url"].endswith(f"/privacy/#{link['token']}")
    browser = Client()
    answer = browser.post("/privacy/", {"code": link["url"]})
    assert (answer.status_code, answer["Location"]) == (302, "/privacy/data/")
    assert "Lyon" in browser.get("/privacy/data/").content.decode()
    assert Client().post("/privacy/", {"code": link["url"]}).status_code == 400
    assert link["token"] not in str(MailedLink.objects.values_list())


@pytest.mark.parametrize("change", ["reversed", "expired", "empty"])
def test_no_other_token_opens_anything(ada: Profile, change: str) -> None:
    token = deep_link()["token"]
    if change == "expired":
        row = MailedLink.objects.get()
        MailedLink.objects.update(expires_at=row.created_at)
    token = {"reversed": token[::-1], "expired": token, "empty": ""}[change]
    assert Client().post("/privacy/", {"code": token}).status_code == 400


@pytest.mark.parametrize(
    ("identifier", "status"), [("user_id:nobody", 404), ("email:no address", 400), ("u1", 400)]
)
def test_nobody_gets_no_link(ada: Profile, identifier: str, status: int) -> None:
    answer = make_client("privacy:act").post(ROUTE, {"identifier": identifier})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, "identifier")
    assert not MailedLink.objects.exists()


def test_only_who_acts_for_customers_makes_links(ada: Profile) -> None:
    assert make_client("consent:write").post(ROUTE, {"identifier": "user_id:u1"}).status_code == 403
    assert APIClient().post(ROUTE, {"identifier": "user_id:u1"}).status_code == 401


def test_who_made_a_link_is_written_down_on_the_person(ada: Profile) -> None:
    deep_link()
    entry = AuditEntry.objects.get(verb="profile.link_made")
    assert (entry.actor_kind, str(entry.body.identifier)) == ("service", f"profile:{ada.uuid}")


def test_an_erasure_takes_links_that_were_not_used(ada: Profile) -> None:
    token = deep_link()["token"]
    request = NewRequest(kind="erasure", references=("user_id:u1",), reason="asked")
    open_request(request, door=PrivacyRequest.Door.STAFF, actor=TESTER)
    act_on_requests()
    assert Client().post("/privacy/", {"code": token}).status_code == 400
    answer = make_client("privacy:act").post(ROUTE, {"identifier": "user_id:u1"})
    assert answer.status_code == 404
    call_command("verify_ledger", verbosity=0)


def test_permissions_have_the_very_texts_and_the_language_of_the_reader(ada: Profile) -> None:
    answer = session().get(f"{ME}/permissions/", headers={"accept-language": "fr"})
    newsletter, orders = answer.json()["permissions"]
    assert newsletter["text"] == "Why we do newsletter."
    assert (newsletter["is_asked"], newsletter["is_permitted"]) == (True, False)
    assert (orders["basis"], orders["is_asked"], orders["is_permitted"]) == ("contrat", False, True)


def test_a_choice_over_there_is_a_consent_with_what_was_read(ada: Profile) -> None:
    client = session()
    evidence = {"page": f"{SHOP}/account", "text": "Why we do newsletter.", "version": 1}
    body = {"purpose": "newsletter", "state": "given", "evidence": evidence}
    assert client.post(f"{ME}/consents/", body, format="json").status_code == 201
    assert may_process(ada.pk, "newsletter", at=timezone.now())
    event = ConsentEvent.objects.get()
    assert (event.actor, event.method) == ("subject", "button")
    assert ConsentBody.objects.get(event=event).evidence == evidence


@pytest.mark.parametrize("path", ["session", "permissions", "consents"])
def test_only_pages_of_listed_origins_may_read_the_answers(path: str, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    for origin, is_allowed in ((SHOP, True), ("https://evil.example.org", False)):
        asked = {"origin": origin, "access-control-request-method": "POST"}
        answer = Client().options(f"{ME}/{path}/", headers=asked)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (origin if is_allowed else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/privacy/me/", f"{ME}/requests/", "/api/v1/profiles/"])
def test_no_other_answer_may_be_read_by_other_pages(path: str, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    answer = Client().get(path, headers={"origin": SHOP})
    assert "Access-Control-Allow-Origin" not in answer.headers
