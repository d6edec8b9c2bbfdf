"""Templates: each can be parsed, found and started from, and says what it needs."""

import json
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from segments.admin.builder.catalogue import KINDS, entries, find_template, find_templates
from segments.language.parser import parse
from segments.services import check_definition
from tests.admin import sign_in
from tests.factories import make_purpose, send_messages

PAGE, ADD = "admin:segments_segment_templates", "admin:segments_segment_add"


def test_there_are_templates_of_every_kind() -> None:
    assert len(entries()) >= 30
    assert {entry["kind"] for entry in entries().values()} == set(KINDS)
    assert all(len(entry["en"]) > 3 and len(entry["fr"]) > 3 for entry in entries().values())


@pytest.mark.parametrize("key", entries())
def test_a_template_is_a_definition_and_has_words_in_both_languages(key: str) -> None:
    template = find_template(key)
    assert template is not None
    assert parse(template.definition)
    with translation.override("fr"):
        french = find_template(key)
    assert french is not None
    assert (french.name, french.sentence) != (template.name, template.sentence)


@pytest.mark.django_db
def test_every_template_may_be_saved_where_its_purpose_is_known() -> None:
    make_purpose("newsletter")
    for template in find_templates():
        assert check_definition(template.definition)


@pytest.mark.django_db
def test_a_template_says_what_it_needs_and_whether_it_is_there() -> None:
    def ready(key: str) -> tuple[bool, dict[str, bool]]:
        (template,) = [one for one in find_templates() if one.key == key]
        return template.is_ready, {need.name: need.is_there for need in template.needs}

    assert ready("signed-up-not-ordered") == (False, {"Signed Up": False, "Order Completed": False})
    send_messages({"type": "track", "userId": "u1", "event": "Order Completed"})
    assert ready("signed-up-not-ordered") == (False, {"Signed Up": False, "Order Completed": True})
    assert ready("loyal") == (True, {"Order Completed": True})
    # Those that can be used come first.
    assert [one.is_ready for one in find_templates()] == sorted(
        (one.is_ready for one in find_templates()), reverse=True
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("basket", "abandoned-basket"),
        ("PANIER abandonné", "abandoned-basket"),
        ("tennis", "tennis"),
    ],
)
def test_a_template_is_found_by_its_words(query: str, key: str) -> None:
    answer = sign_in("marketer").get(reverse(PAGE), {"q": query})
    assert key in [template.key for template in answer.context["templates"]]
    assert f"?template={key}" in answer.content.decode()


@pytest.mark.django_db
def test_a_new_segment_starts_from_a_template() -> None:
    marketer = sign_in("marketer")
    page: Any = marketer.get(reverse(ADD), {"template": "loyal"})
    form = page.context["adminform"].form
    assert (form["name"].value(), form["key"].value()) == ("Ordered five times or more", "loyal")
    assert json.loads(page.context["built"].text) == entries()["loyal"]["definition"]
    assert marketer.get(reverse(ADD), {"template": "nonsense"}).status_code == 200
    assert sign_in("steward").get(reverse(PAGE)).status_code == 403
