"""Consent over time: given and withdrawn by day, what ends soon, and notices without a text."""

from datetime import timedelta

import pytest
from django.urls import reverse

from consent.services import add_notice, consent_trends, lacking_texts, record
from profiles.lib.database import database_now
from tests.admin import make_world, sign_in
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_profile, make_purpose

pytestmark = pytest.mark.django_db


def test_given_and_withdrawn_are_counted_by_the_day_on_which_they_came() -> None:
    make_purpose("newsletter")
    make_purpose("orders", legal_basis="contract")
    now = database_now()
    for number, (days, state) in enumerate(
        [(0, "given"), (0, "given"), (3, "withdrawn"), (29, "refused"), (31, "given")]
    ):
        at = now - timedelta(days=days)
        profile = make_profile(f"user_id:{number}")
        record(consent_input(profile, state, occurred_at=at, received_at=at))
    [trend] = consent_trends(now=now)
    assert (trend.key, trend.given, trend.withdrawn) == ("newsletter", 2, 2)
    assert [(day.given, day.withdrawn) for day in trend.days if any(day[1:])] == [
        (0, 1),
        (0, 1),
        (2, 0),
    ]
    assert len(trend.days) == 30


def test_consents_that_end_within_thirty_days_are_counted() -> None:
    make_purpose("newsletter")
    now = database_now()
    for number, days in enumerate((-1, 5, 29, 40)):
        profile = make_profile(f"user_id:{number}")
        until = now + timedelta(days=days)
        at = now - timedelta(days=60)
        record(consent_input(profile, occurred_at=at, received_at=at, valid_until=until))
    [trend] = consent_trends(now=now)
    assert trend.ends_soon == 2


def test_a_notice_whose_text_is_not_shown_yet_lacks_one() -> None:
    now = database_now()
    for language, days in (("en", -1), ("fr", 1)):
        at = now + timedelta(days=days)
        add_notice(key="signup", language=language, content="Words.", shown_from=at, actor=TESTER)
    assert lacking_texts(now=now) == [("signup", "fr")]
    assert lacking_texts(now=now + timedelta(days=2)) == []


def test_the_page_draws_it_and_the_proof_is_two_clicks_from_the_person() -> None:
    world = make_world(people=1)
    officer = sign_in("privacy officer")
    page = officer.get(reverse("admin:consent_purpose_consents")).content.decode()
    assert "1 given" in page
    assert "t-flows" in page
    person = officer.get(
        reverse("admin:profiles_profile_change", args=[world["profile"].pk])
    ).content.decode()
    assert "/proof/" in person
    assert sign_in("marketer").get(reverse("admin:consent_purpose_consents")).status_code == 403
