"""Sequences of events as the oracle of segments follows them: by trying every chain."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from tests.oracles.segment_dates import later_by


def chain_exists(steps: list[Any], matching: list[list[Any]], world: Any) -> bool:
    """Whether some chain goes through the steps; `matching` has the events of each."""
    last = len(steps) - 1 if steps[-1].get("absent") else len(steps)

    def go_on(chain: list[Any]) -> bool:
        number = len(chain)
        if number == len(steps):
            return True
        followers = [
            event
            for event in matching[number]
            if not chain or follows(event, chain, steps[number], world)
        ]
        if number == last:
            is_over = later_by(chain[-1].timestamp, steps[-1]["within"], world.zone) <= world.now
            return is_over and not followers
        return any(go_on([*chain, event]) for event in followers)

    # Steps that are compared are so with one value of the first event.
    compared = [step["same"]["of_first"] for step in steps[1:] if "same" in step]
    if not compared:
        return go_on([])
    return any(
        go_on([Keyed(event, key)])
        for event in matching[0]
        for key in values_at(event.properties, compared[0])
    )


class Keyed:
    """A first event with one of its values."""

    def __init__(self, event: Any, key: Any) -> None:
        self.timestamp, self.arrival, self.key = event.timestamp, event.arrival, key


def follows(event: Any, chain: list[Any], step: Any, world: Any) -> bool:
    before = chain[-1]
    is_later = (event.timestamp, event.arrival) > (before.timestamp, before.arrival)
    in_time = event.timestamp < later_by(before.timestamp, step["within"], world.zone)
    is_same = "same" not in step or chain[0].key in list(
        values_at(event.properties, step["same"]["property"])
    )
    return is_later and in_time and is_same


def values_at(document: Any, key: str) -> Iterable[Any]:
    """The single values at a key in which [] stands for each element, with their types."""
    found = [document]
    for step in key.split("."):
        found = [
            value[step.removesuffix("[]")]
            for value in found
            if isinstance(value, dict) and step.removesuffix("[]") in value
        ]
        if step.endswith("[]"):
            found = [item for value in found if isinstance(value, list) for item in value]
    for value in found:
        if isinstance(value, bool | str):
            yield (type(value), value)
        elif value is not None and not isinstance(value, dict | list):
            yield ("number", Fraction(value))
