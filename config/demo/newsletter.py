"""The newsletter: subscriptions with consents, and which issues are opened and clicked."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from config.demo.people import DemoPerson
from config.demo.wire import Days, DemoMessage, make_message, seeded_random

SOURCE = "newsletter"
# Half a year of issues.
ISSUES = 13
DAYS_BETWEEN_ISSUES = 14
# In seconds after midnight.
SENT_AT = 9 * 3600
# Days after which a consent is renewed, shortly before its 13 months are over.
RENEWED_AFTER = (330, 380)


def newsletter_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """Yield the subscription and its consents, what is read, and the end of the subscription."""
    subscribed_on = person.subscribed_on
    if subscribed_on is None:
        return
    rng = seeded_random(person.number, SOURCE)
    # The share of issues that the person opens.
    open_rate = rng.betavariate(1.2, 3)
    afternoon = 12 * 3600 + rng.randrange(6 * 3600)
    subscribed_at = days.moment(subscribed_on, afternoon)
    consents = {"newsletter": True, "targeted_advertising": rng.random() < 0.55}
    yield _preferences(person, "subscribed", subscribed_at, consents)
    unsubscribed_on = _unsubscription_day(rng, subscribed_on, days)
    renewed_on = subscribed_on + timedelta(days=rng.randrange(*RENEWED_AFTER))
    if renewed_on < (unsubscribed_on or days.today) and open_rate > 0.2:
        at = days.moment(renewed_on, afternoon)
        yield _preferences(person, "renewed", at, {"newsletter": True})
    yield from _read_issues(person, days, rng, open_rate, subscribed_on, unsubscribed_on)
    if unsubscribed_on is not None:
        yield _unsubscribed(person, days.moment(unsubscribed_on, afternoon))


def _unsubscription_day(rng: random.Random, subscribed_on: date, days: Days) -> date | None:
    if rng.random() >= 0.15:
        return None
    return days.clip(subscribed_on + timedelta(days=rng.randrange(5, 400)))


def _read_issues(
    person: DemoPerson,
    days: Days,
    rng: random.Random,
    open_rate: float,
    subscribed_on: date,
    unsubscribed_on: date | None,
) -> Iterator[DemoMessage]:
    """Yield that the person opened an issue soon after it was sent, and perhaps clicked a link."""
    for issue in range(ISSUES, 0, -1):
        # The last issue was sent three days ago.
        sent_on = days.ago(issue * DAYS_BETWEEN_ISSUES - 11)
        is_subscribed = subscribed_on < sent_on < (unsubscribed_on or days.today)
        if not is_subscribed or rng.random() > open_rate:
            continue
        opened_at = days.moment(sent_on, SENT_AT + int(rng.expovariate(1 / 14_400)) % 43_200)
        yield _event(person, "Email Opened", opened_at, issue)
        if rng.random() < 0.25:
            clicked_at = opened_at + timedelta(seconds=rng.randrange(5, 300))
            yield _event(person, "Email Link Clicked", clicked_at, issue)


def _event(person: DemoPerson, event: str, at: datetime, issue: int) -> DemoMessage:
    return make_message(
        SOURCE,
        f"{event.split()[-1].lower()}-{issue}-{person.number}",
        at,
        type="track",
        event=event,
        anonymousId=_subscriber_id(person),
        properties={"campaign_id": f"issue-{issue:02}", "campaign_name": "New records"},
    )


def _preferences(
    person: DemoPerson, name: str, at: datetime, consents: dict[str, bool]
) -> DemoMessage:
    return make_message(
        SOURCE,
        f"{name}-{person.number}",
        at,
        type="identify",
        anonymousId=_subscriber_id(person),
        traits={"email": person.email, "language": person.locale.partition("-")[0]},
        context={"consent": {"categoryPreferences": consents}, "locale": person.locale},
    )


def _unsubscribed(person: DemoPerson, at: datetime) -> DemoMessage:
    return make_message(
        SOURCE,
        f"unsubscribed-{person.number}",
        at,
        type="track",
        event="Unsubscribed",
        anonymousId=_subscriber_id(person),
        context={"consent": {"categoryPreferences": {"newsletter": False}}},
    )


def _subscriber_id(person: DemoPerson) -> str:
    """Return the number that the newsletter itself gave to the subscriber."""
    return f"nl-{person.number:05}"
