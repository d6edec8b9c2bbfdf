"""A second, naive evaluation of segments, from the JSON of a definition and one person in memory.

It is written from docs/segments.md and shares nothing with the parser or the compiler.
"""

import hashlib
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracles import segment_dates as dates
from tests.oracles import segment_groups as groups
from tests.oracles.segment_chains import chain_exists
from tests.oracles.segment_dates import later_by
from tests.oracles.segment_events import (
    aggregate,
    counts,
    group_holds,
    in_window,
    where_holds,
)
from tests.oracles.segment_values import MISSING, is_number, look_up, value_holds
from tests.oracles.segment_worlds import NaiveAccount, NaiveEvent, NaivePerson, NaiveWorld


def is_member(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    return not person.is_restricted and holds(person, definition, world)


def holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    kind = definition["type"]
    if kind in ("and", "or", "not", "at_least"):
        return group_holds(definition, lambda child: holds(person, child, world))
    if kind == "everyone":
        return True
    if kind == "segment":
        return belongs(person, definition["key"], world) and is_recent(
            person.entered.get(definition["key"]), definition.get("entered_within"), world
        )
    if kind in LEAVES:
        return LEAVES[kind](person, definition, world)
    if kind == "consent":
        until = person.consents.get(definition["purpose"], MISSING)
        permitted = until is None or (until is not MISSING and world.now < until)
        return permitted == definition["permitted"]
    if kind == "trait":
        return value_holds(look_up(person.traits, definition["key"]), definition, world, person)
    return event_holds(person, definition, world)


def belongs(person: NaivePerson, key: str, world: NaiveWorld) -> bool:
    """Whether a segment has a person, by what staff decided, its definition and its group."""
    group = next((group for group in world.groups if key in group), [key])
    wanting = [name for name in group if would_have(person, name, world)]
    # Whoever is kept in somewhere is there; of several the first.
    wanting.sort(key=lambda name: (decided(person, name, world) is not True, group.index(name)))
    return wanting[:1] == [key]


def would_have(person: NaivePerson, key: str, world: NaiveWorld) -> bool:
    decision = decided(person, key, world)
    return holds(person, world.segments[key], world) if decision is None else decision


def decided(person: NaivePerson, key: str, world: NaiveWorld) -> bool | None:
    if key not in person.overrides:
        return None
    is_in, start, end = person.overrides[key]
    return is_in if start <= world.now and (end is None or world.now < end) else None


def event_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    return value_holds(measured(person, definition, world), definition, world)


def measured(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> Any:
    if definition.get("aggregate") == "net":
        name, of_value = definition["name"], {"aggregate": "sum", "property": "revenue"}
        own = measured(person, definition | of_value, world)
        names = [other for other, reduced in world.reducing.items() if reduced == name]
        return own - sum(
            measured(person, definition | of_value | {"name": other}, world) for other in names
        )
    counted = [event for event in person.events if counts(event, definition, world)]
    return aggregate(counted, definition)


def is_recent(entered: datetime | None, within: Any, world: NaiveWorld) -> bool:
    """Whoever is no stored member yet enters now."""
    return entered is None or within is None or world.now < later_by(entered, within, world.zone)


def identifier_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    operator = definition["operator"]
    if operator.startswith("not_"):
        return not identifier_holds(person, {**definition, "operator": operator[4:]}, world)
    values = person.identifiers.get(definition["namespace"], [])
    return any(value_holds(value, definition, world) for value in values)


def source_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    sent = [event.timestamp for event in person.events if event.source == definition["key"]]
    within = definition.get("seen_within")
    return any(
        moment <= world.now and (within is None or world.now < later_by(moment, within, world.zone))
        for moment in [*sent, *person.records.get(definition["key"], [])]
    )


def stated_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    within = definition.get("stated_within")
    for source, moments in person.records.items():
        for number, moment in enumerate(moments):
            trait = f"t{number}"
            party = world.trait_parties.get(trait, world.parties.get(source, "first"))
            if (
                party == definition["party"]
                and definition.get("key", trait) == trait
                and moment <= world.now
                and (within is None or world.now < later_by(moment, within, world.zone))
            ):
                return True
    return False


def list_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    return definition["key"] in person.lists


def account_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    fitting = [
        "where" not in definition or account_fits(account, definition["where"], world)
        for account in person.accounts
        if account.is_member_vouched or not account.is_vouched
    ]
    if definition["match"] == "all":
        return bool(fitting) and all(fitting)
    return any(fitting) == (definition["match"] == "any")


def account_fits(account: NaiveAccount, where: dict[str, Any], world: NaiveWorld) -> bool:
    if where["type"] in ("and", "or", "not", "at_least"):
        return group_holds(where, lambda child: account_fits(account, child, world))
    if where["type"] == "key":
        return value_holds(account.key, where, world)
    # Other traits that it is compared with are the account's own.
    return value_holds(look_up(account.traits, where["key"]), where, world, account)


def bucket_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    text = f"{definition['salt']}:{person.uuid}"
    place = Fraction(100 * int(hashlib.sha256(text.encode()).hexdigest()[:8], 16), 2**32)
    return Fraction(definition["from"]) <= place < Fraction(definition["to"])


def geo_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    point = [look_up(person.traits, f"{definition['key']}.{part}") for part in ("lat", "lon")]
    if not all(is_number(part) for part in point) or abs(point[0]) > 90 or abs(point[1]) > 180:
        return False
    vectors = []
    for lat, lon in (point, definition["of"]):
        phi, theta = math.radians(lat), math.radians(lon)
        vectors.append(
            (math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi))
        )
    # Another formula than the product's, so that a slip in one shows.
    chord = math.dist(*vectors)
    return 2 * math.asin(min(1.0, chord / 2)) * 6371.0088 <= definition["within_km"]


def regular_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    counted = [event for event in person.events if counts(event, definition, world)]
    periods = 0
    for shift in range(1, definition["of"] + 1):
        start, end = dates.unit_bounds(definition["period"], world, -shift)
        periods += any(start <= event.timestamp < end for event in counted)
    return periods >= definition["at_least"]


def sequence_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    steps = definition["steps"]
    matching = [
        [
            event
            for event in person.events
            if counts(event, step | ({} if number else in_first(definition)), world)
        ]
        for number, step in enumerate(steps)
    ]
    return chain_exists(steps, matching, world)


def in_first(definition: dict[str, Any]) -> dict[str, Any]:
    return {"window": definition["window"]} if "window" in definition else {}


def rank_value(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> Any:
    counted = [event for event in person.events if counts(event, definition, world)]
    if definition.get("aggregate") == "sum":
        values = [look_up(event.properties, definition["property"]) for event in counted]
        if not any(is_number(value) for value in values):
            return None
    if definition.get("aggregate") == "net" and not counted:
        return None
    value = measured(person, definition, world)
    is_empty = definition.get("aggregate", "count") in ("count", "distinct") and value == 0
    return None if value is MISSING or is_empty else value


def boundary_of(definition: dict[str, Any], world: NaiveWorld) -> Any:
    values = [
        rank_value(person, definition, world) for person in world.people if not person.is_restricted
    ]
    present = [value for value in values if value is not None]
    return groups.rank_boundary(present, definition["top"])


def once(key: str, world: NaiveWorld, compute: Any) -> Any:
    if key not in world.known:
        world.known[key] = compute()
    return world.known[key]


def rank_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    if "boundary" in definition:
        boundary = definition["boundary"]
    else:
        boundary = once(repr(definition), world, lambda: boundary_of(definition, world))
    value = rank_value(person, definition, world)
    return value is not None and boundary is not None and value >= boundary


def rfm_values(person: NaivePerson, model: dict[str, Any], world: NaiveWorld) -> Any:
    window = {"window": model["window"]} if model.get("window") else {}
    leaf = {"name": model["event"], **window}
    money = {"aggregate": "sum", "property": model["value"]}
    counted = [event for event in person.events if counts(event, leaf, world)]
    if not counted:
        return None
    spent = measured(person, leaf | (money if model["value"] else {"aggregate": "net"}), world)
    return max(event.timestamp for event in counted), len(counted), spent


def rfm_boundaries(model: dict[str, Any], world: NaiveWorld) -> list[list[Any]]:
    people = (person for person in world.people if not person.is_restricted)
    scored = [values for person in people if (values := rfm_values(person, model, world))]
    return [groups.fifths([values[place] for values in scored]) for place in range(3)]


def rfm_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    model = world.models[definition["key"]]
    values = rfm_values(person, model, world)
    if values is None:
        return False
    if "boundaries" in model:
        boundaries = model["boundaries"]
    else:
        boundaries = once(definition["key"], world, lambda: rfm_boundaries(model, world))
    scores = [groups.score(value, of_one) for value, of_one in zip(values, boundaries, strict=True)]
    return groups.group_of(*scores) in definition["groups"]


def life_cycle_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    times = [event.timestamp for event in person.events if counts(event, definition, world)]
    return groups.stage_of(times, world.now) in definition["stages"]


def sessions_of(person: NaivePerson, world: NaiveWorld) -> Iterator[list[NaiveEvent]]:
    """Yield the events of each session, of which those after a day are left out."""
    for source, gap in world.gaps.items():
        own = [e for e in person.events if e.source == source and e.timestamp <= world.now]
        session: list[NaiveEvent] = []
        for event in sorted(own, key=lambda event: (event.timestamp, event.arrival)):
            if session and event.timestamp - session[-1].timestamp >= timedelta(minutes=gap):
                yield session
                session = []
            session.append(event)
        if session:
            yield session


def session_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    values = []
    for session in sessions_of(person, world):
        first = session[0]
        day = [e for e in session if e.timestamp - first.timestamp <= timedelta(hours=24)]
        if not in_window(first, definition["window"], world):
            continue
        if "where" in definition and not where_holds(first, definition["where"], world):
            continue
        lasted = (day[-1].timestamp - first.timestamp) // timedelta(microseconds=1)
        pages = sum(event.kind in ("page", "screen") for event in day)
        values.append(
            Decimal(pages) if definition.get("property") == "pages" else Decimal(lasted) / 1_000_000
        )
    name = definition.get("aggregate", "count")
    if name == "count":
        value: Any = len(values)
    elif name == "sum":
        value = sum(values, Decimal(0))
    elif not values:
        value = MISSING
    else:
        value = max(values) if name == "max" else sum(map(Fraction, values)) / len(values)
    return value_holds(value, definition, world)


LEAVES = {
    "session": session_holds,
    "rank": rank_holds,
    "rfm": rfm_holds,
    "life_cycle": life_cycle_holds,
    "identifier": identifier_holds,
    "source": source_holds,
    "stated": stated_holds,
    "list": list_holds,
    "account": account_holds,
    "bucket": bucket_holds,
    "geo": geo_holds,
    "regular": regular_holds,
    "sequence": sequence_holds,
}


def members_of_segment(people: dict[int, NaivePerson], key: str, world: NaiveWorld) -> set[int]:
    return {
        profile_id
        for profile_id, person in people.items()
        if not person.is_restricted and belongs(person, key, world)
    }


def members(
    people: dict[int, NaivePerson], definition: dict[str, Any], world: NaiveWorld
) -> Iterator[int]:
    return (key for key, person in people.items() if is_member(person, definition, world))
