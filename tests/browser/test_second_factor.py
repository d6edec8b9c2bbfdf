"""Staff set up a second factor in a browser."""

import base64
import time

from django_otp.oath import TOTP
from playwright.sync_api import Page

from tests.browser.chromium import needs_chromium


@needs_chromium
def test_a_second_factor_is_set_up_by_what_the_page_shows(tab: Page) -> None:
    tab.goto("/admin/second-factor/setup/")
    assert tab.locator(".t-factor-picture svg").is_visible()
    tab.get_by_text("Type it in instead").click()
    secret = tab.locator(".t-secret").inner_text().replace(" ", "")
    totp = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)))
    totp.time = time.time()
    tab.get_by_label("Code").fill(f"{totp.token():06}")
    tab.get_by_role("button", name="Set it up").click()
    assert tab.locator(".t-factor-codes li").count() == 10
    tab.get_by_role("link", name="I have kept them").click()
    tab.wait_for_url("**/admin/")
