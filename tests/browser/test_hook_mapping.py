"""The mapping of a webhook in a browser: it is shown live, and typing goes on meanwhile."""

from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.chromium import needs_chromium

pytestmark = needs_chromium
SAMPLE = """{"type": "order.paid", "id": "7", "created": 1772359200, "customer":
 {"id": 12, "email": "ada@example.org"}, "total": 19.9}"""


def test_a_pasted_delivery_is_mapped_while_somebody_types(tab: Page) -> None:
    tab.goto(reverse("admin:ingestion_hook_own"))
    tab.get_by_label("A delivery, as JSON").fill(SAMPLE)
    tab.get_by_role("button", name="Propose a mapping").click()
    outcome = tab.locator("[aria-live=polite]", has_text="becomes 1 message")
    expect(outcome).to_contain_text("Order Paid")
    expect(outcome).to_contain_text("2026-03-01T10:00:00")
    expect(outcome).to_contain_text("19.9")
    # A fault comes to its field, and whoever types is not interrupted.
    time = tab.get_by_label("When it was so")
    time.fill("moment(created)")
    expect(tab.locator("#id_facts-0-time_fault")).to_have_text("There is no function moment.")
    expect(time).to_be_focused()
    expect(time).to_have_value("moment(created)")
    time.fill("epoch(created)")
    expect(tab.locator("#id_facts-0-time_fault")).to_be_empty()
    expect(outcome).to_be_visible()
    # By keyboard alone: one more message below.
    tab.get_by_role("button", name="One more message").press("Enter")
    expect(tab.get_by_role("heading", name="Message 2")).to_be_visible()
    expect(tab.get_by_label("When it was so").first).to_have_value("epoch(created)")
