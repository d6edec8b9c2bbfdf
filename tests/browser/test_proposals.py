"""A steward answers proposals by the keyboard alone."""

from playwright.sync_api import Page

from tests.browser.chromium import needs_chromium
from tests.profiles.test_admin_proposals import make_proposal, page_of


@needs_chromium
def test_keys_try_go_on_and_answer_and_none_of_them_while_somebody_writes(tab: Page) -> None:
    first, second, third = (make_proposal(number, 0.9 - number / 100) for number in range(3))
    tab.goto(page_of(first))
    tab.keyboard.press("t")
    tab.wait_for_selector("[role=status]")
    tab.keyboard.press("j")
    tab.wait_for_url(f"**{page_of(second)}")
    tab.type("input[name=reason]", "no, by phone")
    assert tab.input_value("input[name=reason]") == "no, by phone"
    tab.keyboard.press("Tab")
    tab.keyboard.press("n")
    tab.wait_for_url(f"**{page_of(third)}")
    tab.keyboard.press("k")
    tab.wait_for_url(f"**{page_of(first)}")
    tab.keyboard.press("m")
    tab.wait_for_url(f"**{page_of(third)}")
    for row in (first, second, third):
        row.refresh_from_db()
    assert [row.state for row in (first, second, third)] == ["accepted", "declined", "open"]
