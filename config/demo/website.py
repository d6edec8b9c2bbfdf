"""The website: visits of browsers, before and after signing in.

Its key is public, so that all its messages are claims.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.demo.people import HAS_MANY_BROWSERS, DemoPerson
from config.demo.shop import CURRENCY, ordered_at
from config.demo.wire import Days, DemoMessage, decimal_amount, make_message, seeded_random
from config.demo.words import CATEGORIES, DEVICES, RECORD_ADJECTIVES, RECORD_NOUNS

SOURCE = "web"
CONSENT_EVENT = "Segment Consent Preference Updated"
# There are visits without an order in the last 45 days, and visits before orders in the last 120.
BROWSING_DAYS, ORDERING_DAYS = 45, 120


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. `viewed` and `added` count products: looked at, and put into the basket.

    `browser` is the index of the person's browser.
    """

    name: str
    browser: int
    began_at: datetime
    viewed: int
    added: int
    signs_in: bool
    signs_up: bool = False


def web_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """Yield the messages of all visits of a person, visit by visit in order of time."""
    rng = seeded_random(person.number, SOURCE)
    is_opted_out = rng.random() < 0.02
    # A browser may be asked for consent on its first visit only.
    seen_browsers: set[int] = set()
    for visit in sorted(_visits(person, days, rng), key=lambda visit: visit.began_at):
        is_first_visit = visit.browser not in seen_browsers
        yield from _VisitMessages(person, visit, is_opted_out, rng).messages(
            may_ask_for_consent=is_first_visit
        )
        seen_browsers.add(visit.browser)


def _visits(person: DemoPerson, days: Days, rng: random.Random) -> Iterator[Visit]:
    yield from _visits_before_orders(person, days, rng)
    if person.is_one_of(HAS_MANY_BROWSERS):
        # One visit from each, signed in, so that all of them are known to be the person's.
        for browser in range(len(person.browsers)):
            yield _browsing_visit(f"b{browser}", browser, days, rng, signs_in=True)
    if person.signed_up_on is not None:
        began_at = days.moment(person.signed_up_on, _time_of_day(rng))
        yield Visit("signup", 0, began_at, rng.randrange(1, 4), 0, signs_in=True, signs_up=True)
    for place in range(_count_browsing_visits(person, days, rng)):
        browser = rng.randrange(len(person.browsers))
        signs_in = person.user_id is not None and rng.random() < 0.45
        yield _browsing_visit(f"v{place}", browser, days, rng, signs_in=signs_in)


def _visits_before_orders(person: DemoPerson, days: Days, rng: random.Random) -> Iterator[Visit]:
    """Yield the visit before each recent order, in which products are viewed and added."""
    for purchase in person.purchases:
        if purchase.day < days.ago(ORDERING_DAYS) or rng.random() > 0.7:
            continue
        began_at = ordered_at(purchase, days) - timedelta(seconds=rng.randrange(400, 2400))
        browser = rng.randrange(len(person.browsers))
        viewed = rng.randrange(1, 4)
        added = rng.randrange(1, viewed + 1)
        signs_in = rng.random() < 0.7
        yield Visit(f"o{purchase.number}", browser, began_at, viewed, added, signs_in)


def _count_browsing_visits(person: DemoPerson, days: Days, rng: random.Random) -> int:
    """Return how many visits without an order there are: likelier after a recent order."""
    if person.is_customer:
        last_order_on = person.purchases[-1].day
        is_recent, is_of_last_year = last_order_on > days.ago(120), last_order_on > days.ago(365)
        probability = 0.45 if is_recent else 0.2 if is_of_last_year else 0.05
    else:
        # Of a visitor nothing but visits is known, so that there is at least one.
        probability = 0.35 if person.in_crm_since or person.subscribed_on else 1.0
    return rng.randrange(1, 4) if rng.random() < probability else 0


def _browsing_visit(
    name: str, browser: int, days: Days, rng: random.Random, *, signs_in: bool
) -> Visit:
    began_at = days.moment(days.ago(rng.randrange(1, BROWSING_DAYS)), _time_of_day(rng))
    viewed = rng.randrange(1, 6)
    return Visit(name, browser, began_at, viewed, int(rng.random() < 0.3), signs_in)


