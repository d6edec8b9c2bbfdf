"""The sandbox of rules: made-up facts, judged by the engine that judges those of sources."""

from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from profiles.identity.ruleset.sandbox import MOST_FACTS, ToyFault
from profiles.identity.ruleset.toys import PRESETS, read_history
from profiles.models import Identifier, IdentityFact, Profile
from profiles.models.access import Scope
from profiles.services import document_of_store, write_document
from tests.admin import sign_in
from tests.factories import make_client, profile_of, send_messages

URL = "/api/v1/identity/rules/sandbox/"
PAGE = reverse("admin:profiles_rulesapplication_sandbox")
TODAY = date(2026, 3, 15)


@pytest.fixture
def admin() -> APIClient:
    return make_client(Scope.PRIVACY_ADMIN)


def fact(*identifiers: str, **fields: Any) -> dict[str, Any]:
    return {"identifiers": identifiers, **fields}


def play(admin: APIClient, *facts: dict[str, Any], **fields: Any) -> Any:
    return admin.post(URL, {"facts": facts, **fields}, format="json").json()


@pytest.mark.django_db
def test_the_sandbox_says_what_a_store_with_these_messages_has(admin: APIClient):
    pairs = [("ada", "home"), ("bob", "home"), ("ada", "work"), ("cleo", "work"), ("cleo", "work")]
    for user, box in pairs:
        send_messages({"userId": user, "traits": {"email": f"{box}@mail.fr"}})
    facts = [fact(f"user_id:{user}", f"email:{box}@mail.fr") for user, box in pairs]
    people = play(admin, *facts)["current"]["people"]
    stored = [
        {str(row) for row in profile.identifiers.exclude(namespace="profile")}
        for profile in Profile.objects.order_by("pk")
    ]
    assert [set(person) for person in people] == stored
    assert profile_of("email:home@mail.fr") == profile_of("user_id:ada")


@pytest.mark.django_db
def test_other_rules_are_compared_and_nothing_is_stored(admin: APIClient):
    rules = admin.get("/api/v1/identity/rules/").json()
    next(each for each in rules["namespaces"] if each["namespace"] == "user_id")["unique"] = False
    next(each for each in rules["namespaces"] if each["namespace"] == "user_id")["limit"] = None
    facts = [fact("user_id:ada", "email:home@mail.fr"), fact("user_id:bob", "email:HOME@mail.fr")]
    answer = play(admin, *facts, rules=rules)
    assert [len(person) for person in answer["current"]["people"]] == [2, 1]
    assert [len(person) for person in answer["candidate"]["people"]] == [3]
    assert answer["current"]["steps"][1]["lost"] == [
        {
            "identifier": "email:home@mail.fr",
            "rule": "unique",
            "reason": "Both have a value of a namespace of which one person has one.",
        }
    ]
    assert not Identifier.objects.exists()
    assert not IdentityFact.objects.exists()


@pytest.mark.django_db
def test_verdicts_blocked_values_and_caps_do_in_the_sandbox_what_they_do(admin: APIClient):
    rules = admin.get("/api/v1/identity/rules/").json() | {"caps": {"daily": 1, "total": 1}}
    facts = [fact(f"user_id:u{number}", "anonymous_id:tablet-1") for number in range(4)]
    steps = play(admin, *facts, rules=rules)["candidate"]["steps"]
    assert [step["quarantined"] for step in steps] == [[], [], ["anonymous_id:tablet-1"], []]
    assert steps[3]["lost"][0]["rule"] == "quarantine"
    verdict = {"verdict": "same", "one": "user_id:u0", "other": "user_id:u1"}
    answer = play(admin, *facts, verdicts=[verdict])["current"]
    assert len(answer["people"]) == 3
    blocked = play(admin, fact("user_id:null", "email:ada@mail.fr"))["current"]
    assert blocked["steps"][0]["lost"][0]["rule"] == "blocked"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"facts": []}, "facts"),
        ({"facts": [fact("email:nobody")]}, "facts[0].identifiers[0]"),
        ({"facts": [fact("nobody")]}, "facts[0].identifiers[0]"),
        ({"facts": [fact("user_id:a", trust="rumour")]}, "facts[0].trust"),
        ({"facts": [fact("user_id:a")] * (MOST_FACTS + 1)}, "facts"),
        ({"facts": [fact(*(f"user_id:{each}" for each in range(61)))]}, "facts[0].identifiers"),
        (
            {
                "facts": [fact("user_id:a")],
                "verdicts": [{"verdict": "same", "one": "user_id:a", "other": "user_id:a"}],
            },
            "verdicts[0].other",
        ),
        ({"facts": [fact("user_id:a")], "rules": {"namespaces": 3}}, "rules.namespaces"),
        ({"facts": [fact("user_id:a")], "people": 3}, "people"),
    ],
)
def test_what_cannot_be_judged_is_named(admin: APIClient, body: Any, path: str):
    response = admin.post(URL, body, format="json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"].startswith(path)


@pytest.mark.django_db
@pytest.mark.parametrize("preset", PRESETS)
def test_each_example_is_drawn_with_every_person_in_a_frame(preset: str):
    [result] = sign_in("steward").get(PAGE, {"preset": preset}).context["results"]
    picture = ElementTree.fromstring(result["picture"])
    frames = [each for each in picture.iter("g") if each.get("class") == "t-cluster"]
    assert len(frames) == result["people"] >= 1
    assert any(step["lost"] or step["notes"] for step in result["steps"]) or preset == "phone"


@pytest.mark.django_db
def test_staff_compare_other_rules_on_the_page_and_faults_are_named_by_line():
    steward = sign_in("steward")
    text = write_document(document_of_store()).replace("daily: 20", "daily: 1")
    facts = "\n".join(f"server user_id:u{number} anonymous_id:t-1" for number in range(4))
    results = steward.post(PAGE, {"facts": facts, "rules": text}).context["results"]
    assert [result["title"] for result in results] == [
        "By the rules that hold",
        "By the other rules",
    ]
    page = steward.post(PAGE, {"facts": "server user_id:a\n2026-99-01 user_id:b"})
    assert page.context["form"].errors["facts"] == ["Line 2: A day is like 2026-02-01."]
    page = steward.post(PAGE, {"facts": "email:nobody", "rules": "namespaces: 3"})
    assert "namespaces: Expected" in page.context["form"].errors["rules"][0]
    assert sign_in("marketer").get(PAGE).status_code == 403


@given(st.text(max_size=80))
def test_any_text_is_a_history_or_a_fault_that_names_a_line(text: str):
    lines = len(text.splitlines())
    try:
        history = read_history(text, today=TODAY)
    except ToyFault as fault:
        line = int(fault.path)
    else:
        line = len(history.facts) + len(history.verdicts)
    assert line <= lines
