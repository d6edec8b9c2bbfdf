"""The admin in a real browser, headless: pages draw, scripts run without a fault, and nothing is fetched from elsewhere."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from tests.admin import make_world, sign_in

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: no page was drawn in a browser."
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--virtual-time-budget=5000", "--window-size=1440,1000"),
)
FAULT = re.compile(r"CONSOLE.*(?:Uncaught|Refused|Failed to load|SyntaxError|TypeError).*")
ELSEWHERE = re.compile(
    r"""(?:src|href|action)=["'](?:https?:)?//(?!127\.0\.0\.1|localhost)[^"']+"""
)
Answer = Callable[[HttpRequest], HttpResponse]


def signed_in(get_response: Answer) -> Answer:
    """Middleware of these tests alone: every request is the owner's."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.user = User.objects.get(username="owner")
        return get_response(request)

    return answer


@pytest.fixture
def server(committing_db: str, settings: Any, django_db_blocker: Any) -> Iterator[LiveServer]:
    """The site on a port of its own, over a database that may commit."""
    place = settings.MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware")
    own = f"{__name__}.signed_in"
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[: place + 1],
        own,
        *settings.MIDDLEWARE[place + 1 :],
    ]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    with django_db_blocker.unblock():
        User.objects.create_superuser("owner")
        live = LiveServer("127.0.0.1")
        try:
            yield live
        finally:
            live.stop()


def drawn(url: str, home: Path) -> str:
    """The page as it is once its scripts have run. Fails where a script does."""
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={home}", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    faults = [line for line in FAULT.findall(done.stderr) if "favicon" not in line]
    assert not faults, faults
    assert not ELSEWHERE.findall(done.stdout), ELSEWHERE.findall(done.stdout)
    return done.stdout


def main_pages(world: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The pages that people work in, and what each must show."""
    return {
        reverse("admin:index"): ("t-bars", "Segments that moved", "overdue|days left"),
        reverse("admin:profiles_profile_changelist"): ("Lovelace", "2 people"),
        reverse("admin:profiles_profile_change", args=[world["profile"].pk]): (
            *("t-graph", "Order Completed", "permitted", "From Lyon"),
        ),
        reverse("admin:segments_segment_change", args=[world["segment"].pk]): (
            *("t-curve", "t-definition", "hx-post", "Lovelace"),
        ),
        reverse("admin:consent_privacyrequest_change", args=[world["request"].pk]): ("Act now",),
    }


@pytest.mark.django_db
def test_no_page_names_anything_elsewhere() -> None:
    world, client = make_world(), sign_in()
    for url in [*main_pages(world), reverse("admin:login")]:
        page = client.get(url, follow=True).content.decode()
        assert "</html>" in page
        assert not ELSEWHERE.findall(page), url


@needs_chromium
def test_the_main_pages_draw_without_a_fault_and_without_the_outside(
    server: LiveServer, tmp_path: Path
) -> None:
    for url, expected in main_pages(make_world()).items():
        page = drawn(f"{server.url}{url}", tmp_path / "home")
        for pattern in expected:
            assert re.search(pattern, page), (url, pattern)
