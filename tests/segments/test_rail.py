"""The figures beside the builder: size, reach, what each condition keeps, who, and the past."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.services import record
from profiles.models import Profile, TraitDefinition
from segments.services import create_segment, funnel, preview
from tests.admin import sign_in
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_purpose, profile_of, send_messages

pytestmark = pytest.mark.django_db
PREVIEW, PAST = "admin:segments_segment_preview", "admin:segments_segment_past"
DECIDING = "admin:segments_segment_deciding"


def ordered(operator: str, value: int, **more: Any) -> dict[str, Any]:
    return {"type": "event", "name": "Order Completed", "operator": operator, "value": value} | more


def lives_in(*cities: str) -> dict[str, Any]:
    return {"type": "trait", "key": "city", "operator": "in", "value": list(cities)}


def all_of(*children: Any) -> dict[str, Any]:
    return {"type": "and", "children": list(children)}


@pytest.fixture
def people() -> None:
    """Nine, who ordered as often as their number says; every third is from Nantes."""
    now = timezone.now()
    for number in range(9):
        traits = {"city": "Nantes" if number % 3 == 0 else "Lyon", "birth_date": "1990-05-01"}
        send_messages(
            {"userId": f"u{number}", "traits": traits},
            *[
                {
                    "type": "track",
                    "userId": f"u{number}",
                    "event": "Order Completed",
                    "timestamp": (now - timedelta(days=20 * back + 1)).isoformat(),
                    "properties": {"revenue": 50},
                }
                for back in range(number)
            ],
        )


TREES = [
    all_of(ordered("gte", 3), lives_in("Lyon"), ordered("lte", 6)),
    all_of(lives_in("Lyon", "Nantes"), ordered("gte", 5)),
    all_of({"type": "not", "child": lives_in("Lyon")}, all_of(ordered("gte", 1))),
    all_of(lives_in("Nowhere"), ordered("gte", 1)),
    {"type": "or", "children": [ordered("gte", 8), lives_in("Nantes")]},
    {**all_of(ordered("gte", 8), lives_in("Nantes")), "type": "at_least", "count": 1},
]


@pytest.mark.parametrize("tree", TREES)
def test_a_funnel_counts_what_previews_of_its_parts_count(people: None, tree: Any) -> None:
    children = tree["children"]
    for number, step in enumerate(funnel(tree)):
        assert step.place == number + 1
        assert step.alone == preview(children[number]).size
        assert step.left == preview(all_of(*children[: number + 1])).size
        others = [child for place, child in enumerate(children) if place != number]
        assert step.kept_out == preview(all_of(*others)).size - preview(all_of(*children)).size


def shown(definition: Any, role: str = "", **more: Any) -> Any:
    body = {"definition": json.dumps(definition)} | more
    return sign_in(role).post(reverse(PREVIEW), body, headers={"HX-Request": "true"})


def test_the_condition_that_keeps_most_out_and_one_that_changes_nothing_are_told(
    people: None,
) -> None:
    answer = shown(all_of(ordered("gte", 7), lives_in("Lyon", "Nantes")))
    strong, idle = answer.context["result"].steps
    assert (strong.is_strongest, strong.is_idle) == (True, False)
    assert (idle.is_strongest, idle.is_idle) == (False, True)
    assert "changes nothing" in answer.content.decode()
    # The counts go to the conditions in the tree.
    assert 'hx-swap-oob="innerHTML:#n-children-1-counts"' in answer.content.decode()


def test_the_reach_is_who_permits_the_purpose_of_the_form(people: None) -> None:
    purpose, now = make_purpose("newsletter"), timezone.now()
    profile = profile_of("user_id:u4")
    record(consent_input(profile, occurred_at=now, received_at=now))
    result = shown(ordered("gte", 1), purpose=str(purpose.pk)).context["result"]
    assert (result.preview.size, result.reach.size) == (8, 1)
    assert shown(ordered("gte", 1)).context["result"].reach is None
    assert shown(ordered("gte", 1), purpose="9" * 30).status_code == 200


def test_the_sample_shows_bands_and_orders_and_hides_names(people: None) -> None:
    TraitDefinition.objects.update(is_reviewed=True)
    Profile.objects.filter(traits__city="Lyon").update(
        traits={"first_name": "Augusta", "city": "Lyon", "birth_date": "1990-05-01"}
    )
    answer = shown(all_of(ordered("gte", 8), lives_in("Lyon")), "marketer")
    (person,) = answer.context["sample"]
    assert (person.orders, person.value, person.ages, person.city) == (8, 400, "30–39", "Lyon")
    assert "Augusta" not in answer.content.decode()


def test_the_past_is_computed_back(people: None) -> None:
    definition = json.dumps(ordered("gte", 1, window={"last": {"days": 10}}))
    answer = sign_in("marketer").post(reverse(PAST), {"definition": definition})
    assert "t-curve" in answer.content.decode()
    for hidden in ('{"type":"identifier","namespace":"email","operator":"exists"}', "{", ""):
        answer = sign_in("marketer").post(reverse(PAST), {"definition": hidden})
        assert "cannot be computed" in answer.content.decode()
    assert sign_in("steward").post(reverse(PAST), {"definition": definition}).status_code == 403


def test_a_segment_is_compared_with_what_it_answers(people: None) -> None:
    create_segment(
        key="lyon", name="Lyon", definition=lives_in("Lyon"), actor=TESTER, status="live"
    )
    result = shown(lives_in("Nantes"), segment="lyon").context["result"]
    assert (result.preview.size, result.entering.size, result.leaving.size) == (3, 3, 6)


def test_the_condition_that_lets_people_enter_and_leave_is_named(people: None) -> None:
    create_segment(
        key="lyon", name="Lyon", definition=lives_in("Lyon"), actor=TESTER, status="live"
    )

    def told(definition: Any, role: str = "marketer", segment: str = "lyon") -> Any:
        body = {"definition": json.dumps(definition), "segment": segment}
        return sign_in(role).post(reverse(DECIDING), body)

    both = all_of(lives_in("Lyon"), ordered("gte", 8))
    (part,) = told(both).context["parts"]
    assert (part.is_new, part.entering, part.leaving) == (True, 0, 5)
    assert "8" in part.words
    new, former = told(lives_in("Nantes")).context["parts"]
    assert (new.is_new, former.is_new) == (True, False)
    assert ("Nantes" in new.words, "Lyon" in former.words) == (True, True)
    assert not told(lives_in("Lyon")).context["parts"]
    for hidden in ({"type": "identifier", "namespace": "email", "operator": "exists"}, "{"):
        assert told(hidden).context["parts"] is None
    assert "No single condition" in told(both, segment="").content.decode()
    assert told(both, "steward").status_code == 403
