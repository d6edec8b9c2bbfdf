"""The builder of segments, by mouse and by keyboard."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from profiles.models import TraitDefinition
from segments.language.parser import parse
from segments.models import Segment
from segments.services import create_segment
from tests.browser.building import definition_in, pick, settle
from tests.browser.chromium import needs_chromium
from tests.factories import TESTER, make_purpose, make_source, send_messages

pytestmark = needs_chromium
MOST_CLICKS = 14
# Enter on a button is a click without a place.
COUNT_CLICKS = """
window.clicks = 0;
addEventListener("click", (event) => { if (event.detail) window.clicks += 1; }, true);
"""
# "Bought at least 3 times in 90 days, over 200 in sum, permits the newsletter, not lapsed."
SENTENCE = {
    "type": "and",
    "children": [
        {
            "type": "event",
            "name": "Order Completed",
            "operator": "gte",
            "value": 3,
            "window": {"last": {"days": 90}},
        },
        {
            "type": "event",
            "name": "Order Completed",
            "aggregate": "sum",
            "property": "revenue",
            "operator": "gt",
            "value": 200,
            "window": {"last": {"days": 90}},
        },
        {"type": "consent", "purpose": "newsletter", "permitted": True},
        {"type": "not", "child": {"type": "segment", "key": "lapsed"}},
    ],
}


@pytest.fixture
def shop(server: Any) -> None:
    """Six people with one to six orders each, a purpose, and a live segment."""
    make_source(key="shop", name="Shop")
    make_purpose("newsletter", is_direct_marketing=True)
    now = timezone.now()
    messages: list[dict[str, Any]] = []
    for person in range(1, 7):
        traits = {"city": "Lyon" if person < 5 else "Nantes", "first_name": f"Ada{person}"}
        messages.append({"userId": f"u{person}", "traits": traits})
        messages += [
            {
                "type": "track",
                "userId": f"u{person}",
                "event": "Order Completed",
                "timestamp": (now - timedelta(days=number)).isoformat(),
                "properties": {"revenue": 90, "category": "Shoes", "size": 43},
            }
            for number in range(person)
        ]
    send_messages(*messages)
    TraitDefinition.objects.update(is_reviewed=True)
    create_segment(
        key="lapsed",
        name="Lapsed customers",
        definition={"type": "event", "name": "Order Completed", "operator": "equals", "value": 1},
        actor=TESTER,
        status="live",
    )


@pytest.fixture
def builder(shop: None, tab: Page) -> Page:
    """The page of a new segment, with what was clicked in `clicks`."""
    tab.goto(reverse("admin:segments_segment_add"))
    tab.evaluate(COUNT_CLICKS)
    return tab


def test_the_sentence_is_built_by_mouse(builder: Page) -> None:
    palette = builder.locator("#builder .t-palette").last
    palette.get_by_role("button", name="Did something").click()
    pick(builder, "Order Completed")
    builder.locator("#f-children-0-value").click(click_count=1)
    builder.keyboard.press("Control+A")
    builder.keyboard.type("3")
    palette.get_by_role("button", name="Total of something").click()
    # The first open field of a new condition has the focus, and after a choice the next one.
    pick(builder, "revenue")
    pick(builder, "Order Completed")
    builder.locator("#f-children-1-operator").select_option("gt")
    settle(builder)
    builder.locator("#f-children-1-value").click()
    builder.keyboard.press("Control+A")
    builder.keyboard.type("200")
    palette.get_by_role("button", name="Permission").click()
    pick(builder, "newsletter")
    palette.get_by_role("button", name="+ Segment").click()
    pick(builder, "lapsed")
    builder.locator("#n-children-3-not").click()
    assert definition_in(builder) == SENTENCE
    # Choosing in a list of the system, as of "more than", takes two clicks and sends no event.
    assert builder.evaluate("clicks") + 2 <= MOST_CLICKS


def test_the_sentence_is_built_by_keyboard_alone(builder: Page) -> None:
    keys = builder.keyboard
    start = builder.locator("#builder .t-palette button").first
    for place, (name, choices) in enumerate(
        {
            "Did something": ["Order"],
            "Total of something": ["reve", "Order"],
            "Permission": ["news"],
            "Segment": ["lapsed"],
        }.items()
    ):
        start.focus() if place == 0 else None
        tab_to(builder, name)
        keys.press("Enter")
        settle(builder)
        for typed in choices:
            keys.type(typed)
            builder.locator("[role=option]").first.wait_for()
            settle(builder)
            keys.press("ArrowDown")
            keys.press("Enter")
            settle(builder)
        if place < 2:
            tab_to(builder, "", f"f-children-{place}-value")
            keys.press("Control+A")
            keys.type("3" if place == 0 else "200")
            keys.press("Enter")
            settle(builder)
    tab_to(builder, "", "n-children-3-not", backwards=True)
    keys.press("Enter")
    settle(builder)
    tab_to(builder, "", "f-children-1-operator", backwards=True)
    keys.type("more")
    settle(builder)
    assert definition_in(builder) == SENTENCE


def test_keys_move_double_remove_and_undo(builder: Page) -> None:
    leaves = [{"type": "source", "key": key} for key in ("shop", "crm", "web")]
    show(builder, {"type": "and", "children": leaves})
    handle = builder.locator("#n-children-0")
    handle.focus()
    builder.keyboard.press("Alt+ArrowDown")
    assert keys_in(builder) == ["crm", "shop", "web"]
    assert builder.locator("[role=status][aria-live]").first.inner_text() == "moved to place 2 of 3"
    builder.keyboard.press("Alt+ArrowRight")
    assert definition_in(builder)["children"][1] == {"type": "or", "children": [leaves[0]]}
    builder.keyboard.press("Alt+ArrowLeft")
    assert keys_in(builder) == ["crm", "shop", "web"]
    builder.keyboard.press("Control+d")
    assert keys_in(builder) == ["crm", "shop", "shop", "web"]
    builder.keyboard.press("Delete")
    assert keys_in(builder) == ["crm", "shop", "web"]
    for _ in range(5):
        builder.keyboard.press("Control+z")
        settle(builder)
    assert keys_in(builder) == ["shop", "crm", "web"]


def test_a_change_that_does_not_arrive_is_said_and_can_be_made_again(builder: Page) -> None:
    leaves = [{"type": "source", "key": key} for key in ("shop", "crm")]
    show(builder, {"type": "and", "children": leaves})
    failure = builder.get_by_role("alert").filter(has_text="did not come through")
    for answer in (lambda route: route.abort(), lambda route: route.fulfill(status=502)):
        builder.route("**/builder/", answer)
        builder.locator("#n-children-0").focus()
        builder.keyboard.press("Alt+ArrowDown")
        expect(failure).to_be_visible()
        assert keys_in(builder) == ["shop", "crm"]
        builder.unroute("**/builder/")
        builder.locator("#n-children-0").focus()
        builder.keyboard.press("Alt+ArrowDown")
        expect(failure).to_be_hidden()
        assert keys_in(builder) == ["crm", "shop"]
        builder.keyboard.press("Control+z")
        assert keys_in(builder) == ["shop", "crm"]


def test_a_condition_is_dragged_into_a_group(builder: Page) -> None:
    inner = {"type": "or", "children": [{"type": "source", "key": "crm"}]}
    show(builder, {"type": "and", "children": [{"type": "source", "key": "shop"}, inner]})
    inside = builder.locator("[data-group='children[1]'] .t-leaf")
    drag(builder, builder.locator("#n-children-0"), inside)
    # The drop is told when the drag has ended, which is after the mouse was let go.
    builder.wait_for_function(
        "JSON.parse(document.querySelector('[name=definition]').value).children.length === 1"
    )
    settle(builder)
    (group,) = definition_in(builder)["children"]
    assert sorted(leaf["key"] for leaf in group["children"]) == ["crm", "shop"]


def test_json_is_another_face_of_the_same_definition(builder: Page) -> None:
    show(builder, SENTENCE)
    assert definition_in(builder) == SENTENCE
    assert "Order Completed" in builder.locator(".t-sentence").inner_text()
    builder.get_by_role("button", name="JSON").click()
    box = builder.get_by_label("Definition in JSON")
    box.fill('{"type": "source", "key": "nowhere"}')
    box.blur()
    settle(builder)
    builder.get_by_role("button", name="Build").click()
    assert "There is no such source" in builder.locator("[data-fault]").inner_text()


def test_what_is_built_is_saved(builder: Page) -> None:
    show(builder, SENTENCE)
    builder.locator("#id_name").fill("Frequent readers")
    builder.locator("#id_key").fill("frequent-readers")
    builder.get_by_role("button", name="Save", exact=True).click()
    builder.wait_for_url("**/segment/")
    assert parse(Segment.objects.get(key="frequent-readers").definition) == parse(SENTENCE)


def show(page: Page, definition: Any) -> None:
    page.get_by_role("button", name="JSON").click()
    box = page.get_by_label("Definition in JSON")
    box.fill(json.dumps(definition))
    box.blur()
    settle(page)
    page.get_by_role("button", name="Build").click()
    # What is still hidden takes no focus.
    page.locator("#builder [data-node]").first.wait_for()


def drag(page: Page, handle: Locator, target: Locator) -> None:
    """Drag as slowly as a hand does: what lies under the pointer makes room meanwhile."""
    handle.hover()
    page.mouse.down()
    box = target.bounding_box()
    assert box is not None
    here = handle.bounding_box()
    assert here is not None
    for step in range(1, 13):
        share = step / 12
        x = here["x"] + (box["x"] + 60 - here["x"]) * share
        y = here["y"] + (box["y"] + 20 - here["y"]) * share
        page.mouse.move(x, y)
        page.wait_for_timeout(60)
    page.mouse.up()


def keys_in(page: Page) -> list[str]:
    return [leaf["key"] for leaf in definition_in(page)["children"]]


def tab_to(page: Page, name: str, anchor: str = "", *, backwards: bool = False) -> None:
    """Press Tab until the element with this name or id has the focus."""
    for _ in range(80):
        here = page.evaluate("[document.activeElement.innerText, document.activeElement.id]")
        if (name and here[0].strip("+ ") == name) or (anchor and here[1] == anchor):
            return
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError(f"Tab does not reach {name or anchor}")


def test_the_rail_counts_as_the_tree_changes(builder: Page) -> None:
    show(builder, {"type": "and", "children": SENTENCE["children"][:1]})
    rail = builder.locator("#trial")
    rail.get_by_text("people, exactly").wait_for()
    expect(rail.locator(".t-big").first).to_have_text("4")
    expect(builder.locator("#n-children-0-counts")).to_have_text("4 alone · 4 left")
    builder.locator("#f-children-0-value").fill("6")
    builder.keyboard.press("Enter")
    expect(rail.locator(".t-big").first).to_have_text("1")
    rail.get_by_role("button", name="Last 90 days").click()
    rail.locator(".t-curve").wait_for()


def test_a_template_is_two_clicks_away(builder: Page) -> None:
    builder.get_by_role("link", name="Templates").click()
    card = builder.locator("article", has_text="Ordered five times or more")
    card.get_by_role("link", name="Use").click()
    assert builder.locator("#f-value").input_value() == "5"
    expect(builder.locator("#trial .t-big").first).to_have_text("2")
