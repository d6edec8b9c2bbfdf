"""Who is too young consents by a guardian, who is asked by mail; what is unknown makes no child."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from consent.ledger.minors import age_at, birth_date_in
from consent.models import ConsentBody, ConsentEvent, NoticeVersion
from consent.requests.guardians import guardian_digest
from consent.services import act_on_requests, make_deep_link, may_process, send_confirmations
from profiles.models import Identifier, Profile
from tests.factories import TESTER, make_client, make_purpose, profile_of, send_messages

pytestmark = pytest.mark.django_db
CONSENTS, OPT_INS = "/api/v1/consents/", "/api/v1/consents/opt-ins/"
PARENT = "parent@example.org"


def born(years: int, days: int = 0) -> str:
    """The date of birth of somebody who is so many years old, and so many days."""
    today = timezone.localdate()
    return (today.replace(year=today.year - years) - timedelta(days=days)).isoformat()


def person(birth_date: str | None, **traits: Any) -> Profile:
    make_purpose("newsletter", minimum_age=16, now=timezone.now())
    birth = {} if birth_date is None else {"birth_date": birth_date}
    send_messages({"userId": "kim", "traits": {"email": "kim@example.org", **birth, **traits}})
    return profile_of("user_id:kim")


def say(state: str = "given", **fields: Any) -> str:
    body = {"identifier": "user_id:kim", "purpose": "newsletter", "state": state}
    answer = make_client().post(CONSENTS, body | {"method": "checkbox"} | fields, format="json")
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["state"])


def permits(profile: Profile) -> bool:
    return may_process(profile.pk, "newsletter", at=timezone.now())


def test_an_age_is_of_the_day_of_the_store_whatever_zone_answers() -> None:
    birthday = date(2010, 3, 15)
    # Half past midnight in Paris.
    at = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)
    for zone in ("UTC", "Pacific/Kiritimati", "America/Los_Angeles"):
        with timezone.override(zone):
            assert (age_at(birthday, at), age_at(birthday, at - timedelta(hours=1))) == (16, 15)


def ask_guardian(**fields: Any) -> Any:
    body = {"email": PARENT, "purposes": ["newsletter"], "guardian_of": "user_id:kim"}
    return make_client().post(OPT_INS, body | fields, format="json")


def mailed_code() -> str:
    send_confirmations()
    return str(mail.outbox[-1].body).split("#")[1].split()[0]


@pytest.mark.parametrize(
    ("birth_date", "state"),
    [
        (born(15, 300), "unknown"),
        (born(16), "given"),
        (born(40), "given"),
        (None, "given"),
        ("yesterday", "given"),
    ],
)
def test_a_child_alone_permits_nothing(birth_date: str | None, state: str) -> None:
    profile = person(birth_date)
    assert say() == state
    assert permits(profile) == (state == "given")


def test_a_purpose_without_an_age_asks_nobody() -> None:
    profile = person(born(10))
    make_purpose("offers", now=timezone.now())
    assert say(purpose="offers") == "given"
    assert may_process(profile.pk, "offers", at=timezone.now())


@pytest.mark.parametrize("state", ["refused", "withdrawn"])
def test_a_child_says_no_like_everybody(state: str) -> None:
    profile = person(born(10))
    assert say(actor="guardian", method="paper") == "given"
    assert permits(profile)
    assert say(state) == state
    assert not permits(profile)


def test_what_a_child_permits_in_a_message_is_unknown_even_where_it_brings_the_birth_date() -> None:
    make_purpose("newsletter", minimum_age=16, now=timezone.now())
    consent = {"categoryPreferences": {"newsletter": True}}
    send_messages(
        {
            "userId": "kim",
            "traits": {"birth_date": born(12)},
            "context": {"consent": consent},
        }
    )
    assert set(ConsentEvent.objects.values_list("state", flat=True)) <= {"unknown"}
    assert not permits(profile_of("user_id:kim"))


def test_a_guardian_reads_the_text_and_agrees_by_mail() -> None:
    profile = person(born(12))
    assert ask_guardian().status_code == 202
    code = mailed_code()
    assert mail.outbox[-1].to == [PARENT]
    assert "Why we do newsletter." in mail.outbox[-1].body
    assert not permits(profile)
    page = Client().get("/privacy/guardian/").content.decode()
    assert "Do you look after this child" in page
    assert not permits(profile)
    assert Client().post("/privacy/guardian/", {"code": code}).status_code == 200
    assert permits(profile)
    event = ConsentEvent.objects.get()
    assert (event.actor, event.method, event.state) == ("guardian", "double_opt_in", "given")
    evidence = ConsentBody.objects.get(event=event).evidence
    assert evidence["guardian"] == guardian_digest(PARENT)
    assert PARENT not in str(evidence)
    assert not Identifier.objects.filter(value=PARENT).exists()
    again = Client().post("/privacy/guardian/", {"code": code})
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("fields", "status", "path"),
    [
        ({"guardian_of": "user_id:nobody"}, 404, "guardian_of"),
        ({"email": "Kim@example.org"}, 400, "email"),
        ({"email": "no address"}, 400, "email"),
        ({"purposes": ["nonsense"]}, 400, "purposes"),
    ],
)
def test_a_guardian_who_cannot_be_asked(fields: Any, status: int, path: str) -> None:
    person(born(12))
    answer = ask_guardian(**fields)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, path)
    assert send_confirmations() == 0


def test_a_guardian_of_somebody_who_was_erased_meanwhile_agrees_to_nothing() -> None:
    person(born(12))
    ask_guardian()
    code = mailed_code()
    body = {"kind": "erasure", "identifiers": ["user_id:kim"], "reason": "asked"}
    assert make_client().post("/api/v1/privacy/requests/", body, format="json").status_code == 201
    act_on_requests()
    assert Client().post("/privacy/guardian/", {"code": code}).status_code == 400
    assert not Profile.objects.exists()


@pytest.mark.parametrize(("language", "words"), [("en", "You are too young"), ("fr", "trop jeune")])
def test_a_child_asks_a_guardian_on_their_own_page(language: str, words: str) -> None:
    profile = person(born(12))
    browser = Client(headers={"accept-language": language})
    token = make_deep_link("user_id:kim", actor=TESTER).token
    browser.post("/privacy/", {"code": token})
    assert words in browser.get("/privacy/permissions/").content.decode()
    form = {"purpose": "newsletter", "guardian": PARENT}
    assert browser.post("/privacy/permissions/", form).status_code == 200
    Client().post("/privacy/guardian/", {"code": mailed_code()})
    assert permits(profile)
    assert words not in browser.get("/privacy/permissions/").content.decode()
    own = browser.post("/privacy/permissions/", form | {"guardian": "kim@example.org"})
    assert own.status_code == 200
    assert send_confirmations() == 0


def test_the_age_is_a_term_of_each_version() -> None:
    client = make_client()
    body = {"key": "club", "title": "Club", "text": "…", "legal_basis": "consent"}
    created = client.post("/api/v1/purposes/", body | {"minimum_age": 15}, format="json")
    assert created.json()["minimum_age"] == 15
    changed = client.patch("/api/v1/purposes/club/", {"minimum_age": 16}, format="json")
    assert (changed.json()["minimum_age"], changed.json()["version"]) == (16, 2)
    refused = client.patch("/api/v1/purposes/club/", {"minimum_age": 0}, format="json")
    assert refused.status_code == 400
    assert not NoticeVersion.objects.exists()


@given(born=st.dates(date(1900, 1, 1), date(2030, 1, 1)), at=st.datetimes(timezones=st.just(None)))
def test_an_age_is_the_number_of_birthdays(born: date, at: Any) -> None:
    at = timezone.make_aware(at.replace(year=2031 + at.year % 50, day=min(at.day, 28)))
    day = timezone.localtime(at).date()
    birthdays = sum(
        (year, born.month, born.day) <= (day.year, day.month, day.day)
        for year in range(born.year + 1, day.year + 1)
    )
    assert age_at(born, at) == birthdays


@pytest.mark.parametrize("value", [None, 5, "", "12", [], {}, "31/12/2010", "2010-13-01"])
def test_what_is_no_day_makes_no_birth_date(value: Any) -> None:
    assert birth_date_in({"birth_date": value}) is None
    assert birth_date_in({"birth_date": value, "birthday": "2010-12-31"}) == date(2010, 12, 31)
