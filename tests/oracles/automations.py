"""Which steps a person takes through an automation, by a walk over its JSON.

Workers look at stated times only. A step is taken at the first look at which it may be; what
follows counts from when it might have been. The goal is read where a step is due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(slots=True)
class Walk:
    """What happens to a person: events by name as times, and who they are."""

    start: datetime
    looks: Sequence[datetime]
    events: Mapping[str, Sequence[datetime]]
    city: str
    goal: str | None
    taken: list[tuple[str, str]] = field(default_factory=list)
    ending: str = ""
    clock: datetime | None = None


class _Ended(Exception):
    """The walk is over."""


def walk(steps: Sequence[Mapping[str, Any]], person: Walk) -> Walk:
    """Return the person with the steps that they took until the end of time, and how it ended."""
    try:
        _look(person, person.start)
        _steps(steps, "steps", person, person.start)
        person.ending = "done"
    except _Ended:
        pass
    return person


def _steps(steps: Sequence[Mapping[str, Any]], path: str, person: Walk, at: datetime) -> datetime:
    for place, step in enumerate(steps):
        here = f"{path}[{place}]"
        at, outcome, way = _step(step, person, at)
        person.taken.append((here, outcome))
        if outcome == "failed":
            person.ending = "left"
            raise _Ended
        if way:
            at = _steps(step.get(way, []), f"{here}.{way}", person, at)
    return at


def _step(step: Mapping[str, Any], person: Walk, at: datetime) -> tuple[datetime, str, str]:
    match step["type"]:
        case "wait":
            end = at + timedelta(**step["for"])
            _look(person, end)
            return end, "passed", ""
        case "wait_event":
            deadline = at + timedelta(**step["at_most"])
            came = _first(person, step["event"]["name"], deadline)
            if came is None:
                _look(person, deadline)
                came = _first(person, step["event"]["name"], deadline)
            if came is None:
                return deadline, "else", "else"
            return max(at, came), "then", "then"
        case "if":
            way = "then" if step["test"]["value"] == person.city else "else"
            return at, way, way
        case "check":
            return at, "passed" if step["test"]["value"] == person.city else "failed", ""
        case _:
            return at, "acted", ""


def _first(person: Walk, name: str, until: datetime) -> datetime | None:
    """Return when the first event came that is known at this look and not after a time."""
    known = min(until, person.clock or person.start)
    return min(
        (at for at in person.events.get(name, ()) if person.start < at <= known), default=None
    )


def _look(person: Walk, at: datetime) -> None:
    """Go on to the first look from a time on. The goal, or the last look, may end the walk."""
    if person.clock is not None and person.clock >= at:
        return
    person.clock = min((look for look in person.looks if look >= at), default=None)
    if person.clock is None:
        person.ending = "active"
        raise _Ended
    if person.goal and _first(person, person.goal, person.clock) is not None:
        person.ending = "goal"
        raise _Ended
