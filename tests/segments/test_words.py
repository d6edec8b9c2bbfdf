"""Words of a definition that stand for nothing: they are named, all at once, and refuse nothing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from profiles.models import EventName, TraitDefinition
from segments.exports.columns import column_choices
from tests.admin import sign_in
from tests.factories import make_client
from tests.oracles.segment_worlds import NaivePerson
from tests.segments.evaluations import orders, trait
from tests.segments.worlds import order, store_people, store_person

pytestmark = pytest.mark.django_db
URL = "/api/v1/segments/"


def define(key: str, *, is_reviewed: bool = True, category: str = "ordinary") -> None:
    TraitDefinition.objects.update_or_create(
        key=key, defaults={"type": "text", "is_reviewed": is_reviewed, "category": category}
    )


def make_shop() -> None:
    store_person(NaivePerson(events=[order(1)]))
    EventName.objects.create(kind="page", name="Pricing")
    EventName.objects.create(kind="track", name="Order Refunded by ada@example.org")
    define("city")
    define("iban", is_reviewed=False)
    define("religion", category="special")
    traits = {"city": "Lyon", "iban": "FR76", "religion": "none", "interests": ["tennis"]}
    define("interests")
    store_people([NaivePerson(traits=traits) for _ in range(12)])
    store_person(NaivePerson(traits={"city": "Lyonnais"}))


def warnings_of(definition: dict[str, Any]) -> dict[str, str]:
    answer = make_client().post(f"{URL}preview/", {"definition": definition})
    assert answer.status_code == 200
    return {warning["path"]: warning["detail"] for warning in answer.json()["warnings"]}


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "event", "name": name, "operator": "gte", "value": 1, **fields}


def test_all_wrong_words_are_named_at_once_with_the_nearest_right_ones() -> None:
    make_shop()
    children = [
        event("Orders"),
        trait("citty", "exists"),
        {"type": "not", "child": trait("city", "equals", "lyon")},
        trait("interests", "includes_any", ["tennis", "tenis"]),
        event("Pricing"),
        event("Order Completed"),
        trait("city", "in", ["Lyon", "Lyonnais"]),
    ]
    assert warnings_of({"type": "and", "children": children}) == {
        "definition.children[0].name": "No event is called Orders; nearest: Order Completed.",
        "definition.children[1].key": "No trait is called citty; nearest: city.",
        "definition.children[2].child.value": 'Nobody\'s city is "lyon"; nearest: Lyon.',
        "definition.children[3].value[1]": 'Nobody\'s interests is "tenis"; nearest: tennis.',
        "definition.children[4].name": "Pricing is no track event but a page event.",
    }


@pytest.mark.parametrize(
    "definition",
    [
        orders(),
        event("*"),
        event("Pricing", kind="page"),
        trait("city", "equals", "Lyon"),
        trait("city", "equals", "LYON", ignore_case=True),
        trait("city", "starts_with", "Ly"),
        trait("iban", "equals", "FR99"),
        {"type": "everyone"},
    ],
)
def test_right_words_and_words_about_hidden_traits_give_no_warning(
    definition: dict[str, Any],
) -> None:
    make_shop()
    assert warnings_of(definition) == {}


def test_a_question_about_special_data_is_told_that_nobody_answers_it() -> None:
    make_shop()
    assert warnings_of(trait("religion", "equals", "some")) == {
        "definition.key": "religion is special data: it is encrypted, and no segment sees it."
    }


def test_special_data_are_no_column_and_what_is_computed_from_events_is_seen() -> None:
    make_shop()
    assert {"trait.city", "trait.iban"} <= column_choices().keys()
    assert "trait.religion" not in column_choices()
    TraitDefinition.objects.filter(key="religion").update(is_computed=True)
    assert "trait.religion" in column_choices()
    assert warnings_of(trait("religion", "exists")) == {}


@pytest.mark.parametrize("key", ["ibann", "religon", "Iban"])
def test_only_reviewed_ordinary_traits_are_suggested(key: str) -> None:
    make_shop()
    assert warnings_of(trait(key, "exists")) == {"definition.key": f"No trait is called {key}."}


def test_values_of_few_people_and_names_with_addresses_are_not_suggested() -> None:
    make_shop()
    (detail,) = warnings_of(trait("city", "equals", "Lyonais")).values()
    assert "Lyonnais" not in detail
    (detail,) = warnings_of(event("Order Refunded")).values()
    assert "@" not in detail


def test_a_wrong_word_is_saved_and_told_by_the_api_and_the_admin() -> None:
    make_shop()
    client = make_client()
    body = {"key": "kept", "name": "Kept", "definition": event("Orders"), "status": "draft"}
    answers = [
        client.post(URL, body),
        client.get(f"{URL}kept/"),
        client.patch(f"{URL}kept/", {"name": "Again"}),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201)
        assert [warning["code"] for warning in answer.json()["warnings"]] == ["unknown_event"]
    staff: Client = sign_in()
    form = {"definition": '{"type":"trait","key":"citty","operator":"exists"}'}
    page = staff.post(reverse("admin:segments_segment_preview"), form)
    assert "No trait is called citty; nearest: city." in page.content.decode()
    form |= {"key": "more", "name": "More", "status": "draft"}
    page = staff.post(reverse("admin:segments_segment_add"), form, follow=True)
    assert "No trait is called citty" in page.content.decode()
