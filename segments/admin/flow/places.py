"""Places in the definition of an automation: lists of steps, and the conditions inside of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from segments.admin.builder.paths import join_steps, look_up, parent_of, put, split_path

# The fields that hold steps, and those that hold a condition as of a segment.
LISTS = ("steps", "then", "else")
CONDITIONS = ("test", "exit")


class Condition(NamedTuple):
    """A condition inside of an automation, as a definition that the segments' builder knows.

    The `where` of an event is that of an event leaf: `root` is the path of what holds it then.
    """

    root: str
    is_event: bool

    def of(self, definition: Any) -> dict[str, Any]:
        """Return the condition. Raises LookupError where none is."""
        inner = look_up(definition, self.root)
        if not isinstance(inner, dict):
            raise LookupError(self.root)
        return {**inner, "type": "event"} if self.is_event else inner

    def put_back(self, definition: Any, inner: Any) -> Any:
        if self.is_event:
            former: Mapping[str, Any] = look_up(definition, self.root)
            kind = {"type": former["type"]} if "type" in former else {}
            inner = kind | {name: value for name, value in inner.items() if name != "type"}
        return put(definition, self.root, inner)

    def inside(self, path: str) -> str:
        """Return the path within the condition of a place of the automation."""
        return join_steps(split_path(path)[len(split_path(self.root)) :])

    def outside(self, path: str) -> str:
        """Return the path within the automation of a place of the condition."""
        return join_steps([*split_path(self.root), *split_path(path)])


def condition_at(path: str) -> Condition | None:
    """Return the outermost condition that a place lies in, None where it lies in none."""
    steps = split_path(path)
    for place, step in enumerate(steps):
        if step in CONDITIONS:
            return Condition(join_steps(steps[: place + 1]), is_event=False)
        if step == "where":
            return Condition(join_steps(steps[:place]), is_event=True)
    return None


def is_list(path: str) -> bool:
    """Whether a path is of a list of steps."""
    steps = split_path(path)
    return bool(steps) and steps[-1] in LISTS and condition_at(path) is None


def is_step(path: str) -> bool:
    """Whether a path is of a step."""
    return bool(path) and isinstance(parent_of(path)[1], int) and is_list(parent_of(path)[0])
