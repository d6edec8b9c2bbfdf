"""`script/screenshots`: pages of segments and automations as pictures, for people to look at."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The driver runs an event loop in this thread, where Django would refuse its connection.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.urls import reverse  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from segments.models import Automation, Segment  # noqa: E402
from tests.browser.chromium import CHROMIUM  # noqa: E402

TABS = ("overview", "people", "profile", "overlap", "change", "export", "use", "versions")
WIDE, NARROW = 1440, 390


class Look(NamedTuple):
    """How a page is looked at."""

    name: str
    width: int
    theme: Literal["light", "dark"]
    language: str


LOOKS = (
    Look("light", WIDE, "light", "en-GB"),
    Look("dark", WIDE, "dark", "en-GB"),
    Look("narrow", NARROW, "light", "en-GB"),
    Look("french", WIDE, "light", "fr-FR"),
)


def pages() -> Iterator[tuple[str, str]]:
    """Yield a name and an address for each page: one with much on it, one with nothing."""
    yield "home", reverse("admin:index")
    yield "segments", reverse("admin:segments_segment_changelist")
    yield "new", reverse("admin:segments_segment_add")
    yield "templates", reverse("admin:segments_segment_templates")
    yield "automation-new", reverse("admin:segments_automation_add")
    for automation in Automation.objects.order_by("pk")[:1]:
        for page in ("change", "edit"):
            url = reverse(f"admin:segments_automation_{page}", args=[automation.pk])
            yield f"automation-{page}", url
    live = Segment.objects.filter(status="live")
    found = {"full": live.order_by("-size").first(), "empty": live.order_by("size").first()}
    for state, segment in found.items():
        for tab in TABS if segment else ():
            yield f"{tab}-{state}", reverse(f"admin:segments_segment_{tab}", args=[segment.pk])


def draw(browser: Browser, site: str, out: Path, look: Look, session: str) -> None:
    context = browser.new_context(
        base_url=site,
        viewport={"width": look.width, "height": 900},
        locale=look.language,
        color_scheme=look.theme,
    )
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    tab = context.new_page()
    for name, url in pages():
        tab.goto(url)
        tab.wait_for_load_state("networkidle")
        tab.screenshot(path=out / f"{name}-{look.name}.png", full_page=True)
    draw_fault(tab, out / f"fault-{look.name}.png")
    context.close()


def draw_fault(tab: Page, path: Path) -> None:
    """Draw the builder with a definition that cannot be saved."""
    tab.goto(reverse("admin:segments_segment_add"))
    tab.wait_for_load_state("networkidle")
    tab.get_by_role("button", name="JSON").click()
    tab.locator("[name=definition]").fill('{"type": "trait", "key": "city", "operator": "near"}')
    tab.locator("[name=definition]").blur()
    tab.wait_for_load_state("networkidle")
    tab.screenshot(path=path, full_page=True)


def main(site: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    user = User.objects.filter(is_superuser=True, is_active=True).first()
    if user is None:
        sys.exit("There is no administrator: start script/server first.")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
            )
            for look in LOOKS:
                draw(browser, site, out, look, str(session.session_key))
            browser.close()
    finally:
        session.delete()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
