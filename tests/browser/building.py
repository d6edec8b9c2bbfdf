"""What somebody does with a builder: the choice of a suggestion, and the wait for an answer."""

import json
from typing import Any

from playwright.sync_api import Page


def definition_in(page: Page) -> Any:
    settle(page)
    return json.loads(page.locator("[name=definition]").input_value())


def pick(page: Page, value: str) -> None:
    page.locator("[role=option]", has_text=value).first.click()
    page.wait_for_load_state("networkidle")
    settle(page)


def settle(page: Page) -> None:
    # By the clock of the page, whose timers send what was typed, however slow the machine is.
    page.evaluate("new Promise((done) => setTimeout(done, 300))")
    page.wait_for_function("!document.querySelector('.htmx-request, [aria-busy=true]')")
