"""A text is found however its letters were composed where it was typed: é as one sign or as two."""

import json
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from profiles.models import Profile
from tests.admin import sign_in
from tests.factories import make_client, make_write_key, profile_of, send_messages
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import trait, who
from tests.segments.worlds import order
from tests.tries import tries

pytestmark = pytest.mark.django_db
# Letters that have two spellings, some of which compose to other signs, and some that have one.
letters = st.sampled_from(["é", "Å", "ñ", "ü", "ǖ", "가", "क़", "ﬁ", "e", "Z", "\u0301", "\u0328"])
names = st.lists(letters, min_size=1, max_size=6).map(lambda signs: "x" + "".join(signs))
forms = st.sampled_from(["NFC", "NFD"])


def definitions(text: str) -> dict[str, dict[str, Any]]:
    """Return definitions that hold for one person, whom the text describes, by their kind."""
    where = {"key": "city", "operator": "equals", "value": text}
    return {
        "equals": trait("city", "equals", text),
        "in": trait("city", "in", ["Lyon", text]),
        "starts_with": trait("city", "starts_with", text),
        "ends_with": trait("city", "ends_with", text),
        "contains": trait("city", "contains", text),
        "matches": trait("city", "matches", f"^{text}$"),
        "includes": trait("cities", "includes", text),
        "key": trait(text, "exists"),
        "where": {**event("Order Completed"), "where": {"type": "property", **where}},
        "event": event(text),
    }


def event(name: str) -> dict[str, Any]:
    return {"type": "event", "name": name, "operator": "gte", "value": 1}


@settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(text=names, form=forms)
@example(text="Orléans", form="NFD")
def test_every_operand_finds_the_text_in_whatever_form_it_is_written(text: str, form: Any) -> None:
    stored = normalize("NFC", text)
    traits = {"city": stored, "cities": [stored], stored: 1}
    events = [order(1, city=stored), replace(order(1), name=stored)]
    people = {"she": NaivePerson(traits=traits, events=events), "other": NaivePerson()}
    for kind, definition in definitions(normalize(form, text)).items():
        assert who(definition, people) == {"she"}, kind


@pytest.fixture
def person() -> Profile:
    traits = {"city": normalize("NFD", "Orléans")}
    viewed = {"type": "track", "userId": "u1", "event": normalize("NFD", "Été")}
    send_messages({"userId": "u1", "traits": traits}, viewed)
    return profile_of("user_id:u1")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("is_escaped", [True, False])
def test_both_forms_find_the_person_through_the_api(
    person: Profile, form: Any, is_escaped: bool
) -> None:
    operand = normalize(form, "Orléans")
    body = json.dumps({"definition": trait("city", "equals", operand)}, ensure_ascii=is_escaped)
    client = make_client()
    answer = client.post("/api/v1/segments/preview/", body, content_type="application/json")
    assert (answer.json()["size"], answer.json()["warnings"]) == (1, [])
    listed = client.get("/api/v1/profiles/", {"trait.city": operand}).json()["results"]
    assert [row["id"] for row in listed] == [str(person.uuid)]
    events = client.get(f"/api/v1/profiles/{person.uuid}/events/", {"name": normalize(form, "Été")})
    assert len(events.json()["results"]) == 1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("is_escaped", [True, False])
def test_both_forms_find_the_person_through_the_admin(
    person: Profile, form: Any, is_escaped: bool
) -> None:
    definition = trait("city", "equals", normalize(form, "Orléans"))
    body = {"definition": json.dumps(definition, ensure_ascii=is_escaped)}
    page = sign_in().post(reverse("admin:segments_segment_preview"), body)
    assert page.context["result"].preview.size == 1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_both_forms_of_an_identifier_are_one_person(form: Any) -> None:
    key = make_write_key()
    user = normalize(form, "Zoé")
    body = {"writeKey": key, "userId": user, "event": "Viewed"}
    Client().post("/v1/track", json.dumps(body), content_type="application/json")
    send_messages({"userId": normalize("NFC", "Zoé")})
    answer = make_client().post("/api/v1/profiles/lookup/", {"identifiers": [f"user_id:{user}"]})
    assert [row["id"] for row in answer.json()["results"]] == [
        str(profile_of(f"user_id:{normalize('NFC', 'Zoé')}").uuid)
    ]
