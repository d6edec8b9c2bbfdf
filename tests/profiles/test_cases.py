"""Cases: what facts lose to rules is asked once, and each answer does what a hand would do."""

from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.models import (
    AuditEntry,
    Identifier,
    IdentityCase,
    IdentityDecision,
    IdentityRule,
    Profile,
    TrustLevel,
)
from profiles.services import NewDecision, decide
from tests.admin import sign_in
from tests.factories import TESTER, make_client, profile_of, send_messages
from tests.oracles.cases import cases_from_outcomes, stored_cases
from tests.tries import tries

pytestmark = pytest.mark.django_db
CASES = "/api/v1/identity/cases/"


def identifier(reference: str) -> Identifier:
    namespace, _, value = reference.partition(":")
    return Identifier.objects.get(namespace=namespace, value=value)


def only_case() -> IdentityCase:
    return IdentityCase.objects.get()


def only_open_case() -> IdentityCase:
    return IdentityCase.objects.get(state="open")


def share_an_address(*people: str) -> None:
    """Have people with a user id each name one address; it stays with the first."""
    for person in people:
        send_messages({"userId": person, "traits": {"email": "home@example.org"}})


def answer(case: IdentityCase, **body: Any) -> Any:
    return make_client().post(f"{CASES}{case.uuid}/answer/", body, format="json")


def page_of(case: IdentityCase) -> str:
    return reverse("admin:profiles_identitycase_change", args=[case.pk])


# --- Which cases there are


def test_an_address_of_many_people_is_one_case_with_all_of_them() -> None:
    share_an_address("ada", "bob", "cy", "dee")
    case = only_case()
    assert (case.kind, case.identifier.value, case.refusals) == (
        "two_people",
        "home@example.org",
        3,
    )
    seen = make_client().get(f"{CASES}{case.uuid}/").json()
    named = [each["identifier"]["value"] for each in seen["counterparts"]]
    assert (named, seen["people"]) == (["dee", "cy", "bob"], 3)


def test_a_person_with_too_many_of_a_kind_is_one_case() -> None:
    for number in range(9):
        external = [{"type": "loyalty", "id": f"card-{number}"}]
        send_messages({"userId": "ada", "context": {"externalIds": external}})
    case = only_case()
    assert (case.kind, str(case.identifier), case.refusals) == ("too_many", "user_id:ada", 4)


def test_a_quarantined_device_is_one_case() -> None:
    for number in range(60):
        send_messages({"userId": f"guest-{number}", "anonymousId": "kiosk"})
    case = only_open_case()
    assert (case.kind, str(case.identifier)) == ("shared", "anonymous_id:kiosk")
    seen = make_client().get(f"{CASES}{case.uuid}/").json()
    assert seen["people"] > 10


def test_only_a_verified_fact_contradicts_a_verdict() -> None:
    send_messages({"userId": "ada"}, {"anonymousId": "tablet"})
    pair = (identifier("user_id:ada"), identifier("anonymous_id:tablet"))
    decide(NewDecision("not_same", *pair, "two sisters"), actor=TESTER)  # type: ignore[arg-type]
    both = {"userId": "ada", "anonymousId": "tablet"}
    send_messages(both)
    assert not IdentityCase.objects.exists()
    send_messages(both, trust=TrustLevel.VERIFIED)
    assert only_case().kind == "against_verdict"


references = st.fixed_dictionaries(
    {},
    optional={
        "userId": st.sampled_from("abc"),
        "anonymousId": st.sampled_from(["t1", "t2"]),
        "traits": st.fixed_dictionaries({"email": st.sampled_from(["x@a.org", "y@a.org"])}),
    },
).filter(lambda message: "userId" in message or "anonymousId" in message)


@settings(max_examples=tries(25), deadline=None)
@given(sent=st.lists(st.tuples(references, st.sampled_from([1, 2, 3])), min_size=1, max_size=12))
def test_stored_cases_equal_the_outcomes_counted_one_by_one(
    sent: list[tuple[dict[str, Any], int]],
) -> None:
    with transaction.atomic():
        for message, trust in sent:
            send_messages(message, trust=trust)
            assert stored_cases() == cases_from_outcomes()
        transaction.set_rollback(True)


# --- What answers do


def test_two_people_settles_the_case_and_writes_a_verdict() -> None:
    share_an_address("ada", "bob")
    answered = answer(only_case(), answer="not_same", reason="asked by phone")
    assert answered.status_code == 200, answered.json()
    assert (answered.json()["state"], answered.json()["answer"]) == ("answered", "not_same")
    assert IdentityDecision.objects.get().verdict == "not_same"
    # More of the same is no news.
    share_an_address("bob")
    assert only_case().state == "answered"


