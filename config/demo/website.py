"""The website: visits by browser, before and after signing in, told with a public key, so that all it says is a claim."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.demo.people import BROWSER_LOVER, DemoPerson
from config.demo.shop import CURRENCY, ordered_at
from config.demo.wire import Days, DemoMessage, amount, dice, message
from config.demo.words import CATEGORIES, DEVICES, RECORD_MOODS, RECORD_THINGS

SOURCE = "web"
CONSENT_EVENT = "Segment Consent Preference Updated"
# Visits are told of so many days; sessions that lead to an order, of a little more than two seasons.
BROWSED_DAYS, ORDERED_DAYS = 45, 120


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: from which browser, when, how much was looked at, and whether the person signed in."""

    name: str
    browser: int
    began_at: datetime
    viewed: int
    added: int
    signs_in: bool
    signs_up: bool = False


def web_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """All visits of a person, in order of time, so that each browser asks for consent at its first one."""
    rng = dice(person.number, SOURCE)
    is_opted_out = rng.random() < 0.02
    asked: set[int] = set()
    for visit in sorted(_visits(person, days, rng), key=lambda visit: visit.began_at):
        yield from _Telling(person, visit, is_opted_out, rng).messages(
            asks=visit.browser not in asked
        )
        asked.add(visit.browser)


def _visits(person: DemoPerson, days: Days, rng: random.Random) -> Iterator[Visit]:
    yield from _before_orders(person, days, rng)
    if person.is_every(BROWSER_LOVER):
        for browser in range(len(person.browsers)):
            yield _browsing(f"b{browser}", browser, days, rng, signs_in=True)
    if person.signed_up_on is not None:
        began_at = days.moment(person.signed_up_on, _hour(rng))
        yield Visit("signup", 0, began_at, rng.randrange(1, 4), 0, signs_in=True, signs_up=True)
    for place in range(_visits_without_order(person, days, rng)):
        browser = rng.randrange(len(person.browsers))
        knows = person.user_id is not None and rng.random() < 0.45
        yield _browsing(f"v{place}", browser, days, rng, signs_in=knows)


def _before_orders(person: DemoPerson, days: Days, rng: random.Random) -> Iterator[Visit]:
    """What was looked at and put in the basket before an order."""
    for purchase in person.purchases:
        if purchase.day < days.ago(ORDERED_DAYS) or rng.random() > 0.7:
            continue
        began_at = ordered_at(purchase, days) - timedelta(seconds=rng.randrange(400, 2400))
        browser = rng.randrange(len(person.browsers))
        viewed = rng.randrange(1, 4)
        added = rng.randrange(1, viewed + 1)
        yield Visit(f"o{purchase.number}", browser, began_at, viewed, added, rng.random() < 0.7)


def _visits_without_order(person: DemoPerson, days: Days, rng: random.Random) -> int:
    """The more recent the last order, the likelier a visit."""
    if person.is_customer:
        last = person.purchases[-1].day
        chance = 0.45 if last > days.ago(120) else 0.2 if last > days.ago(365) else 0.05
    else:
        chance = 0.35 if person.in_crm_since or person.subscribed_on else 1.0
    return rng.randrange(1, 4) if rng.random() < chance else 0


def _browsing(name: str, browser: int, days: Days, rng: random.Random, *, signs_in: bool) -> Visit:
    began_at = days.moment(days.ago(rng.randrange(1, BROWSED_DAYS)), _hour(rng))
    viewed = rng.randrange(1, 6)
    return Visit(name, browser, began_at, viewed, int(rng.random() < 0.3), signs_in)


def _hour(rng: random.Random) -> int:
    """A time of the day, mostly in the evening; early enough for the visit to end on that day."""
    return round(rng.triangular(7 * 3600, 23 * 3600, 20 * 3600))


class _Telling:
    """One visit while it is told: the clock goes on, and after signing in the user id comes with everything."""

    def __init__(
        self, person: DemoPerson, visit: Visit, is_opted_out: bool, rng: random.Random
    ) -> None:
        self.person, self.visit, self.rng = person, visit, rng
        self.is_opted_out = is_opted_out
        self.at = visit.began_at
        self.count = 0
        self.user_id: str | None = None
        self.context = _context(person, visit.browser)

    def messages(self, *, asks: bool) -> Iterator[DemoMessage]:
        products = [_product(self.rng) for _ in range(self.visit.viewed)]
        yield self._tell(type="page", name="Category", properties={"path": "/records"})
        if asks and not self.is_opted_out and self.rng.random() < 0.4:
            yield self._asked()
        if self.visit.signs_in:
            yield from self._sign_in()
        for product in products:
            yield self._tell(type="track", event="Product Viewed", properties=product)
        for product in products[: self.visit.added]:
            added = {**product, "quantity": 1}
            yield self._tell(type="track", event="Product Added", properties=added)

    def _sign_in(self) -> Iterator[DemoMessage]:
        self.user_id = self.person.user_id
        traits: dict[str, str] = {}
        chance = self.rng.random()
        if self.visit.signs_up or chance < 0.3:
            traits = {"email": self.person.email}
        elif chance < 0.33:
            # Typed in by hand, and not the address that the shop has: a claim that is refused.
            traits = {"email": f"typo.{self.person.email}"}
        yield self._tell(type="identify", traits=traits)
        if self.visit.signs_up:
            yield self._tell(type="track", event="Signed Up", properties={"method": "email"})

    def _asked(self) -> DemoMessage:
        consents = {"targeted_advertising": self.rng.random() < 0.4}
        context = {**self.context, "consent": {"categoryPreferences": consents}}
        return self._tell(type="track", event=CONSENT_EVENT, context=context)

    def _tell(self, **fields: object) -> DemoMessage:
        self.at += timedelta(seconds=self.rng.randrange(3, 60))
        self.count += 1
        return message(
            SOURCE,
            f"{self.person.number}-{self.visit.name}-{self.count}",
            self.at,
            is_opted_out=self.is_opted_out,
            anonymousId=str(self.person.browsers[self.visit.browser]),
            userId=self.user_id,
            **{"context": self.context, **fields},
        )


def _context(person: DemoPerson, browser: int) -> Mapping[str, Any]:
    """What the browser tells of itself; always the same one."""
    rng = dice(person.number, f"browser {browser}")
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
    mood, thing = rng.randrange(len(RECORD_MOODS)), rng.randrange(len(RECORD_THINGS))
    number = mood * len(RECORD_THINGS) + thing
    return {
        "product_id": f"CD-{number + 1:03}",
        "name": f"{RECORD_MOODS[mood]} {RECORD_THINGS[thing]}",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "price": amount(999 + 100 * (number % 11)),
        "currency": CURRENCY,
    }
