"""A second, naive evaluation of segments, from the JSON of a definition and one person in memory.

It is written from docs/segments.md and shares nothing with the parser or the compiler.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

MISSING = object()
SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
FORMATS = [
    f"%Y-%m-%d{clock}{zone}"
    for clock in ("T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f")
    for zone in ("", "%z")
]


@dataclass
class NaiveEvent:
    name: str
    timestamp: datetime
    kind: str = "track"
    properties: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


@dataclass
class NaivePerson:
    """A person. `consents` maps purposes to when the consent ends, None for never.

    A purpose that is not in it is not permitted.
    """

    traits: dict[str, Any] = field(default_factory=dict)
    events: list[NaiveEvent] = field(default_factory=list)
    consents: dict[str, datetime | None] = field(default_factory=dict)
    is_restricted: bool = False


@dataclass
class NaiveWorld:
    """The clock, the zone and the other segments' definitions by key."""

    now: datetime
    zone: ZoneInfo
    segments: dict[str, dict[str, Any]] = field(default_factory=dict)


def is_member(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    return not person.is_restricted and holds(person, definition, world)


def holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    kind = definition["type"]
    if kind in ("and", "or", "not", "at_least"):
        return group_holds(definition, lambda child: holds(person, child, world))
    if kind == "everyone":
        return True
    if kind == "segment":
        return holds(person, world.segments[definition["key"]], world)
    if kind == "consent":
        until = person.consents.get(definition["purpose"], MISSING)
        permitted = until is None or (until is not MISSING and world.now < until)
        return permitted == definition["permitted"]
    if kind == "trait":
        return value_holds(look_up(person.traits, definition["key"]), definition, world, person)
    return event_holds(person, definition, world)


def group_holds(definition: dict[str, Any], child_holds: Any) -> bool:
    if definition["type"] == "not":
        return not child_holds(definition["child"])
    count = sum(child_holds(child) for child in definition["children"])
    needed = {"and": len(definition["children"]), "or": 1}
    return count >= needed.get(definition["type"], definition.get("count"))


def look_up(document: Any, key: str) -> Any:
    for step in re.split(r"(?<!\\)\.", key):
        if not isinstance(document, dict):
            return MISSING
        document = document.get(step.replace("\\.", "."), MISSING)
    return MISSING if document is None else document


def is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def value_holds(
    value: Any, test: dict[str, Any], world: NaiveWorld, person: NaivePerson | None = None
) -> bool:
    operator = test["operator"]
    if operator.startswith("not_"):
        return not value_holds(value, {**test, "operator": operator[4:]}, world, person)
    if value is MISSING:
        return False
    if operator == "exists":
        return True
    operand = test["value"]
    if isinstance(operand, dict) and "trait" in operand:
        assert person is not None
        operand = look_up(person.traits, operand["trait"])
        if operand is MISSING or isinstance(operand, dict | list):
            return False
    if test.get("ignore_case"):
        if not isinstance(value, str):
            return False
        value, operand = lower(value), lower_operand(operator, operand)
        if operand is MISSING:
            return False
    return OPERATORS[operator](value, operand, world)


def lower(text: str) -> str:
    return "".join(char.lower()[0] for char in text)


def lower_operand(operator: str, operand: Any) -> Any:
    if isinstance(operand, list):
        return [lower(item) for item in operand]
    if not isinstance(operand, str):
        return MISSING
    if operator == "matches":
        return re.sub(r"\\.|[A-ZÀ-Þ]", lambda m: m[0] if m[0][0] == "\\" else m[0].lower(), operand)
    return lower(operand)


def is_same(first: Any, second: Any) -> bool:
    if is_number(first) and is_number(second):
        return Decimal(first) == Decimal(second)
    return type(first) is type(second) and not isinstance(first, dict | list) and first == second


def for_texts(test: Any) -> Any:
    def compare(value: Any, operand: Any, world: NaiveWorld) -> bool:
        return isinstance(value, str) and isinstance(operand, str) and test(value, operand)

    return compare


def for_numbers(test: Any) -> Any:
    def compare(value: Any, operand: Any, world: NaiveWorld) -> bool:
        return is_number(value) and is_number(operand) and test(value, operand)

    return compare


def matches(value: str, pattern: str) -> bool:
    whole = re.sub(r"\\.|\$", lambda m: r"\Z" if m[0] == "$" else m[0], pattern)
    return re.search(whole, value, re.ASCII | re.DOTALL) is not None


def for_lengths(test: Any) -> Any:
    return lambda value, operand, world: isinstance(value, list) and test(len(value), operand)


def includes_any(items: list[Any], wanted: list[Any]) -> bool:
    return any(is_same(item, value) for item in items for value in wanted)


def includes_all(items: list[Any], wanted: list[Any]) -> bool:
    return all(any(is_same(item, value) for item in items) for value in wanted)


def local_to_instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first instant with this local time; in a gap, the one by the offset before it."""
    offsets = {
        (moment.replace(tzinfo=UTC) + timedelta(hours=hours)).astimezone(zone).utcoffset()
        for hours in range(-26, 27)
    }
    candidates = sorted(moment.replace(tzinfo=UTC) - (offset or timedelta()) for offset in offsets)
    exact = [c for c in candidates if c.astimezone(zone).replace(tzinfo=None) == moment]
    return exact[0] if exact else candidates[-1]


def read_time(text: Any, zone: ZoneInfo) -> tuple[date, datetime, datetime] | None:
    """The date as written, the first instant, and the last one or the excluded end of a day."""
    if not isinstance(text, str) or not SHAPE.fullmatch(text) or not "1000" <= text[:4] <= "9998":
        return None
    if len(text) == 10:
        try:
            day = datetime.strptime(text, "%Y-%m-%d")
        except ValueError:
            return None
        return (
            day.date(),
            local_to_instant(day, zone),
            local_to_instant(day + timedelta(days=1), zone),
        )
    for form in FORMATS:
        with suppress(ValueError):
            moment = datetime.strptime(text.replace(" ", "T"), form)
            if moment.tzinfo is None:
                instant = local_to_instant(moment, zone)
            elif abs(moment.utcoffset()) >= timedelta(hours=15):
                return None
            else:
                instant = moment.astimezone(UTC)
            return moment.date(), instant, instant
    return None


def later_by(instant: datetime, duration: dict[str, int], zone: ZoneInfo) -> datetime:
    (unit, count), *_ = duration.items()
    if unit in ("months", "years"):
        local = instant.astimezone(zone).replace(tzinfo=None)
        return local_to_instant(local + relativedelta(**{unit: count}), zone)
    return instant + timedelta(**{unit: count})


def before(value: Any, operand: Any, world: NaiveWorld) -> bool:
    """Whether every instant of the value comes before every instant of the operand."""
    first, second = read_time(value, world.zone), read_time(operand, world.zone)
    if first is None or second is None:
        return False
    is_day = first[1] != first[2]
    return first[2] <= second[1] if is_day else first[2] < second[1]


def after(value: Any, operand: Any, world: NaiveWorld) -> bool:
    return before(operand, value, world)


def in_last(value: Any, duration: dict[str, int], world: NaiveWorld) -> bool:
    span = read_time(value, world.zone)
    return span is not None and (span[1] <= world.now < later_by(span[2], duration, world.zone))


def age_between(value: Any, ages: list[int], world: NaiveWorld) -> bool:
    span, today = read_time(value, world.zone), world.now.astimezone(world.zone).date()
    if span is None or span[0] > today:
        return False
    age = 0
    while birthday(span[0], age + 1) <= today:
        age += 1
        if age > 200:
            return False
    return ages[0] <= age <= ages[1]


def birthday(birth: date, years: int) -> date:
    try:
        return birth.replace(year=birth.year + years)
    except ValueError:
        return date(birth.year + years, 3, 1)


OPERATORS: dict[str, Any] = {
    "equals": lambda value, operand, world: is_same(value, operand),
    "in": lambda value, operand, world: isinstance(value, str) and value in operand,
    "contains": for_texts(lambda value, operand: operand in value),
    "starts_with": for_texts(lambda value, operand: value.startswith(operand)),
    "ends_with": for_texts(lambda value, operand: value.endswith(operand)),
    "matches": for_texts(matches),
    "gt": for_numbers(lambda value, operand: value > operand),
    "gte": for_numbers(lambda value, operand: value >= operand),
    "lt": for_numbers(lambda value, operand: value < operand),
    "lte": for_numbers(lambda value, operand: value <= operand),
    "between": lambda value, ends, world: is_number(value) and ends[0] <= value <= ends[1],
    "before": before,
    "after": after,
    "in_last": in_last,
    "age_between": age_between,
    "includes": lambda value, operand, world: (
        isinstance(value, list) and includes_any(value, [operand])
    ),
    "includes_any": lambda value, operands, world: (
        isinstance(value, list) and includes_any(value, operands)
    ),
    "includes_all": lambda value, operands, world: (
        isinstance(value, list) and includes_all(value, operands)
    ),
    "includes_none": lambda value, operands, world: (
        isinstance(value, list) and not includes_any(value, operands)
    ),
    "length_gte": for_lengths(lambda length, operand: length >= operand),
    "length_lte": for_lengths(lambda length, operand: length <= operand),
    "length_equals": for_lengths(lambda length, operand: length == operand),
}


def event_holds(person: NaivePerson, definition: dict[str, Any], world: NaiveWorld) -> bool:
    counted = [event for event in person.events if counts(event, definition, world)]
    value = aggregate(counted, definition)
    return value_holds(value, definition, world)


def aggregate(counted: list[NaiveEvent], definition: dict[str, Any]) -> Any:
    name = definition.get("aggregate", "count")
    if name == "count":
        return len(counted)
    if name in ("first_at", "last_at"):
        times = [event.timestamp for event in counted]
        if not times:
            return MISSING
        return (min(times) if name == "first_at" else max(times)).isoformat()
    values = [look_up(event.properties, definition["property"]) for event in counted]
    numbers = [value for value in values if is_number(value)]
    if name == "sum":
        return sum(numbers, Decimal(0))
    return {"min": min, "max": max}[name](numbers) if numbers else MISSING


def counts(event: NaiveEvent, definition: dict[str, Any], world: NaiveWorld) -> bool:
    any_name = definition["name"] == "*"
    kind = definition.get("kind", None if any_name else "track")
    return (
        (any_name or event.name == definition["name"])
        and kind in (None, event.kind)
        and event.timestamp <= world.now
        and in_window(event, definition.get("window"), world)
        and ("where" not in definition or where_holds(event, definition["where"], world))
    )


def in_window(event: NaiveEvent, window: dict[str, Any] | None, world: NaiveWorld) -> bool:
    if window is None:
        return True
    if "last" in window:
        return world.now < later_by(event.timestamp, window["last"], world.zone)
    starts = {name: read_time(window[name], world.zone) for name in window}
    return ("from" not in starts or starts["from"][1] <= event.timestamp) and (
        "to" not in starts or event.timestamp < starts["to"][1]
    )


def where_holds(event: NaiveEvent, where: dict[str, Any], world: NaiveWorld) -> bool:
    if where["type"] in ("and", "or", "not", "at_least"):
        return group_holds(where, lambda child: where_holds(event, child, world))
    document = event.properties if where["type"] == "property" else event.context
    return value_holds(look_up(document, where["key"]), where, world)


def members(
    people: dict[int, NaivePerson], definition: dict[str, Any], world: NaiveWorld
) -> Iterator[int]:
    return (key for key, person in people.items() if is_member(person, definition, world))
