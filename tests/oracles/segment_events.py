"""Naive events of segments: which of a person's count for a leaf, and what is made of them."""

import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from tests.oracles import segment_dates as dates
from tests.oracles.segment_dates import later_by, read_time
from tests.oracles.segment_values import MISSING, is_number, look_up, value_holds
from tests.oracles.segment_worlds import NaiveEvent, NaiveWorld

# Asked once: each answer walks the folder of all zones.
ZONES = available_timezones()


def group_holds(definition: dict[str, Any], child_holds: Any) -> bool:
    if definition["type"] == "not":
        return not child_holds(definition["child"])
    count = sum(child_holds(child) for child in definition["children"])
    needed = {"and": len(definition["children"]), "or": 1}
    return count >= needed.get(definition["type"], definition.get("count"))


def aggregate(counted: list[NaiveEvent], definition: dict[str, Any]) -> Any:
    name = definition.get("aggregate", "count")
    if name == "count":
        return len(counted)
    if name in ("first_at", "last_at"):
        times = [event.timestamp for event in counted]
        if not times:
            return MISSING
        return (min(times) if name == "first_at" else max(times)).isoformat()
    if name == "days_between":
        times = sorted(event.timestamp for event in counted)
        gaps = [(later - earlier) for earlier, later in pairwise(times)]
        micros = sum(gap // timedelta(microseconds=1) for gap in gaps)
        return Fraction(micros, 86_400_000_000 * len(gaps)) if gaps else MISSING
    values = [
        look_up(event.properties, definition["property"])
        for event in sorted(counted, key=lambda event: (event.timestamp, event.arrival))
    ]
    present = [value for value in values if value is not MISSING]
    if name in ("first", "last"):
        return present[0 if name == "first" else -1] if present else MISSING
    if name == "most_frequent":
        texts = [json_text(value) for value in present if not isinstance(value, dict | list)]
        return (
            json.loads(min(texts, key=lambda text: (-texts.count(text), text)), parse_float=Decimal)
            if texts
            else MISSING
        )
    if name == "distinct":
        return len({canonical(value) for value in present})
    numbers = [value for value in present if is_number(value)]
    if name == "sum":
        return sum(numbers, Decimal(0))
    if name == "avg":
        return sum(map(Fraction, numbers), Fraction()) / len(numbers) if numbers else MISSING
    return {"min": min, "max": max}[name](numbers) if numbers else MISSING


def json_text(value: Any) -> str:
    """The JSON of a single value, the same for numbers that are equal."""
    if is_number(value):
        exact = Decimal(value)
        return f"{exact.normalize():f}" if exact else "0"
    return json.dumps(value, ensure_ascii=False)


def canonical(value: Any) -> Any:
    """The same for values that are equal in JSON."""
    if isinstance(value, dict):
        return ("object", frozenset((key, canonical(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return ("list", tuple(canonical(inner) for inner in value))
    return ("number", Fraction(value)) if is_number(value) else (type(value).__name__, value)


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
    if "between_ago" in window:
        older, newer = (
            later_by(event.timestamp, duration, world.zone) for duration in window["between_ago"]
        )
        return newer <= world.now < older
    for name, shift in (("this", 0), ("previous", -1)):
        if name in window:
            start, end = dates.unit_bounds(window[name], world, shift)
            return start <= event.timestamp < end
    if "last" in window:
        return world.now < later_by(event.timestamp, window["last"], world.zone)
    starts = {name: read_time(window[name], world.zone) for name in window}
    return ("from" not in starts or starts["from"][1] <= event.timestamp) and (
        "to" not in starts or event.timestamp < starts["to"][1]
    )


def where_holds(event: NaiveEvent, where: dict[str, Any], world: NaiveWorld) -> bool:
    if where["type"] in ("and", "or", "not", "at_least"):
        return group_holds(where, lambda child: where_holds(event, child, world))
    if where["type"] == "any":
        items = look_up(event.properties, where["key"])
        return isinstance(items, list) and any(
            where_holds(NaiveEvent("", event.timestamp, properties=item), where["where"], world)
            for item in items
            if isinstance(item, dict)
        )
    if where["type"] == "time":
        return value_holds(time_part(event, where, world), where, world)
    document = event.properties if where["type"] == "property" else event.context
    return value_holds(look_up(document, where["key"]), where, world)


def time_part(event: NaiveEvent, where: dict[str, Any], world: NaiveWorld) -> int:
    zone, own = world.zone, event.context.get("timezone")
    if where.get("zone") == "event" and own in ZONES and ("/" in own or own == "UTC"):
        zone = ZoneInfo(own)
    local = event.timestamp.astimezone(zone)
    return {"hour": local.hour, "weekday": local.isoweekday(), "month": local.month}[where["part"]]
