"""Invented people: one for each customer of CDNOW, and leads and visitors beside them.

Invariant: a person depends on their number, their purchases and the day only, so that they are the
same in every sample.
"""

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from config.demo.cdnow import Purchase
from config.demo.wire import Days, seeded_random, weighted_choice
from config.demo.words import (
    CITIES,
    FEMALE_NAMES,
    FICTIONAL_NUMBERS,
    INTERESTS,
    LAST_NAMES,
    LOCALES,
    MAIL_DOMAINS,
    MALE_NAMES,
)

# Customers have the numbers of CDNOW, which are lower.
FIRST_LEAD, FIRST_VISITOR = 30_001, 40_001
# A lead is known but has not bought. A visitor is only a browser.
CUSTOMERS_PER_LEAD = CUSTOMERS_PER_VISITOR = 8


class EveryNth(NamedTuple):
    """One customer of every `period`: those whose number has this remainder."""

    period: int
    remainder: int

    def includes(self, number: int) -> bool:
        return number % self.period == self.remainder


# Cases for identity resolution. A household is a customer and the next one, who share an e-mail
# address and a browser.
FIRST_OF_HOUSEHOLD = EveryNth(50, 7)
SECOND_OF_HOUSEHOLD = EveryNth(50, 8)
HAS_MANY_BROWSERS = EveryNth(200, 3)
GIVES_COUNTER_NUMBER = EveryNth(400, 11)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person, and the days since which the sources know them.

    `user_id` is the shop's. Leads have one if they signed up.
    """

    number: int
    purchases: Sequence[Purchase]
    first_name: str
    last_name: str
    gender: str
    birth_date: date
    city: str
    locale: str
    email: str
    phone: str
    interests: tuple[str, ...]
    browsers: tuple[UUID, ...]
    user_id: str | None = None
    in_crm_since: date | None = None
    subscribed_on: date | None = None
    signed_up_on: date | None = None

    @property
    def is_customer(self) -> bool:
        return bool(self.purchases)

    def is_one_of(self, customers: EveryNth) -> bool:
        return self.is_customer and customers.includes(self.number)


def make_people(purchases: Mapping[int, Sequence[Purchase]], days: Days) -> Iterator[DemoPerson]:
    """Yield the customers, then leads and visitors in proportion to them."""
    for number, customer_purchases in purchases.items():
        yield make_customer(number, customer_purchases, days)
    for place in range(len(purchases) // CUSTOMERS_PER_LEAD):
        yield make_lead(FIRST_LEAD + place, days)
    for place in range(len(purchases) // CUSTOMERS_PER_VISITOR):
        yield make_visitor(FIRST_VISITOR + place, days)


def make_customer(number: int, purchases: Sequence[Purchase], days: Days) -> DemoPerson:
    """Return a customer. Frequent buyers are more likely to be in the CRM and the newsletter."""
    rng = seeded_random(number, "customer")
    loyalty = 0 if len(purchases) == 1 else 1 if len(purchases) < 5 else 2
    first_purchase_on = purchases[0].day
    in_crm_since = subscribed_on = None
    if rng.random() < (0.42, 0.65, 0.9)[loyalty]:
        lag = rng.randrange(1, 11) if rng.random() < 0.5 else rng.randrange(20, 300)
        in_crm_since = days.clip(first_purchase_on + timedelta(days=lag))
    if rng.random() < (0.32, 0.48, 0.62)[loyalty]:
        subscribed_on = _subscription_day(first_purchase_on, days, rng)
    return replace(
        make_visitor(number, days),
        purchases=purchases,
        user_id=shop_user_id(number),
        in_crm_since=in_crm_since,
        subscribed_on=subscribed_on,
    )


def _subscription_day(first_purchase_on: date, days: Days, rng: random.Random) -> date:
    """Return a day some weeks before the first purchase for half of them, or any day since."""
    if rng.random() < 0.5:
        return first_purchase_on - timedelta(days=rng.randrange(1, 60))
    days_since = (days.yesterday - first_purchase_on).days
    return first_purchase_on + timedelta(days=rng.randrange(days_since + 1))


def make_lead(number: int, days: Days) -> DemoPerson:
    """Return a person who has not bought, known by the website, the newsletter, staff or both."""
    rng = seeded_random(number, "lead")
    origin = rng.choices(("website", "newsletter", "crm", "newsletter and crm"), (4, 4, 2, 2))[0]
    day = days.ago(rng.randrange(1, 91) if origin == "website" else rng.randrange(1, 400))
    subscribes = "newsletter" in origin or (origin == "website" and rng.random() < 0.4)
    return replace(
        make_visitor(number, days),
        user_id=shop_user_id(number) if origin == "website" else None,
        in_crm_since=day if "crm" in origin else None,
        subscribed_on=days.clip(day + timedelta(days=rng.randrange(20))) if subscribes else None,
        signed_up_on=day if origin == "website" else None,
    )


def shop_user_id(number: int) -> str:
    """Return the number of a customer in the shop."""
    return f"shop-{number:05}"


def make_visitor(number: int, days: Days) -> DemoPerson:
    """Return a person of whom no source knows more than a browser."""
    rng = seeded_random(number, "person")
    gender = "female" if rng.random() < 0.48 else "male"
    first_name = rng.choice(FEMALE_NAMES if gender == "female" else MALE_NAMES)
    last_name = rng.choice(LAST_NAMES)
    age = min(max(rng.gauss(41, 13), 18), 85)
    # The arguments draw their random numbers in this order.
    return DemoPerson(
        number=number,
        purchases=(),
        first_name=first_name,
        last_name=last_name,
        gender=gender,
        birth_date=days.ago(round(age * 365.25)),
        city=weighted_choice(rng, CITIES),
        locale=weighted_choice(rng, LOCALES),
        email=email_address(first_name, last_name, number),
        phone=phone_number(number),
        interests=_interests(rng),
        browsers=tuple(_browsers(rng, number)),
    )


def email_address(first_name: str, last_name: str, number: int) -> str:
    """Return an address at a reserved domain. The members of a household share one."""
    if _is_in_household(number):
        return f"household.{_household(number)}@{MAIL_DOMAINS[0]}"
    domain = MAIL_DOMAINS[number % len(MAIL_DOMAINS)]
    return f"{_ascii_letters(first_name)}.{_ascii_letters(last_name)}.{number}@{domain}"


def phone_number(number: int) -> str:
    """Return one of the numbers that are reserved for fiction. 10,000 of them share a prefix."""
    return f"{FICTIONAL_NUMBERS[number // 10_000]}{number % 10_000:04}"


def _is_in_household(number: int) -> bool:
    is_member = FIRST_OF_HOUSEHOLD.includes(number) or SECOND_OF_HOUSEHOLD.includes(number)
    return number < FIRST_LEAD and is_member


def _household(number: int) -> int:
    return number // FIRST_OF_HOUSEHOLD.period


def _ascii_letters(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(char for char in decomposed if char.isalpha() and char.isascii()).lower()


def _interests(rng: random.Random) -> tuple[str, ...]:
    """Return up to four interests, or none for a person who was not asked."""
    if rng.random() < 0.2:
        return ()
    return tuple(sorted({weighted_choice(rng, INTERESTS) for _ in range(rng.randrange(1, 5))}))


def _browsers(rng: random.Random, number: int) -> Iterator[UUID]:
    """Yield the anonymous ids of a person's browsers. A household shares the first one."""
    if _is_in_household(number):
        yield _random_uuid(seeded_random(_household(number), "household"))
    else:
        yield _random_uuid(rng)
    has_many = number < FIRST_LEAD and HAS_MANY_BROWSERS.includes(number)
    further = 6 if has_many else int(rng.random() < 0.25)
    for _ in range(further):
        yield _random_uuid(rng)


def _random_uuid(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
