"""The admin in a headless browser: scripts run without errors, and nothing is fetched elsewhere."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from tests.admin import make_world, sign_in
from tests.browser.chromium import CHROMIUM, needs_chromium

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--window-size=1440,1000",
    # Chromium itself must not use the network either.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Errors of scripts are written to stderr.
    "--enable-logging=stderr",
    # Timers of scripts run for five virtual seconds, without waiting for them.
    "--virtual-time-budget=5000",
)
SCRIPT_ERROR = re.compile(
    r"CONSOLE.*(?:Uncaught|Refused|Content Security Policy|Failed to load|SyntaxError|TypeError).*"
)
# An address of a file, link or form on another host.
ELSEWHERE = re.compile(
    r"""(?:src|href|action)=["'](?:https?:)?//(?!127\.0\.0\.1|localhost)[^"']+"""
)
FAULT = "?source=shop&code=invalid&path=traits"


def draw(url: str, home: Path) -> str:
    """Return the page's HTML after its scripts have run. Fails if a script fails."""
    chromium = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={home}", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    errors = [line for line in SCRIPT_ERROR.findall(chromium.stderr) if "favicon" not in line]
    assert not errors, errors
    assert not ELSEWHERE.findall(chromium.stdout), ELSEWHERE.findall(chromium.stdout)
    return chromium.stdout


def main_pages(world: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the URLs of the main pages, and patterns that each page must contain."""
    return {
        reverse("admin:index"): ("t-bars", "Segments that moved", "overdue|days left"),
        reverse("admin:profiles_profile_changelist"): ("Lovelace", "[0-9]+ people"),
        reverse("admin:profiles_profile_change", args=[world["profile"].pk]): (
            "t-graph",
            "Order Completed",
            "permitted",
            "From Lyon",
        ),
        reverse("admin:segments_segment_change", args=[world["segment"].pk]): (
            "t-definition",
            "hx-post",
        ),
        reverse("admin:segments_segment_overview", args=[world["segment"].pk]): (
            "t-curve",
            "Lovelace",
        ),
        reverse("admin:segments_segment_people", args=[world["segment"].pk]): ("Lovelace",),
        reverse("admin:segments_segment_overlap", args=[world["segment"].pk]): ("t-upset",),
        reverse("admin:consent_privacyrequest_change", args=[world["request"].pk]): ("Act now",),
        reverse("admin:profiles_source_change", args=[world["source"].pk]): (
            "t-light",
            "YOUR_WRITE_KEY",
            "Signing secrets",
        ),
        reverse("admin:profiles_source_live", args=[world["source"].pk]): ("ada@example.org",),
        reverse("admin:ingestion_rejectedmessage_change", args=[world["rejected"].pk]): (
            "id_body",
            "Save and send again",
        ),
        reverse("admin:ingestion_rejectedmessage_fault") + FAULT: ("One rule for all of them",),
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
    for url, patterns in main_pages(make_world()).items():
        page = draw(f"{server.url}{url}", tmp_path / "home")
        for pattern in patterns:
            assert re.search(pattern, page), (url, pattern)


@needs_chromium
def test_the_log_in_and_the_page_of_the_api_draw_under_their_policies(
    server: LiveServer, tmp_path: Path
) -> None:
    for url, pattern in ((reverse("docs"), "swagger-ui"), (reverse("admin:login"), "Tessera")):
        assert re.search(pattern, draw(f"{server.url}{url}", tmp_path / "home")), url
