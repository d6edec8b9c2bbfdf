"""A company's own page shows what its customer allows, and keeps what they choose."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from consent.models import ConsentBody
from consent.services import make_deep_link, may_process
from tests.browser.chromium import needs_chromium
from tests.factories import TESTER, make_purpose, profile_of, send_messages

PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Account</title>
<meta name="viewport" content="width=device-width">
<script defer src="{home}/static/consent/preferences.js"></script></head>
<body style="font-family: sans-serif; margin: 2em"><h1>Your account</h1>
<tessera-preferences token="{token}"></tessera-preferences>
</body></html>"""


@pytest.fixture
def shop() -> Iterator[ThreadingHTTPServer]:
    """A site of the company's own, of which every address is `page`."""

    class Site(BaseHTTPRequestHandler):
        page = b""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(type(self).page)

        def log_message(self, *_: Any) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


def open_account(shop: Any, tab: Page, home: str, language: str = "en") -> str:
    """Open the page of a customer who is logged in there; return its origin."""
    token = make_deep_link("user_id:u1", actor=TESTER).token
    page = PAGE.format(home=home, token=token, language=language)
    shop.RequestHandlerClass.page = page.encode()
    origin = f"http://127.0.0.1:{shop.server_address[1]}"
    tab.goto(f"{origin}/account?secret=1")
    return origin


@pytest.fixture
def ada(server: Any) -> int:
    make_purpose("newsletter", title="Newsletter", text="We write once a week.")
    make_purpose("orders", title="Orders", legal_basis="contract")
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}})
    return profile_of("user_id:u1").pk


@needs_chromium
@pytest.mark.parametrize(("language", "kept"), [("en", "Kept."), ("fr", "Enregistré.")])
def test_a_choice_on_the_companys_page_is_kept(
    server: Any, tab: Page, shop: Any, ada: int, settings: Any, language: str, kept: str
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [f"http://127.0.0.1:{shop.server_address[1]}"]
    origin = open_account(shop, tab, server.url, language)
    newsletter = tab.get_by_role("switch", name="Newsletter")
    expect(newsletter).not_to_be_checked()
    expect(tab.get_by_role("switch", name="Orders")).to_be_disabled()
    # By keyboard, as without a mouse.
    newsletter.focus()
    tab.keyboard.press("Space")
    expect(tab.get_by_role("status")).to_have_text(kept)
    assert may_process(ada, "newsletter", at=timezone.now())
    evidence = {"page": f"{origin}/account", "title": "Newsletter", "text": "We write once a week."}
    assert ConsentBody.objects.get().evidence == {**evidence, "version": 1}
    expect(newsletter).to_be_focused()
    tab.keyboard.press("Space")
    expect(newsletter).not_to_be_checked()
    expect(tab.get_by_role("status")).to_have_text(kept)
    assert not may_process(ada, "newsletter", at=timezone.now())


@needs_chromium
def test_a_page_of_another_origin_reads_nothing(
    server: Any, tab: Page, shop: Any, ada: int, settings: Any
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://shop.example.org"]
    open_account(shop, tab, server.url)
    expect(tab.get_by_role("status")).to_contain_text("load this page anew")
    assert tab.get_by_role("switch").count() == 0