def test_a_steward_joins_two_people_after_a_trial() -> None:
    share_an_address("ada", "bob")
    people = Profile.objects.count()
    steward, case = sign_in("steward"), only_case()
    tried = steward.post(page_of(case), {"answer": "try"})
    assert "So it would be" in tried.content.decode()
    assert (Profile.objects.count(), only_case().state) == (people, "open")
    steward.post(page_of(case), {"answer": "same", "reason": "she married"})
    assert Profile.objects.count() == people - 1
    assert profile_of("user_id:ada") == profile_of("user_id:bob")
    assert (only_case().state, only_case().answer) == ("answered", "same")
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert "case.same" in verbs


def test_a_verdict_on_one_of_several_leaves_the_others_to_ask() -> None:
    share_an_address("ada", "bob", "cy")
    case = only_case()
    assert answer(case, answer="not_same").json()["errors"][0]["path"] == "other"
    first = answer(case, answer="not_same", other="user_id:bob").json()
    assert first["state"] == "open"
    # One is left, so it need not be named.
    assert answer(case, answer="not_same").json()["state"] == "answered"


def test_what_verdicts_imply_is_not_asked() -> None:
    share_an_address("ada", "bob")
    send_messages({"userId": "bob", "traits": {"email": "bob@example.org"}})
    send_messages({"userId": "ada", "traits": {"email": "bob@example.org"}})
    cases = list(IdentityCase.objects.order_by("pk"))
    assert len(cases) == 2
    answer(cases[0], answer="not_same")
    cases[1].refresh_from_db()
    assert (cases[1].state, cases[1].answer) == ("answered", "settled")


def test_blocking_a_value_has_no_fact_name_anybody_by_it() -> None:
    share_an_address("ada", "bob")
    assert answer(only_case(), answer="blocked").status_code == 200
    assert IdentityRule.objects.get(namespace="email").blocked_values == ["home@example.org"]
    share_an_address("cy")
    assert only_case().refusals == 1


def test_releasing_ends_the_quarantine_and_a_new_one_asks_again() -> None:
    share_an_address("ada", "bob")
    case = only_case()
    assert answer(case, answer="released").json()["errors"][0]["path"] == "answer"
    shared = identifier("email:home@example.org")
    IdentityCase.objects.update(kind="shared")
    assert answer(case, answer="released").status_code == 400
    Identifier.objects.filter(pk=shared.pk).update(quarantined_at="2026-01-01T00:00:00Z")
    assert answer(case, answer="released").status_code == 200
    shared.refresh_from_db()
    assert shared.quarantined_at is None


def test_an_answer_is_given_once_and_later_puts_a_case_last() -> None:
    share_an_address("ada", "bob")
    for person in ("eve", "fay", "gus"):
        send_messages({"userId": person, "traits": {"email": "shop@example.org"}})
    many, few = IdentityCase.objects.order_by("-refusals")
    steward = sign_in("steward")
    moved = steward.post(page_of(many), {"answer": "later"})
    assert moved.headers["Location"] == page_of(few)
    assert answer(many, answer="left").status_code == 200
    assert answer(many, answer="left").status_code == 409


# --- Who sees what


def test_values_are_masked_and_only_stewards_answer() -> None:
    share_an_address("ada", "bob")
    case = only_case()
    html = sign_in("steward").get(page_of(case)).content.decode()
    assert "home@example.org" in html
    auditor = sign_in("auditor")
    assert 'name="answer"' not in auditor.get(page_of(case)).content.decode()
    assert auditor.post(page_of(case), {"answer": "left"}).status_code == 403
    assert sign_in("marketer").get(page_of(case)).status_code == 403


def test_a_restricted_person_is_neither_listed_nor_shown() -> None:
    share_an_address("ada", "bob")
    Profile.objects.filter(pk=profile_of("user_id:ada").pk).update(is_restricted=True)
    reader = make_client("profiles:read")
    assert reader.get(CASES).json()["results"] == []
    assert reader.get(f"{CASES}{only_case().uuid}/").status_code == 404
    Profile.objects.update(is_restricted=False)
    Profile.objects.filter(pk=profile_of("user_id:bob").pk).update(is_restricted=True)
    assert reader.get(f"{CASES}{only_case().uuid}/").json()["counterparts"] == []


def test_home_counts_what_is_in_question() -> None:
    share_an_address("ada", "bob")
    html = sign_in("steward").get(reverse("admin:index")).content.decode()
    assert "1 identifier is in question." in html
