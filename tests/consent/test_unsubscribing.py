"""Unsubscribing by the link of a mail: one click, no session, at once."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from consent.models import ConsentEvent
from consent.services import (
    NewRequest,
    act_on_requests,
    find_subscription,
    may_process,
    open_request,
    record,
    unsubscribe_links,
)
from profiles.lib.database import database_now
from profiles.models import Profile
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_client, make_profile, make_purpose
from tests.tries import tries

pytestmark = pytest.mark.django_db
ADA = "email:ada@example.org"
LINKS = "/api/v1/consents/unsubscribe-links/"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def ada() -> Profile:
    make_purpose(is_direct_marketing=True)
    profile = make_profile(ADA)
    record(consent_input(profile, valid_until=None))
    return profile


def link_of(purpose: str = "newsletter") -> str:
    [link] = unsubscribe_links(purpose, [ADA])
    assert link is not None
    return link.removeprefix("http://localhost:8000")


def is_permitted(profile: Profile, purpose: str = "newsletter") -> bool:
    return may_process(profile.pk, purpose, at=database_now())


def test_the_api_gives_links_and_headers_for_whoever_sends(ada: Profile) -> None:
    body = {"purpose": "newsletter", "identifiers": [ADA, "email:nobody@example.org"]}
    known, unknown = make_client().post(LINKS, body).json()["results"]
    assert unknown is None
    assert known["headers"] == {
        "List-Unsubscribe": f"<{known['url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert "ada@" not in known["url"]
    assert link_of() == link_of()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"purpose": "unheard-of"}, "purpose"),
        ({"identifiers": ["nonsense"]}, "identifiers"),
        ({"identifiers": []}, "identifiers"),
    ],
)
def test_a_bad_request_for_links_is_refused(ada: Profile, change: Any, path: str) -> None:
    body = {"purpose": "newsletter", "identifiers": [ADA]} | change
    answer = make_client().post(LINKS, body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)


def test_looking_changes_nothing_and_one_click_withdraws(ada: Profile) -> None:
    link = link_of()
    for _ in range(10):
        assert Client().get(link).status_code == 200
    assert is_permitted(ada)
    # A mail program has no cookie and sends no token of a form.
    assert Client(enforce_csrf_checks=True).post(link, ONE_CLICK).status_code == 200
    assert not is_permitted(ada)
    event = ConsentEvent.objects.select_related("body").order_by("-seq")[0]
    assert (event.state, event.actor, event.method) == ("withdrawn", "subject", "button")
    assert event.body.evidence == {"place": "one click"}


def test_the_button_of_the_page_withdraws_too_in_both_languages(ada: Profile) -> None:
    link = link_of()
    assert "Do you want nothing more" in Client().get(link).content.decode()
    page = Client().get(link, headers={"accept-language": "fr"}).content.decode()
    assert "Se désabonner" in page
    done = Client().post(link)
    assert "takes effect at once" in done.content.decode()
    assert not is_permitted(ada)


def test_a_purpose_without_consent_is_objected_to(ada: Profile) -> None:
    make_purpose("offers", legal_basis="legitimate_interest", is_direct_marketing=True)
    assert is_permitted(ada, "offers")
    assert Client().post(link_of("offers"), ONE_CLICK).status_code == 200
    assert not is_permitted(ada, "offers")
    assert is_permitted(ada)


def test_the_link_of_an_old_mail_works_after_an_erasure_and_says_the_same(ada: Profile) -> None:
    link = link_of()
    before = Client().post(link, ONE_CLICK)
    request = NewRequest(kind="erasure", references=(ADA,), reason="asked")
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    after = Client().post(link, ONE_CLICK)
    assert (after.status_code, after.content) == (200, before.content)
    assert not Profile.objects.exists()


def test_a_link_is_of_this_installation_alone(ada: Profile, settings: Settings) -> None:
    link = link_of()
    settings.ADDRESS_KEY = "another"
    assert Client().post(link, ONE_CLICK).status_code == 404


@hypothesis_settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    token=st.text(max_size=80), place=st.integers(0, 60), letter=st.characters(max_codepoint=127)
)
def test_no_other_token_is_a_link(token: str, place: int, letter: str) -> None:
    assert find_subscription(token) is None
    with transaction.atomic():
        make_purpose()
        make_profile(ADA)
        assert_no_forgery(place, letter)
        transaction.set_rollback(True)


def assert_no_forgery(place: int, letter: str) -> None:
    real = link_of().split("/")[-2]
    forged = real[: place % len(real)] + letter + real[place % len(real) + 1 :]
    if forged != real:
        found = find_subscription(forged)
        # Base64 leaves bits of the last letter unused, so that some letters are alike.
        assert found is None or place % len(real) == len(real) - 1
