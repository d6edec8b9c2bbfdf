"""Places in a definition, written as in faults: `children[1].window.last`."""

import re
from typing import Any

Step = str | int
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")
ABSENT = object()


def split_path(path: str) -> list[Step]:
    """Return the steps of a path: names of fields, and numbers of places in lists."""
    return [name or int(number) for name, number in _STEP.findall(path)]


def join_steps(steps: list[Step]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def look_up(definition: Any, path: str) -> Any:
    """Return what stands at the path, ABSENT if nothing does."""
    for step in split_path(path):
        if isinstance(step, int):
            if not isinstance(definition, list) or step >= len(definition):
                return ABSENT
            definition = definition[step]
        else:
            if not isinstance(definition, dict) or step not in definition:
                return ABSENT
            definition = definition[step]
    return definition


def parent_of(path: str) -> tuple[str, Step]:
    """Return the path without its last step, and that step."""
    steps = split_path(path)
    return join_steps(steps[:-1]), steps[-1]


def put(definition: Any, path: str, value: Any) -> Any:
    """Set what stands at the path, in place, and return the whole. The place before must exist."""
    if not path:
        return value
    above, step = parent_of(path)
    container = look_up(definition, above)
    is_place = isinstance(container, list) and isinstance(step, int) and step < len(container)
    if not is_place and not (isinstance(container, dict) and isinstance(step, str)):
        raise LookupError(path)
    container[step] = value
    return definition


def take(definition: Any, path: str) -> Any:
    """Remove what stands at the path, in place, and return it. Raises LookupError."""
    above, step = parent_of(path)
    container = look_up(definition, above)
    value = look_up(definition, path)
    if value is ABSENT:
        raise LookupError(path)
    del container[step]
    return value
