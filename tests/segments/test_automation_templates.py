"""The automations that are ready: each comes to its effect for people who are made up."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from consent.models import Purpose
from segments.services import (
    install_template,
    publish_automation,
    refresh_due,
    resume_rebuilds,
    templates,
    try_automation,
)
from tests.factories import TESTER, make_purpose, send_messages
from tests.segments.flows import ADA, ALWAYS_PERMITTED, do, pass_time, states, subjects

pytestmark = pytest.mark.django_db


@pytest.fixture
def purpose() -> Purpose:
    return make_purpose("service", now=timezone.now(), legal_basis=ALWAYS_PERMITTED)


def install(key: str, purpose: Purpose) -> None:
    row = install_template(key, purpose=purpose, actor=TESTER)
    # Tests run at any hour of the day.
    row.definition = {name: row.definition[name] for name in row.definition if name != "quiet"}
    row.save()
    resume_rebuilds()
    publish_automation(row, actor=TESTER)


@pytest.mark.parametrize("key", [each.key for each in templates()])
def test_each_template_is_whole_and_takes_a_made_up_person_to_its_end(
    key: str, purpose: Purpose
) -> None:
    row = install_template(key, purpose=purpose, actor=TESTER)
    row = publish_automation(row, actor=TESTER)
    trial = try_automation(row, traits=ADA, is_permitted=True, now=timezone.now())
    if key != "win-back":
        # Nobody who is made up is a member, which that one asks for.
        assert trial.state == "done"
    assert "mail" in {step.kind for step in trial.steps}
    assert mail.outbox == []


def test_the_welcome_series_has_three_mails_until_an_order(purpose: Purpose) -> None:
    install("welcome", purpose)
    do("Signed Up", "ada")
    do("Signed Up", "bob")
    pass_time()
    do("Order Completed", "bob")
    for days in (3.1, 10.2):
        pass_time(days=days)
    assert states() == [("done", ""), ("goal", "")]
    assert [message.to[0] for message in mail.outbox].count("ada@example.org") == 3


def test_a_basket_is_remembered_after_three_days_unless_it_was_bought(purpose: Purpose) -> None:
    install("abandoned-basket", purpose)
    for user in ("ada", "bob"):
        do("Product Added", user, cart_id=f"c-{user}")
        pass_time()
    do("Order Completed", "bob", cart_id="c-bob")
    pass_time(days=3.1)
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]


def test_a_birthday_is_greeted_at_nine(purpose: Purpose) -> None:
    install("birthday", purpose)
    today = timezone.localdate()
    send_messages(
        {
            "type": "identify",
            "userId": "ada",
            "traits": {
                **ADA,
                "birthday": today.replace(year=1990, day=min(today.day, 28)).isoformat(),
            },
        }
    )
    do("Looked", "ada")
    pass_time(days=1)
    assert subjects() == (["Happy birthday, Ada"] if today.day <= 28 else [])


def test_whoever_bought_nothing_for_long_is_won_back(purpose: Purpose) -> None:
    do("Order Completed", "ada", at=timezone.now() - timedelta(days=179, hours=23))
    install("win-back", purpose)
    refresh_due(now=timezone.now() + timedelta(hours=2))
    pass_time(hours=3)
    pass_time(days=15)
    assert subjects() == ["It has been a while", "Shall we stay in touch?"]


@pytest.mark.parametrize(
    ("key", "days", "subject"),
    [("cross-sell", 11, "What goes with your order"), ("review", 15, "How do you like it?")],
)
def test_after_an_order_something_follows(
    key: str, days: int, subject: str, purpose: Purpose
) -> None:
    install(key, purpose)
    do("Order Completed", order_id="o-1")
    pass_time()
    pass_time(days=days)
    assert subjects() == [subject]