def _time_of_day(rng: random.Random) -> int:
    """Return seconds after midnight, mostly in the evening; a visit ends on the same day."""
    return round(rng.triangular(7 * 3600, 23 * 3600, 20 * 3600))


class _VisitMessages:
    """Makes the messages of one visit. After signing in, each has the user id."""

    def __init__(
        self, person: DemoPerson, visit: Visit, is_opted_out: bool, rng: random.Random
    ) -> None:
        self.person, self.visit, self.rng = person, visit, rng
        self.is_opted_out = is_opted_out
        self.at = visit.began_at
        self.count = 0
        self.user_id: str | None = None
        self.context = _context(person, visit.browser)

    def messages(self, *, may_ask_for_consent: bool) -> Iterator[DemoMessage]:
        products = [_product(self.rng) for _ in range(self.visit.viewed)]
        yield self._message(type="page", name="Category", properties={"path": "/records"})
        # A browser that sends Sec-GPC has refused already.
        if may_ask_for_consent and not self.is_opted_out and self.rng.random() < 0.4:
            yield self._consent()
        if self.visit.signs_in:
            yield from self._sign_in()
        for product in products:
            yield self._message(type="track", event="Product Viewed", properties=product)
        for product in products[: self.visit.added]:
            added = {**product, "quantity": 1}
            yield self._message(type="track", event="Product Added", properties=added)

    def _sign_in(self) -> Iterator[DemoMessage]:
        self.user_id = self.person.user_id
        traits: dict[str, str] = {}
        draw = self.rng.random()
        if self.visit.signs_up or draw < 0.3:
            traits = {"email": self.person.email}
        elif draw < 0.33:
            # A typing error: the claim contradicts the address that the shop has, and is refused.
            traits = {"email": f"typo.{self.person.email}"}
        yield self._message(type="identify", traits=traits)
        if self.visit.signs_up:
            yield self._message(type="track", event="Signed Up", properties={"method": "email"})

    def _consent(self) -> DemoMessage:
        consents = {"targeted_advertising": self.rng.random() < 0.4}
        context = {**self.context, "consent": {"categoryPreferences": consents}}
        return self._message(type="track", event=CONSENT_EVENT, context=context)

    def _message(self, **fields: object) -> DemoMessage:
        """Return the next message of the visit, some seconds after the last one."""
        self.at += timedelta(seconds=self.rng.randrange(3, 60))
        self.count += 1
        return make_message(
            SOURCE,
            f"{self.person.number}-{self.visit.name}-{self.count}",
            self.at,
            is_opted_out=self.is_opted_out,
            anonymousId=str(self.person.browsers[self.visit.browser]),
            userId=self.user_id,
            **{"context": self.context, **fields},
        )


def _context(person: DemoPerson, browser: int) -> Mapping[str, Any]:
    """Return what the browser says about itself, which is the same on all visits."""
    rng = seeded_random(person.number, f"browser {browser}")
    device = rng.choices(DEVICES, [device.weight for device in DEVICES])[0]
    return {
        "device": {"type": device.type},
        "os": {"name": device.platform},
        "userAgentData": {
            "brands": [{"brand": device.browser, "version": "141"}],
            "mobile": device.type == "mobile",
            "platform": device.platform,
        },
        "locale": person.locale,
    }


def _product(rng: random.Random) -> Mapping[str, Any]:
    adjective, noun = rng.randrange(len(RECORD_ADJECTIVES)), rng.randrange(len(RECORD_NOUNS))
    # Each title is a product of its own.
    number = adjective * len(RECORD_NOUNS) + noun
    return {
        "product_id": f"CD-{number + 1:03}",
        "name": f"{RECORD_ADJECTIVES[adjective]} {RECORD_NOUNS[noun]}",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": decimal_amount(999 + 100 * (number % 11)),
        "currency": CURRENCY,
    }
