"""The site on a port of its own, and a browser that is signed in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.http import HttpRequest, HttpResponse
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.browser.chromium import CHROMIUM

View = Callable[[HttpRequest], HttpResponse]


def sign_in_as_owner(get_response: View) -> View:
    """Middleware of these tests: every request is the owner's, since the browser has no session."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.user = User.objects.get(username="owner")
        return get_response(request)

    return middleware


@pytest.fixture
def server(committing_db: str, settings: Any, django_db_blocker: Any) -> Iterator[LiveServer]:
    """The site, with a database that may commit."""
    place = settings.MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware")
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[: place + 1],
        f"{__name__}.{sign_in_as_owner.__name__}",
        *settings.MIDDLEWARE[place + 1 :],
    ]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    with django_db_blocker.unblock():
        User.objects.create_superuser("owner")
        live_server = LiveServer("127.0.0.1")
        try:
            yield live_server
        finally:
            live_server.stop()


@pytest.fixture
def tab(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A tab of Chromium at the site. The test fails if a script does."""
    # The driver runs an event loop in this thread, where Django would refuse its connection.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(
            base_url=server.url, viewport={"width": 1440, "height": 1000}, locale="en-GB"
        )
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        # Under the event loop of the driver Django keeps connections that nobody else closes.
        connections.close_all()
        browser.close()
    assert not errors, errors
