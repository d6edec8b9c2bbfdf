"""Double opt-in: a mailed link, the page that it leads to, and the way back of who was erased."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from consent.customers.mail import FILE_BACKEND
from consent.models import Confirmation, ConsentEvent, Suppression
from consent.services import (
    NewRequest,
    act_on_requests,
    add_notice,
    find_suppressed,
    may_process,
    open_request,
    record,
    remove_expired,
    send_confirmations,
    suppress,
    verify_states,
)
from ingestion.models import DroppedCount
from profiles.lib.database import database_now
from profiles.models import AuditEntry, Event, Identifier, TrustLevel
from tests.consent.callers import BASE, service
from tests.consent.inputs import consent_input
from tests.factories import NOW, TESTER, make_profile, make_purpose, profile_of, send_messages
from tests.system.traces import tables_with

pytestmark = pytest.mark.django_db
ADDRESS = "ada@example.org"
ADA = f"email:{ADDRESS}"
OPT_INS, CONFIRMATIONS = f"{BASE}/consents/opt-ins/", f"{BASE}/privacy/me/confirmations/"


@pytest.fixture(autouse=True)
def purposes(db: None) -> None:
    make_purpose("newsletter", is_direct_marketing=True)
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)


def opt_in(email: str = ADDRESS, **fields: Any) -> str:
    """Ask for a link; return the code that is mailed."""
    answer = service().post(OPT_INS, {"email": email, "purposes": ["newsletter"]} | fields)
    assert answer.status_code == 202, answer.json()
    send_confirmations()
    return str(mail.outbox[-1].body).split("#")[1].split()[0]


def confirm(code: str) -> int:
    return APIClient().post(CONFIRMATIONS, {"code": code}).status_code


def erase_ada() -> None:
    request = NewRequest(kind="erasure", references=(ADA,), reason="asked")
    open_request(request, door="service", actor=TESTER)
    assert act_on_requests() == 1


@pytest.fixture
def erased() -> None:
    """Ada, who objected to direct marketing and was erased with her number in the shop."""
    profile = make_profile(ADA, "user_id:u42", "anonymous_id:tablet")
    record(consent_input(profile, kind="objection", purpose=None))
    erase_ada()


def permitted(purpose: str) -> bool:
    return may_process(profile_of(ADA).pk, purpose, at=database_now())


def test_who_confirms_is_stored_with_what_they_permitted() -> None:
    notice = add_notice(
        key="join", language="fr", content="Une fois par mois.", shown_from=NOW, actor=TESTER
    )
    code = opt_in(notice=str(notice.pk))
    assert "Bonjour" in mail.outbox[-1].body
    assert mail.outbox[-1].to == [ADDRESS]
    assert not Identifier.objects.exists()
    assert confirm(code) == 201
    event = ConsentEvent.objects.get()
    assert (event.state, event.method, event.actor) == ("given", "double_opt_in", "subject")
    assert (event.trust, event.notice_id) == (TrustLevel.VERIFIED, notice.pk)
    assert permitted("newsletter")
    assert [confirm(code), confirm(code[:-1]), confirm("x.y"), confirm("")] == [400] * 4


def test_a_code_of_another_address_or_one_that_was_changed_confirms_nothing() -> None:
    codes = [opt_in(), opt_in("bob@example.org")]
    (ada, sealed_ada), (_, sealed_bob) = (code.split(".") for code in codes)
    assert confirm(f"{ada}.{sealed_bob}") == 400
    assert confirm(f"{ada}.{sealed_ada[:-6]}AAAAAA") == 400
    assert not Identifier.objects.exists()
    assert confirm(codes[0]) == 201


def test_a_link_ends_and_an_address_gets_one_mail_a_day() -> None:
    code = opt_in()
    opt_in()
    assert len(mail.outbox) == 1
    Confirmation.objects.update(expires_at=database_now())
    assert confirm(code) == 400
    assert remove_expired() == 0, "it counts for a day"
    Confirmation.objects.update(created_at=NOW)
    assert remove_expired() == 1
    assert confirm(opt_in()) == 201


def test_known_unknown_and_erased_addresses_get_one_answer_by_the_same_queries(
    erased: None,
) -> None:
    make_profile("email:bob@example.org")
    client, answers = service(), []
    for email in (ADDRESS, "bob@example.org", "carol@example.org"):
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(OPT_INS, {"email": email, "purposes": ["newsletter"]})
        answers.append((answer.status_code, answer.json(), len(captured)))
    assert answers[0] == answers[1] == answers[2]
    assert send_confirmations() == 3
    bodies = {str(message.body).partition("#")[0] for message in mail.outbox}
    assert len(bodies) == 1


def test_between_request_and_link_nothing_in_the_store_names_the_address(
    erased: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    service().post(OPT_INS, {"email": ADDRESS, "purposes": ["newsletter"]})
    assert tables_with(ADDRESS) == {}
    code = send_confirmations() and str(mail.outbox[-1].body).split("#")[1].split()[0]
    assert Confirmation.objects.get().sealed_address is None
    assert tables_with(ADDRESS, str(code)) == {}
    assert ADDRESS not in mail.outbox[-1].body
    assert ADDRESS not in caplog.text


def test_an_address_that_cannot_be_mailed_is_forgotten_soon(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tests.consent.callers.FailingMail"
    service().post(OPT_INS, {"email": ADDRESS, "purposes": ["newsletter"]})
    assert send_confirmations() == 0
    waiting = Confirmation.objects.get()
    assert waiting.expires_at - waiting.created_at == timedelta(minutes=15)
    Confirmation.objects.update(expires_at=database_now())
    assert send_confirmations() == 0
    assert remove_expired() == 1
    assert not Confirmation.objects.exists()


def test_a_mail_file_ends_with_its_link(settings: Settings, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FILE_BACKEND, str(tmp_path)
    service().post(OPT_INS, {"email": ADDRESS, "purposes": ["newsletter"]})
    send_confirmations()
    assert remove_expired() == 0
    (path,) = tmp_path.iterdir()
    year = f"{database_now():%Y}"
    path.write_text(path.read_text().replace(f" {year} ", f" {int(year) - 1} "))
    assert remove_expired() == 1
    assert list(tmp_path.iterdir()) == []


def test_who_was_erased_comes_back_and_their_objection_stands(erased: None) -> None:
    assert confirm(opt_in()) == 201
    assert find_suppressed([ADA, "user_id:u42"]) == {"user_id:u42"}
    assert permitted("newsletter")
    assert not permitted("offers")
    assert verify_states() == []
    entry = AuditEntry.objects.get(verb="confirmation.used")
    assert entry.changes == {"kind": [None, "opt_in"], "lifted": [None, True]}
    send_messages({"anonymousId": "a-1", "traits": {"email": ADDRESS, "city": "Lyon"}})
    assert profile_of(ADA).traits["city"] == "Lyon"


def test_another_erasure_ends_a_link_that_is_on_its_way(erased: None) -> None:
    code = opt_in()
    Suppression.objects.all().delete()
    make_profile(ADA)
    erase_ada()
    assert confirm(code) == 400
    assert not Identifier.objects.filter(namespace="email").exists()


# What else of the person comes back, and from when


def track(name: str, at: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "timestamp": at.isoformat()} | fields


def test_what_a_server_names_together_with_who_came_back_comes_back_too(erased: None) -> None:
    confirm(opt_in())
    claim = {"userId": "u42", "anonymousId": "tablet", "traits": {"email": ADDRESS}}
    send_messages(claim, trust=TrustLevel.CLAIM)
    assert "user_id:u42" in find_suppressed(["user_id:u42"]), "a browser proves nothing"
    send_messages({"userId": "u42", "traits": {"city": "Brest"}})
    assert not Identifier.objects.filter(namespace="user_id").exists()
    send_messages({"userId": "u42", "traits": {"email": ADDRESS, "city": "Nice"}})
    assert profile_of("user_id:u42") == profile_of(ADA)
    assert profile_of(ADA).traits["city"] == "Nice"
    # The shared device was not named by a server.
    assert find_suppressed(["anonymous_id:tablet", "user_id:u42"]) == {"anonymous_id:tablet"}
    send_messages({"userId": "u42", "traits": {"city": "Metz"}})
    assert profile_of(ADA).traits["city"] == "Metz"


def test_identifiers_of_another_erasure_stay_out(erased: None) -> None:
    suppress(["user_id:other"], request_id=None)
    confirm(opt_in())
    send_messages({"userId": "other", "traits": {"email": ADDRESS}})
    assert find_suppressed(["user_id:other"]) == {"user_id:other"}


def test_what_is_timed_before_the_return_stays_out(erased: None) -> None:
    confirm(opt_in())
    back = Suppression.objects.exclude(lifted_at=None).get().lifted_at
    assert back is not None
    who = {"userId": "u42", "context": {"traits": {"email": ADDRESS}}}
    send_messages(
        track("Before", back - timedelta(seconds=1), **who),
        track("Long before", back - timedelta(days=900), **who),
        # Names somebody else, and mentions her.
        track("Told", back - timedelta(days=1), userId="u-7", properties={"to": ADDRESS, "n": 1}),
    )
    assert [event.properties for event in Event.objects.all()] == [{"n": 1}]
    assert find_suppressed(["user_id:u42"]) == {"user_id:u42"}
    send_messages(track("After", back + timedelta(seconds=1), **who))
    assert Event.objects.filter(name__name="After", profile=profile_of(ADA)).exists()
    browser = {"anonymousId": "a-2", "context": {"traits": {"email": ADDRESS}}}
    send_messages(track("Before", back - timedelta(days=2), **browser))
    assert not Event.objects.filter(name__name="Before").exists()
    reasons = dict(DroppedCount.objects.values_list("reason", "count"))
    assert reasons == {"suppressed": 2, "before_return": 1}


def test_a_consent_from_before_the_return_is_refused(erased: None) -> None:
    confirm(opt_in())
    body = {"identifier": ADA, "purpose": "offers", "state": "given", "method": "api"}
    former = service().post(f"{BASE}/consents/", body | {"occurred_at": NOW.isoformat()})
    assert (former.status_code, former.json()["errors"][0]["code"]) == (409, "before_return")
    assert service().post(f"{BASE}/consents/", body).status_code == 201


# Staff and services with a proof


def test_a_service_lets_somebody_return_on_proof(erased: None) -> None:
    url, body = f"{BASE}/privacy/returns/", {"identifiers": [ADA], "proof": "signed letter"}
    assert service("consent:write").post(url, body).status_code == 403
    assert service().post(url, body | {"proof": ""}).status_code == 400
    bad = service().post(url, body | {"identifiers": ["nonsense"]})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (400, "identifiers")
    assert service().post(url, body).json() == {"is_lifted": True}
    assert service().post(url, body).json() == {"is_lifted": False}
    assert AuditEntry.objects.get(verb="suppression.lifted").body.reason == "signed letter"
    assert find_suppressed([ADA]) == set()


@pytest.mark.parametrize("path", ["email", "purposes"])
def test_faults_of_an_opt_in_are_named(path: str) -> None:
    body: dict[str, Any] = {"email": ADDRESS, "purposes": ["newsletter"]}
    wrong = {"email": "nobody", "purposes": ["unheard-of"]}
    answer = service().post(OPT_INS, body | {path: wrong[path]})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)
    blocked = service().post(OPT_INS, body | {"email": "noreply@example.org"})
    assert blocked.status_code in (202, 400)


# The page


def test_the_page_confirms_by_post_only_and_speaks_the_language_of_the_mail() -> None:
    code = opt_in(language="fr")
    browser = Client(enforce_csrf_checks=True)
    url = str(mail.outbox[-1].body).split("http://localhost:8000")[1].split("#")[0]
    assert url == "/privacy/opt-in/?lang=fr&for=newsletter"
    for _ in range(2):
        page = browser.get(url)
        assert page.status_code == 200
    assert 'lang="fr"' in page.text
    assert "Confirmez-vous" in page.text
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert page["Cache-Control"] == "no-store"
    assert not Identifier.objects.exists()
    form = {"purpose": "newsletter"}
    assert browser.post(url, form | {"code": "wrong"}).status_code == 400
    # Without a script the whole link is pasted.
    done = browser.post(url, form | {"code": f"  http://localhost:8000{url}#{code}\n"})
    assert (done.status_code, "Merci" in done.text) == (200, True)
    assert permitted("newsletter")
    assert browser.post(url, form | {"code": code}).status_code == 400


def test_of_several_purposes_each_is_shown_and_permitted_by_a_tick_of_its_own() -> None:
    for key in ("advertising", "trips"):
        make_purpose(key, text=f"The very text of {key}.")
    code = opt_in(purposes=["newsletter", "trips"])
    browser = Client()
    url = str(mail.outbox[-1].body).split("http://localhost:8000")[1].split("#")[0]
    page = browser.get(url)
    assert page.text.count('type="checkbox"') == 2
    assert "checked" not in page.text
    assert "The very text of trips." in page.text
    assert "The very text of advertising." not in page.text
    # None is chosen: the link is as good as before. What the link is not about is not permitted.
    again = browser.post(url, {"code": code}).text
    assert "choose at least one" in again
    assert f'name="code" value="{code}"' in again
    other = url + "&for=advertising"
    done = browser.post(other, {"code": code, "purpose": ["trips", "advertising"]})
    assert "Thank you" in done.text
    assert [permitted(key) for key in ("advertising", "newsletter", "trips")] == [0, 0, 1]
    assert browser.post(url, {"code": code, "purpose": "newsletter"}).status_code == 400


def test_a_service_passes_on_what_was_chosen() -> None:
    make_purpose("trips")
    code = opt_in(purposes=["newsletter", "trips"])
    body = {"code": code, "purposes": ["newsletter"]}
    assert APIClient().post(CONFIRMATIONS, body).status_code == 201
    assert (permitted("newsletter"), permitted("trips")) == (True, False)


def test_the_page_speaks_the_browsers_language_where_the_link_names_none() -> None:
    for header, words in (("fr-CA,fr;q=0.9", "Confirmez"), ("de", "Do you"), ("en-US", "Do you")):
        assert words in Client().get("/privacy/opt-in/", HTTP_ACCEPT_LANGUAGE=header).text
    assert "Do you" in Client().get("/privacy/opt-in/?lang=xx").text


def test_the_page_waits_after_too_many_attempts(settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"link": "2/minute"}
    settings.CACHE_URL = ""
    answers = [Client().post("/privacy/opt-in/", {"code": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[2]["Retry-After"]) > 0
