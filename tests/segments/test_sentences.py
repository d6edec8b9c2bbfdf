"""Definitions in words: every leaf has some in every language, with all that it says."""

import re
from string import Formatter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from profiles.models import Profile
from segments.language.parser import parse
from segments.language.phrases import ENGLISH, PHRASES, Language
from segments.language.words import describe
from segments.services import why
from tests.factories import make_client
from tests.oracles.segment_worlds import NaivePerson
from tests.segments import strategies
from tests.segments.evaluations import build_segment, negation, orders, trait
from tests.segments.worlds import order, store_person
from tests.tries import tries

SAID = [
    (
        orders("gte", 3, window={"last": {"days": 90}}),
        "the number of Order Completed in the last 90 days is at least 3",
        "le nombre de Order Completed depuis moins de 90 jours est d’au moins 3",
    ),
    (
        {
            "type": "or",
            "children": [negation(trait("city", "equals", "Lyon")), trait("a.b", "exists")],
        },
        'not (city is "Lyon") or a.b is known',
        'pas (city est "Lyon") ou a.b est connu',
    ),
    (
        trait("birthday", "anniversary_in_next", {"weeks": 1}),
        "the anniversary of birthday is in the next 1 week",
        "l’anniversaire de birthday vient d’ici 1 semaine",
    ),
    (
        {
            "type": "sequence",
            "steps": [
                {"name": "Product Viewed"},
                {
                    "name": "Order Completed",
                    "within": {"days": 3},
                    "absent": True,
                    "same": {"property": "products[].sku", "of_first": "sku"},
                },
            ],
        },
        "Product Viewed, then no Order Completed of the same sku within 3 days",
        "Product Viewed, puis pas de Order Completed avec la même valeur de sku"
        " en moins de 3 jours",
    ),
]


@pytest.mark.parametrize(("definition", "english", "french"), SAID)
def test_a_definition_is_said_in_both_languages(
    definition: dict[str, Any], english: str, french: str
) -> None:
    assert describe(parse(definition), Language.ENGLISH) == english
    assert describe(parse(definition), Language.FRENCH) == french


def test_both_languages_have_the_same_phrases_with_the_same_parts() -> None:
    def parts(phrase: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(phrase)} - {None}

    for phrases in PHRASES.values():
        assert phrases.keys() == ENGLISH.keys()
        assert {key: parts(phrase) for key, phrase in phrases.items()} == {
            key: parts(phrase) for key, phrase in ENGLISH.items()
        }


def said_values(definition: Any) -> set[str]:
    """The texts and numbers of a definition that its words must repeat."""
    if isinstance(definition, dict):
        inner = [value for key, value in definition.items() if key not in ("type", "operator")]
        return {text for value in inner for text in said_values(value)}
    if isinstance(definition, list):
        return {text for value in definition for text in said_values(value)}
    return (
        {definition}
        if isinstance(definition, str) and re.fullmatch(r"[A-Z]\w+ \w+", definition)
        else set()
    )


@settings(max_examples=tries(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.trees)
def test_whatever_the_parser_takes_can_be_said(definition: dict[str, Any]) -> None:
    for language in Language:
        words = describe(parse(definition), language)
        assert words
        assert all(value in words for value in said_values(definition))


@pytest.mark.django_db
def test_why_says_each_node_in_the_language_that_is_asked_for() -> None:
    profile_id = store_person(NaivePerson(events=[order(1)]))
    segment = build_segment({"type": "and", "children": [orders(), {"type": "everyone"}]})
    profile = Profile.objects.get(pk=profile_id)
    tree = why(segment, profile, language=Language.ENGLISH).tree
    assert tree["words"].endswith("and everybody")
    assert tree["children"][1]["words"] == "everybody"
    answer = make_client().get(
        f"/api/v1/segments/{segment.key}/why/", {"profile": str(profile.uuid), "language": "fr"}
    )
    assert answer.json()["tree"]["children"][1]["words"] == "tout le monde"
    refused = make_client().get(
        f"/api/v1/segments/{segment.key}/why/", {"profile": str(profile.uuid), "language": "de"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "language")
