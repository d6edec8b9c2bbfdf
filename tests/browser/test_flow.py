"""The builder of automations, by mouse and by keyboard."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from segments.automations.parser import parse_automation
from segments.models import Automation, MailTemplate
from tests.browser.building import definition_in, pick, settle
from tests.browser.chromium import needs_chromium
from tests.factories import make_purpose, make_source, send_messages

pytestmark = needs_chromium
# "Three days after a basket was left, remind those in Lyon, in the day."
BASKET = {
    "trigger": {"type": "event", "name": "Product Added"},
    "steps": [
        {
            "type": "wait_event",
            "event": {"name": "Order Completed"},
            "at_most": {"days": 3},
            "then": [],
            "else": [
                {"type": "wait", "until": "09:00"},
                {
                    "type": "if",
                    "test": {
                        "type": "trait",
                        "key": "city",
                        "operator": "equals",
                        "value": "Lyon",
                    },
                    "then": [{"type": "mail", "template": "basket"}],
                    "else": [],
                },
            ],
        }
    ],
    "again": "always",
    "cap": {"most": 2, "days": 7},
}


@pytest.fixture
def flow(server: Any, tab: Page) -> Page:
    """The page of a new automation, in a store with a shop's events and a template of a mail."""
    make_source(key="shop", name="Shop")
    make_purpose("newsletter", is_direct_marketing=True)
    send_messages(
        {"userId": "u1", "traits": {"city": "Lyon"}},
        {"type": "track", "userId": "u1", "event": "Product Added"},
        {"type": "track", "userId": "u1", "event": "Order Completed"},
    )
    texts = {"en": {"subject": "Your basket", "body": "Hello"}}
    MailTemplate.objects.create(key="basket", name="Basket", texts=texts)
    tab.goto(reverse("admin:segments_automation_add"))
    return tab


def add(page: Page, way: str, step: str) -> None:
    """Add a step to a way, whose palette may be closed."""
    section = page.locator(f"section:has(> ul[data-group='{way}'])")
    if not section.locator("> details[open]").count():
        section.locator("> details > summary").click()
    section.locator("> details").get_by_role("button", name=step, exact=True).click()
    settle(page)


def write(page: Page, anchor: str, text: str) -> None:
    page.locator(f"#{anchor}").fill(text)
    page.locator(f"#{anchor}").blur()
    settle(page)


def name_event(page: Page, anchor: str, name: str) -> None:
    page.locator(f"#{anchor}").click()
    settle(page)
    pick(page, name)


def test_an_abandoned_basket_is_built_and_saved_without_json(flow: Page) -> None:
    name_event(flow, "f-trigger-name", "Product Added")
    add(flow, "steps", "+ Wait for an event")
    name_event(flow, "f-steps-0-event-name", "Order Completed")
    add(flow, "steps[0].else", "+ Wait")
    wait = flow.locator("[data-node='steps[0].else[0]']")
    wait.get_by_role("button", name="+ until").click()
    settle(flow)
    wait.get_by_role("button", name="Remove: for").click()
    settle(flow)
    add(flow, "steps[0].else", "+ If")
    choice = flow.locator("[data-node='steps[0].else[1]']")
    choice.locator("details.t-palette summary", has_text="condition").first.click()
    choice.get_by_role("button", name="+ Trait", exact=True).first.click()
    settle(flow)
    name_event(flow, "f-steps-0-else-1-test-children-0-key", "city")
    write(flow, "f-steps-0-else-1-test-children-0-value", "Lyon")
    add(flow, "steps[0].else[1].then", "+ Send a mail")
    name_event(flow, "f-steps-0-else-1-then-0-template", "basket")
    for rule in ("+ Coming again", "+ Cap on messages"):
        flow.get_by_role("button", name=rule).click()
        settle(flow)
    write(flow, "f-cap-most", "2")
    built = definition_in(flow)
    (choice_step,) = built["steps"][0]["else"][1:]
    choice_step["test"] = choice_step["test"]["children"][0]
    assert built == BASKET
    rail = flow.locator("#trial")
    expect(rail).to_contain_text("wait for “Order Completed”, at most 3 days")
    expect(rail).not_to_contain_text("This cannot be published yet")
    flow.locator("#id_key").fill("basket")
    flow.locator("#id_name").fill("Basket")
    flow.locator("#id_purpose").select_option(index=1)
    flow.get_by_role("button", name="Make").click()
    expect(flow.get_by_role("heading", name="Basket", exact=True)).to_be_visible()
    saved = Automation.objects.get(key="basket").definition
    assert parse_automation(saved).trigger == parse_automation(BASKET).trigger


def test_steps_are_moved_and_undone_by_keyboard(flow: Page) -> None:
    for step in ("+ Wait", "+ If", "+ Put on a list"):
        add(flow, "steps", step)
    flow.locator("#n-steps-0").focus()
    flow.keyboard.press("Alt+ArrowRight")
    assert [step["type"] for step in definition_in(flow)["steps"]] == ["if", "add_to_list"]
    flow.keyboard.press("Alt+ArrowLeft")
    assert [step["type"] for step in definition_in(flow)["steps"]] == ["if", "wait", "add_to_list"]
    flow.keyboard.press("Alt+ArrowDown")
    assert [step["type"] for step in definition_in(flow)["steps"]] == ["if", "add_to_list", "wait"]
    status = flow.locator("[role=status][aria-live]").first
    assert status.inner_text() == "moved to place 3 of 3"
    flow.keyboard.press("Control+d")
    flow.keyboard.press("Delete")
    assert [step["type"] for step in definition_in(flow)["steps"]] == ["if", "add_to_list", "wait"]
    for _ in range(5):
        flow.keyboard.press("Control+z")
        settle(flow)
    assert [step["type"] for step in definition_in(flow)["steps"]] == ["wait", "if", "add_to_list"]
    expect(flow.locator("#trial")).to_contain_text("This cannot be published yet")
