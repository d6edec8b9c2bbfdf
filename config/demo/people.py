"""Who the customers of CDNOW might be, and who else comes by: invented people, leads and passing visitors.

Invariant: a person depends on his number, his purchases and the day only, so that any sample tells the same of him.
"""

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from config.demo.cdnow import Purchase
from config.demo.wire import Days, dice, pick
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

FIRST_LEAD, FIRST_VISITOR = 30_001, 40_001
# For so many customers there is one lead who has not bought yet, and one visitor who never says who he is.
CUSTOMERS_PER_LEAD = CUSTOMERS_PER_VISITOR = 8
# Every so many customers two of them share an address, one has many browsers, one gives the telephone of the counter.
HOUSEHOLD, BROWSER_LOVER, COUNTER = (50, 7), (200, 3), (400, 11)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person, and since when which source knows him. `user_id` is the shop's; leads get one by signing up."""

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

    def is_every(self, rhythm: tuple[int, int]) -> bool:
        every, place = rhythm
        return self.is_customer and self.number % every == place


def make_people(purchases: Mapping[int, Sequence[Purchase]], days: Days) -> Iterator[DemoPerson]:
    """The customers, then leads and visitors in proportion to them."""
    for number, bought in purchases.items():
        yield make_customer(number, bought, days)
    for place in range(len(purchases) // CUSTOMERS_PER_LEAD):
        yield make_lead(FIRST_LEAD + place, days)
    for place in range(len(purchases) // CUSTOMERS_PER_VISITOR):
        yield make_visitor(FIRST_VISITOR + place, days)


def make_customer(number: int, purchases: Sequence[Purchase], days: Days) -> DemoPerson:
    """Whoever buys often is more likely to hold a card and to read the newsletter."""
    rng = dice(number, "customer")
    loyalty = 0 if len(purchases) == 1 else 1 if len(purchases) < 5 else 2
    first = purchases[0].day
    in_crm_since = subscribed_on = None
    if rng.random() < (0.42, 0.65, 0.9)[loyalty]:
        lag = rng.randrange(1, 11) if rng.random() < 0.5 else rng.randrange(20, 300)
        in_crm_since = days.clip(first + timedelta(days=lag))
    if rng.random() < (0.32, 0.48, 0.62)[loyalty]:
        subscribed_on = _subscription(first, days, rng)
    return replace(
        make_visitor(number, days),
        purchases=purchases,
        user_id=shop_id(number),
        in_crm_since=in_crm_since,
        subscribed_on=subscribed_on,
    )


def _subscription(first: date, days: Days, rng: random.Random) -> date:
    """Many read for some weeks before they buy for the first time, the others came to it at any time since."""
    if rng.random() < 0.5:
        return first - timedelta(days=rng.randrange(1, 60))
    return first + timedelta(days=rng.randrange((days.yesterday - first).days + 1))


def make_lead(number: int, days: Days) -> DemoPerson:
    """Somebody who has not bought: he signed up on the website, reads the newsletter or was met by staff."""
    rng = dice(number, "lead")
    way = rng.choices(("website", "newsletter", "crm", "newsletter and crm"), (4, 4, 2, 2))[0]
    day = days.ago(rng.randrange(1, 91) if way == "website" else rng.randrange(1, 400))
    reads = "newsletter" in way or (way == "website" and rng.random() < 0.4)
    return replace(
        make_visitor(number, days),
        user_id=shop_id(number) if way == "website" else None,
        in_crm_since=day if "crm" in way else None,
        subscribed_on=days.clip(day + timedelta(days=rng.randrange(20))) if reads else None,
        signed_up_on=day if way == "website" else None,
    )


def shop_id(number: int) -> str:
    return f"shop-{number:05}"


def make_visitor(number: int, days: Days) -> DemoPerson:
    """Somebody of whom nobody knows more than that a browser came by."""
    rng = dice(number, "person")
    gender = "female" if rng.random() < 0.48 else "male"
    first_name = rng.choice(FEMALE_NAMES if gender == "female" else MALE_NAMES)
    last_name = rng.choice(LAST_NAMES)
    age = min(max(rng.gauss(41, 13), 18), 85)
    return DemoPerson(
        number=number,
        purchases=(),
        first_name=first_name,
        last_name=last_name,
        gender=gender,
        birth_date=days.ago(round(age * 365.25)),
        city=pick(rng, CITIES),
        locale=pick(rng, LOCALES),
        email=address(first_name, last_name, number),
        phone=telephone(number),
        interests=_interests(rng),
        browsers=tuple(_browsers(rng, number)),
    )


def address(first_name: str, last_name: str, number: int) -> str:
    """An address at a domain that belongs to nobody; the two of a household have one together."""
    every, place = HOUSEHOLD
    if number < FIRST_LEAD and number % every in (place, place + 1):
        return f"household.{number // every}@{MAIL_DOMAINS[0]}"
    domain = MAIL_DOMAINS[number % len(MAIL_DOMAINS)]
    return f"{_plain(first_name)}.{_plain(last_name)}.{number}@{domain}"


def telephone(number: int) -> str:
    """A number out of those that are kept free for fiction; 10,000 of them share a prefix."""
    return f"{FICTIONAL_NUMBERS[number // 10_000]}{number % 10_000:04}"


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(sign for sign in decomposed if sign.isalpha() and sign.isascii()).lower()


def _interests(rng: random.Random) -> tuple[str, ...]:
    """None where he was not asked, else up to four."""
    if rng.random() < 0.2:
        return ()
    return tuple(sorted({pick(rng, INTERESTS) for _ in range(rng.randrange(1, 5))}))


def _browsers(rng: random.Random, number: int) -> Iterator[UUID]:
    """The anonymous ids of a person's browsers; members of a household share the first one."""
    every, place = HOUSEHOLD
    if number < FIRST_LEAD and number % every in (place, place + 1):
        yield _uuid(dice(number // every, "household"))
    else:
        yield _uuid(rng)
    many, lover = BROWSER_LOVER
    further = 6 if number < FIRST_LEAD and number % many == lover else int(rng.random() < 0.25)
    for _ in range(further):
        yield _uuid(rng)


def _uuid(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
