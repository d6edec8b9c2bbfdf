"""The CRM: records of card holders and leads as staff typed them, and their changes."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from config.demo.people import GIVES_COUNTER_NUMBER, DemoPerson
from config.demo.wire import Days, DemoMessage, make_message, seeded_random, weighted_choice
from config.demo.words import CITIES, COUNTER_NUMBER, TIERS

SOURCE = "crm"
# The CRM sends its changes in the evening. In seconds after midnight.
EVENING = 20 * 3600


def crm_messages(person: DemoPerson, days: Days) -> Iterator[DemoMessage]:
    """Yield the person's record, a second record for a few, and the changes since."""
    since = person.in_crm_since
    if since is None:
        return
    rng = seeded_random(person.number, SOURCE)
    traits = _traits(person, rng)
    yield _identify(person, "record", since, days, traits, external_id=_card_id(person))
    if rng.random() < 0.015:
        yield _second_record(person, days.clip(since + timedelta(days=rng.randrange(200))), days)
    for name, day, traits in _changes(person, since, days, rng):
        yield _identify(person, name, day, days, traits)


def _traits(person: DemoPerson, rng: random.Random) -> dict[str, Any]:
    traits: dict[str, Any] = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "country": "FR",
        "city": person.city,
    }
    # Not everybody answers everything that staff ask.
    if rng.random() < 0.93:
        traits["birth_date"] = person.birth_date.isoformat()
    if rng.random() < 0.95:
        traits["gender"] = person.gender
    gives_counter_number = person.is_one_of(GIVES_COUNTER_NUMBER)
    # The random number is drawn first, so that it is drawn for everybody.
    if rng.random() < 0.6 or gives_counter_number:
        traits["phone"] = COUNTER_NUMBER if gives_counter_number else person.phone
    if person.interests:
        traits["interests"] = list(person.interests)
    if person.is_customer:
        traits["loyalty_tier"] = "bronze"
    return traits


def _changes(
    person: DemoPerson, since: date, days: Days, rng: random.Random
) -> Iterator[tuple[str, date, dict[str, Any]]]:
    """Yield (name, day, traits): a move, a new address or a removed answer, and card tiers."""
    later = days.clip(since + timedelta(days=rng.randrange(20, 400)))
    draw = rng.random()
    if draw < 0.06:
        yield "move", later, {"city": weighted_choice(rng, CITIES)}
    elif draw < 0.09:
        name, _, domain = person.email.partition("@")
        yield "address", later, {"email": f"{name}.new@{domain}"}
    elif draw < 0.10:
        yield "withdrawn", later, {"gender": None}
    for count, tier in TIERS.items():
        if len(person.purchases) >= count:
            reached_on = days.clip(person.purchases[count - 1].day + timedelta(days=1))
            yield tier, max(since, reached_on), {"loyalty_tier": tier}


def _second_record(person: DemoPerson, day: date, days: Days) -> DemoMessage:
    """Return a duplicate, as typed by a member of staff who did not find the first record."""
    traits = {"email": person.email, "last_name": person.last_name.upper(), "country": "FR"}
    return make_message(
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
    # A lead has no number in the shop, and is identified by the number of the record.
    has_number = person.user_id is not None
    return make_message(
        SOURCE,
        f"{name}-{person.number}",
        days.moment(day, EVENING),
        type="identify",
        userId=person.user_id,
        anonymousId=None if has_number else f"crm-lead-{person.number}",
        traits=traits,
        context={"externalIds": [external_id]} if external_id else None,
    )


def _card_id(person: DemoPerson) -> dict[str, str]:
    return _crm_id(f"C{person.number:05}")


def _crm_id(value: str) -> dict[str, str]:
    return {"id": value, "type": "crm_id", "collection": "users", "encoding": "none"}
