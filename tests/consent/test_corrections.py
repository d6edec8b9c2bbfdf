"""Corrections: one judgement at every door, addresses as identifiers, origins, and unlocking."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import PrivacyRequest, RequestLogEntry
from consent.services import (
    NewRequest,
    act_on_requests,
    open_request,
    suppress,
    verify_request,
)
from profiles.models import AuditEntry, Identifier, Profile, TraitDefinition
from profiles.services import ContactNotFree, InvalidCorrection, rectify
from tests.consent.callers import BASE, customer, read_archive, service
from tests.factories import TESTER, make_profile, make_source, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
ADA, BOB = "email:ada@example.org", "email:bob@example.org"
EACH = settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def people(db: None) -> Profile:
    make_profile(BOB, "phone:+33698765432")
    suppress(["email:gone@example.org", "phone:+33611111111"], request_id=None)
    return make_profile(ADA, "user_id:1", traits={"city": "Lyon"})


def golden(profile: Profile) -> dict[str, Any]:
    profile.refresh_from_db()
    traits: dict[str, Any] = profile.traits
    return traits


# Doors: each returns whether the correction was taken without more ado.


def by_service(profile: Profile, key: str, value: Any) -> bool:
    body = {"changes": {key: value}, "reason": "asked"}
    answer = service().patch(f"{BASE}/profiles/{profile.uuid}/traits/", body)
    assert answer.status_code in (200, 400, 409), answer.content
    return bool(answer.status_code == 200)


def by_staff(profile: Profile, key: str, value: Any) -> bool:
    client = Client()
    client.force_login(User.objects.get_or_create(username="root", is_superuser=True)[0])
    User.objects.update(is_staff=True)
    kind = "text" if isinstance(value, str) else "number"
    form = {"key": key, "type": kind, "value": str(value), "reason": "asked"}
    before = AuditEntry.objects.count()
    client.post(reverse("admin:profiles_profile_rectify", args=[profile.pk]), form)
    return AuditEntry.objects.count() > before


def by_request(profile: Profile, key: str, value: Any) -> bool:
    body = {
        "kind": "rectification",
        "identifiers": ["user_id:1"],
        "reason": "asked",
        "changes": {key: value},
    }
    answer = service().post(f"{BASE}/privacy/requests/", body)
    assert answer.status_code in (201, 400), answer.content
    act_on_requests()
    return PrivacyRequest.objects.filter(kind="rectification", status="done").exists()


def by_call(profile: Profile, key: str, value: Any) -> bool:
    try:
        rectify(profile.pk, {key: value}, actor=TESTER, reason="asked")
    except (InvalidCorrection, ContactNotFree):
        return False
    return True


DOORS = [by_service, by_staff, by_request, by_call]
spelled = st.sampled_from([str, str.upper, str.title, lambda text: f"  {text} "])


@EACH
@given(
    door=st.sampled_from(DOORS),
    key_and_value=st.sampled_from(
        [
            *(
                ("email", value)
                for value in (
                    5,
                    "5",
                    "not an address",
                    "ada@",
                    "@example.org",
                    "null",
                    "test@example.com",
                    "+33612345678",
                    "bob@example.org",
                    "gone@example.org",
                )
            ),
            *(("phone", value) for value in (5, "5", "call me", "anonymous", "+33698765432")),
            ("phone", "06 98 76 54 32"),
            ("phone", "06.11.11.11.11"),
            ("phone", "+33 6 11 11 11 11"),
        ]
    ),
    spell=spelled,
)
def test_no_door_takes_what_is_no_address_or_anybody_elses(
    people: Profile, door: Any, key_and_value: tuple[str, Any], spell: Any
) -> None:
    key, value = key_and_value
    held = set(Identifier.objects.values_list("namespace", "value", "profile"))
    assert not door(people, key, spell(value) if isinstance(value, str) else value)
    assert golden(people).get(key) in (None, "ada@example.org")
    assert set(Identifier.objects.values_list("namespace", "value", "profile")) == held


@pytest.mark.parametrize("door", DOORS)
def test_a_free_address_becomes_an_identifier_in_its_stored_spelling(
    people: Profile, door: Any
) -> None:
    assert door(people, "email", " Ada.New@Example.ORG ")
    assert door(people, "phone", "06 12 34 56 78")
    traits = golden(people)
    assert (traits["email"], traits["phone"]) == ("ada.new@example.org", "+33612345678")
    assert profile_of("email:ada.new@example.org") == people
    assert profile_of("phone:+33612345678") == people


def test_a_lock_of_an_address_counts_only_while_the_profile_has_it(people: Profile) -> None:
    rectify(people.pk, {"email": "new@example.org"}, actor=TESTER, reason="asked")
    Identifier.objects.filter(value="new@example.org").update(profile=None)
    send_messages({"userId": "1", "traits": {"city": "Nice"}})
    assert golden(people)["email"] == "ada@example.org"


def test_what_can_never_succeed_waits_for_staff_and_is_not_tried_again(
    people: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    new_request = NewRequest(
        kind="rectification",
        references=("user_id:1",),
        reason="asked",
        changes={"email": "bob@example.org"},
    )
    request = open_request(new_request, door="service", actor=TESTER)
    assert act_on_requests() == 0
    request.refresh_from_db()
    assert (request.status, request.attempts) == ("awaiting_verification", 0)
    assert "needs staff" in caplog.text
    assert "bob@" not in caplog.text
    assert RequestLogEntry.objects.filter(request=request, status=request.status).exists()
    assert act_on_requests() == 0
    verify_request(request, actor=TESTER, note="they called")
    assert act_on_requests() == 0
    request.refresh_from_db()
    assert request.status == "awaiting_verification"


# Customers


@pytest.fixture
def person(people: Profile) -> Profile:
    """Ada, whose address and number a trusted source tied to each other."""
    send_messages({"userId": "1", "traits": {"email": "ada@example.org"}})
    return people


def corrected_by_customer(changes: dict[str, Any]) -> str:
    body = {"kind": "rectification", "changes": changes}
    answer = customer("ada@example.org").post(f"{BASE}/privacy/me/requests/", body)
    assert answer.status_code == 201, answer.json()
    act_on_requests()
    return str(PrivacyRequest.objects.latest("received_at").status)


def define(key: str, origin: str) -> None:
    TraitDefinition.objects.create(key=key, type="text", origin=origin)


@pytest.mark.parametrize("origin", ["given", "observed", "inferred", "unreviewed", None])
def test_a_customer_corrects_alone_only_what_they_gave(person: Profile, origin: str) -> None:
    if origin:
        define("nickname", origin)
    status = corrected_by_customer({"nickname": "Countess"})
    assert status == ("done" if origin == "given" else "awaiting_verification")
    assert (golden(person).get("nickname") == "Countess") == (origin == "given")


def test_one_trait_that_waits_lets_the_whole_request_wait(person: Profile) -> None:
    define("nickname", "given")
    changes = {"nickname": "Countess", "credit_limit": 1_000_000}
    assert corrected_by_customer(changes) == "awaiting_verification"
    assert "nickname" not in golden(person)


@pytest.mark.parametrize(
    "address", ["new@example.org", "bob@example.org", "gone@example.org", "GONE@example.org"]
)
def test_a_new_address_waits_and_the_answer_tells_nobody_who_is_known(
    person: Profile, address: str
) -> None:
    assert corrected_by_customer({"email": address}) == "awaiting_verification"
    assert golden(person).get("email") in (None, "ada@example.org")


def test_what_is_no_address_is_refused_at_once(person: Profile) -> None:
    body = {"kind": "rectification", "changes": {"email": "5"}}
    answer = customer("ada@example.org").post(f"{BASE}/privacy/me/requests/", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "changes.email"


def test_known_traits_come_with_an_origin_and_those_of_the_demo_all_do() -> None:
    send_messages({"userId": "9", "traits": {"firstName": "A", "age": 7, "credit_limit": 5}})
    origins = dict(TraitDefinition.objects.values_list("key", "origin"))
    assert origins == {"firstName": "given", "age": "inferred", "credit_limit": "unreviewed"}


def test_only_given_and_observed_traits_are_portable(person: Profile) -> None:
    traits = {"city": "Lyon", "credit_limit": 500, "age": 36}
    send_messages({"userId": "1", "traits": traits}, source=make_source().key)
    client = customer("ada@example.org")
    made = client.post(f"{BASE}/privacy/me/requests/", {"kind": "access"}).json()
    act_on_requests()
    archive = client.get(f"{BASE}/privacy/me/requests/{made['id']}/archive/").content
    files = {name: str(content) for name, content in read_archive(archive).items()}
    assert "credit_limit" in files["data.json"]
    assert "Lyon" in files["portability.json"]
    assert "credit_limit" not in files["portability.json"]


# Unlocking


def test_a_lock_is_taken_away_by_the_api_and_by_staff(person: Profile) -> None:
    send_messages({"userId": "1", "traits": {"city": "Lyon"}})
    url = f"{BASE}/profiles/{person.uuid}/traits/"
    for unlocking in ("api", "admin"):
        by_service(person, "city", "Paris")
        assert golden(person)["city"] == "Paris"
        if unlocking == "api":
            body = {"traits": ["city", "never locked"], "reason": "a mistake"}
            answer = service().post(f"{url}unlock/", body)
            assert answer.status_code == 200
            traits = {row["key"]: row["value"] for row in answer.json()["results"]}
            assert traits["city"] == "Lyon"
            assert AuditEntry.objects.latest("at").changes == {"traits": ["city"]}
        else:
            client = Client()
            root = User.objects.create(username="root", is_superuser=True, is_staff=True)
            client.force_login(root)
            form = {"key": "city", "type": "unlocked", "reason": "a mistake"}
            client.post(reverse("admin:profiles_profile_rectify", args=[person.pk]), form)
        assert golden(person)["city"] == "Lyon"
    assert service("profiles:read").post(f"{url}unlock/", {}).status_code == 403
