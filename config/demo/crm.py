"""The CRM: names, birth dates, cities and telephones of card holders and leads, as staff typed them, and their changes."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from config.demo.people import COUNTER, DemoPerson
from config.demo.wire import Days, DemoMessage, dice, message, pick
from config.demo.words import CITIES, COUNTER_NUMBER, TIERS

SOURCE = "crm"
EVENING = 20 * 3600


def crm_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """One record, for some a second one of the same person, and what changed since."""
    since = person.in_crm_since
    if since is None:
        return
    rng = dice(person.number, SOURCE)
    yield _identify(person, "record", since, days, _traits(person, rng), external_id=_card(person))
    if rng.random() < 0.015:
        yield _second_record(person, days.clip(since + timedelta(days=rng.randrange(200))), days)
    for name, day, traits in _changes(person, since, days, rng):
        yield _identify(person, name, day, days, traits)


def _traits(person: DemoPerson, rng: random.Random) -> dict[str, Any]:
    """What staff asked for; not everybody answers everything."""
    traits: dict[str, Any] = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "country": "FR",
        "city": person.city,
    }
    if rng.random() < 0.93:
        traits["birth_date"] = person.birth_date.isoformat()
    if rng.random() < 0.95:
        traits["gender"] = person.gender
    if rng.random() < 0.6 or person.is_every(COUNTER):
        traits["phone"] = COUNTER_NUMBER if person.is_every(COUNTER) else person.phone
    if person.interests:
        traits["interests"] = list(person.interests)
    if person.is_customer:
        traits["loyalty_tier"] = "bronze"
    return traits


def _changes(
    person: DemoPerson, since: date, days: Days, rng: random.Random
) -> Iterator[tuple[str, date, dict[str, Any]]]:
    """A move, another address, an answer taken back, and the steps of the loyalty card."""
    later = days.clip(since + timedelta(days=rng.randrange(20, 400)))
    chance = rng.random()
    if chance < 0.06:
        yield "move", later, {"city": pick(rng, CITIES)}
    elif chance < 0.09:
        name, _, domain = person.email.partition("@")
        yield "address", later, {"email": f"{name}.new@{domain}"}
    elif chance < 0.10:
        yield "withdrawn", later, {"gender": None}
    for count, tier in TIERS.items():
        if len(person.purchases) >= count:
            reached = days.clip(person.purchases[count - 1].day + timedelta(days=1))
            yield tier, max(since, reached), {"loyalty_tier": tier}


def _second_record(person: DemoPerson, day: date, days: Days) -> DemoMessage:
    """The same person again, typed in capitals by somebody who did not find the first record."""
    traits = {"email": person.email, "last_name": person.last_name.upper(), "country": "FR"}
    return message(
        SOURCE,
        f"double-{person.number}",
        days.moment(day, EVENING),
        type="identify",
        anonymousId=f"crm-double-{person.number}",
        traits=traits,
        context={"externalIds": [_crm_id(f"D{person.number:05}")]},
    )


def _identify(
    person: DemoPerson,
    name: str,
    day: date,
    days: Days,
    traits: dict[str, Any],
    *,
    external_id: dict[str, str] | None = None,
) -> DemoMessage:
    """Of a customer by his number in the shop; of a lead, who has none, by the record's own."""
    has_number = person.user_id is not None
    return message(
        SOURCE,
        f"{name}-{person.number}",
        days.moment(day, EVENING),
        type="identify",
        userId=person.user_id,
        anonymousId=None if has_number else f"crm-lead-{person.number}",
        traits=traits,
        context={"externalIds": [external_id]} if external_id else None,
    )


def _card(person: DemoPerson) -> dict[str, str]:
    return _crm_id(f"C{person.number:05}")


def _crm_id(value: str) -> dict[str, str]:
    return {"id": value, "type": "crm_id", "collection": "users", "encoding": "none"}
