"""The newsletter: subscribers with their consents, and what they open and click of an issue every two weeks."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from config.demo.people import DemoPerson
from config.demo.wire import Days, DemoMessage, dice, message

SOURCE = "newsletter"
ISSUES = 13
DAYS_BETWEEN_ISSUES = 14
SENT_AT = 9 * 3600
RENEWED_AFTER = (330, 380)


def newsletter_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """A subscription with what was permitted, then reading, renewing and, for some, leaving."""
    subscribed_on = person.subscribed_on
    if subscribed_on is None:
        return
    rng = dice(person.number, SOURCE)
    keenness = rng.betavariate(1.2, 3)
    noon = 12 * 3600 + rng.randrange(6 * 3600)
    subscribed_at = days.moment(subscribed_on, noon)
    consents = {"newsletter": True, "targeted_advertising": rng.random() < 0.55}
    yield _preferences(person, "subscribed", subscribed_at, consents)
    left_on = _left_on(rng, subscribed_on, days)
    renewed_on = subscribed_on + timedelta(days=rng.randrange(*RENEWED_AFTER))
    if renewed_on < (left_on or days.today) and keenness > 0.2:
        at = days.moment(renewed_on, noon)
        yield _preferences(person, "renewed", at, {"newsletter": True})
    yield from _reading(person, days, rng, keenness, subscribed_on, left_on)
    if left_on is not None:
        yield _unsubscribed(person, days.moment(left_on, noon))


def _left_on(rng: random.Random, subscribed_on: date, days: Days) -> date | None:
    if rng.random() >= 0.15:
        return None
    return days.clip(subscribed_on + timedelta(days=rng.randrange(5, 400)))


def _reading(
    person: DemoPerson,
    days: Days,
    rng: random.Random,
    keenness: float,
    subscribed_on: date,
    left_on: date | None,
) -> Iterator[DemoMessage]:
    """Opening an issue soon after it was sent, and sometimes a link in it."""
    for issue in range(ISSUES, 0, -1):
        sent_on = days.ago(issue * DAYS_BETWEEN_ISSUES - 11)
        if not subscribed_on < sent_on < (left_on or days.today) or rng.random() > keenness:
            continue
        opened_at = days.moment(sent_on, SENT_AT + int(rng.expovariate(1 / 14_400)) % 43_200)
        yield _event(person, "Email Opened", opened_at, issue)
        if rng.random() < 0.25:
            clicked_at = opened_at + timedelta(seconds=rng.randrange(5, 300))
            yield _event(person, "Email Link Clicked", clicked_at, issue)


def _event(person: DemoPerson, event: str, at: datetime, issue: int) -> DemoMessage:
    return message(
        SOURCE,
        f"{event.split()[-1].lower()}-{issue}-{person.number}",
        at,
        type="track",
        event=event,
        anonymousId=_subscriber(person),
        properties={"campaign_id": f"issue-{issue:02}", "campaign_name": "New records"},
    )


def _preferences(
    person: DemoPerson, name: str, at: datetime, consents: dict[str, bool]
) -> DemoMessage:
    return message(
        SOURCE,
        f"{name}-{person.number}",
        at,
        type="identify",
        anonymousId=_subscriber(person),
        traits={"email": person.email, "language": person.locale.partition("-")[0]},
        context={"consent": {"categoryPreferences": consents}, "locale": person.locale},
    )


def _unsubscribed(person: DemoPerson, at: datetime) -> DemoMessage:
    return message(
        SOURCE,
        f"unsubscribed-{person.number}",
        at,
        type="track",
        event="Unsubscribed",
        anonymousId=_subscriber(person),
        context={"consent": {"categoryPreferences": {"newsletter": False}}},
    )


def _subscriber(person: DemoPerson) -> str:
    """The newsletter's own number of the subscriber."""
    return f"nl-{person.number:05}"
