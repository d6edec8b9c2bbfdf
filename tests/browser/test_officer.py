"""An officer's day in both languages: open, cool, stop, again, let it end, refuse, answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, end_cooling_times, open_request
from profiles.models import Profile
from tests.browser.chromium import needs_chromium
from tests.factories import TESTER, make_profile, make_purpose


class Desk:
    """What an officer clicks, by its words in their language."""

    def __init__(self, tab: Page, language: str) -> None:
        self.tab, self.language = tab, language

    def say(self, text: str, **values: str) -> str:
        with override(self.language):
            return str(gettext(text) % values if values else gettext(text))

    def follow(self, text: str) -> None:
        self.tab.locator("#content").get_by_role("link", name=self.say(text)).first.click()
        self.tab.wait_for_load_state("load")

    def press(self, text: str, **values: str) -> None:
        self.tab.get_by_role("button", name=self.say(text, **values)).first.click()
        self.tab.wait_for_load_state("load")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.tab.fill(f"#content [name={name}]", value)

    def shows(self, text: str) -> bool:
        return self.say(text) in self.tab.locator("#content").inner_text()


def open_erasure(desk: Desk, profile: Profile, reason: str) -> PrivacyRequest:
    desk.tab.goto(reverse("admin:profiles_profile_change", args=[profile.pk]))
    desk.follow("Privacy request")
    desk.tab.select_option("#content [name=kind]", "erasure")
    desk.fill(reason=reason)
    desk.press("Continue")
    with override(desk.language):
        kind = str(PrivacyRequest.Kind.ERASURE.label)
    desk.press("Open the request of %(kind)s", kind=kind)
    return PrivacyRequest.objects.get(reason=reason)


@needs_chromium
@pytest.mark.parametrize("language", ["en-gb", "fr"])
def test_an_officers_day(language: str, server: LiveServer, tab: Page, settings: Any) -> None:
    settings.ERASURE_COOLING_HOURS = 24
    make_purpose("newsletter")
    ada = make_profile("email:ada@example.org", traits={"first_name": "Ada"})
    bob = make_profile("email:bob@example.org", traits={"first_name": "Bob"})
    browser = tab.context.browser
    assert browser is not None
    context = browser.new_context(base_url=server.url, locale=language)
    desk = Desk(context.new_page(), language)

    stopped = open_erasure(desk, ada, "by letter")
    assert desk.shows("cooling off")
    assert Profile.objects.get(pk=ada.pk).is_restricted
    desk.follow("Stop")
    desk.fill(reason="not this Ada")
    desk.press("Stop the erasure")
    stopped.refresh_from_db()
    assert stopped.status == "cancelled"
    assert not Profile.objects.get(pk=ada.pk).is_restricted

    again = open_erasure(desk, ada, "by telephone")
    end_cooling_times(now=timezone.now() + timedelta(hours=25))
    act_on_requests()
    assert not Profile.objects.filter(pk=ada.pk).exists()
    desk.tab.goto(reverse("admin:consent_privacyrequest_change", args=[again.pk]))
    assert desk.shows("done")
    assert desk.shows("to be answered")
    desk.follow("Letter")
    desk.press("It was sent by letter")
    again.refresh_from_db()
    assert again.answered_by == "letter"

    new_request = NewRequest(kind="access", references=(f"profile:{bob.uuid}",), reason="again")
    refused = open_request(new_request, door="staff", actor=TESTER)
    desk.tab.goto(reverse("admin:consent_privacyrequest_changelist"))
    desk.tab.get_by_role("link", name="Bob").click()
    desk.press("Assign to me")
    desk.follow("Refuse")
    desk.fill(article="12(5)", reason="excessive")
    desk.press("Refuse")
    refused.refresh_from_db()
    assert (refused.status, refused.owner and refused.owner.username) == ("refused", "owner")

    desk.tab.goto(reverse("admin:consent_privacyrequest_changelist"))
    assert desk.shows("Closed lately")
    assert desk.shows("to be answered")
    desk.tab.goto(reverse("admin:consent_purpose_register"))
    assert desk.shows("Register of processing")
    assert "Newsletter" in desk.tab.locator("#content").inner_text()
    context.close()
