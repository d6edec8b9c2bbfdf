"""Reading an automation's JSON into nodes: pure, without a database.

Invariant: every fault is noted with its path, also beside others, and says what is allowed there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from segments.automations.nodes import (
    Choice,
    Program,
    Split,
    Step,
    WaitEvent,
)
from segments.automations.readers import (
    OPTION_READERS,
    STEP_READERS,
    read_event,
    read_span,
    read_tree,
    read_trigger,
)
from segments.language.operands import (
    DefinitionError,
    Fault,
    definition_error,
    join_path,
    read_choice,
    read_count,
    read_fields,
    read_name,
    read_property_key,
)

MAX_STEPS, MAX_NESTING = 100, 8
KINDS = (*STEP_READERS, "wait_event", "if", "split")


def parse_automation(definition: object) -> Program:
    """Return the program of a definition. Raises DefinitionError with all faults."""
    return _Reader().program(definition)


class _Reader:
    """The state of reading one definition: its steps, and the faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.steps: dict[str, Step] = {}
        self.count = 0

    def program(self, definition: object) -> Program:
        fields = read_fields(definition, "", ("trigger", "steps"), tuple(OPTION_READERS))
        trigger = self._noting(read_trigger, fields["trigger"], "trigger")
        first = self._steps(fields["steps"], "steps", "", 1)
        options = {
            name: self._noting(reader, fields[name], name) if name in fields else None
            for name, reader in OPTION_READERS.items()
        }
        if trigger is None or self.faults:
            raise DefinitionError(self.faults)
        return Program(trigger=trigger, first=first, steps=self.steps, **options)

    def _noting(self, reader: Callable[[object, str], Any], value: object, path: str) -> Any:
        try:
            return reader(value, path)
        except DefinitionError as error:
            self.faults += error.errors
            return None

    def _steps(self, value: object, path: str, following: str, depth: int) -> str:
        """Read a list of steps; return the id of its first, or of what follows an empty one."""
        if not isinstance(value, list):
            self.faults.append(Fault(path, "type", "This must be a list of steps."))
            return following
        if depth > MAX_NESTING:
            limit = f"Steps are at most {MAX_NESTING} deep."
            self.faults.append(Fault(path, "limit", limit))
            return following
        self.count += len(value)
        if self.count > MAX_STEPS:
            self.faults.append(Fault(path, "limit", f"There are at most {MAX_STEPS} steps."))
            return following
        ids = [f"{path}[{place}]" for place in range(len(value))]
        for place, step in enumerate(value):
            here, after = ids[place], [*ids, following][place + 1]
            try:
                self.steps[here] = self._step(step, here, after, depth)
            except DefinitionError as error:
                self.faults += error.errors
        return ids[0] if ids else following

    def _step(self, value: object, path: str, following: str, depth: int) -> Step:
        if not isinstance(value, dict):
            raise definition_error(path, "type", "This must be an object.")
        kind = read_choice(value.get("type"), join_path(path, "type"), KINDS)
        match kind:
            case "wait_event" | "if":
                return self._fork(kind, value, path, following, depth)
            case "split":
                return self._split(value, path, following, depth)
            case _:
                return STEP_READERS[kind](value, path, following)

    def _fork(
        self, kind: str, value: Mapping[str, Any], path: str, following: str, depth: int
    ) -> Step:
        own = ("event", "at_most") if kind == "wait_event" else ("test",)
        optional = ("then", "else", *(("same",) if kind == "wait_event" else ()))
        fields = read_fields(value, path, ("type", *own), optional)
        ways = [
            self._steps(fields.get(name, []), join_path(path, name), following, depth + 1)
            for name in ("then", "else")
        ]
        if kind == "if":
            return Choice(path, read_tree(fields["test"], join_path(path, "test")), *ways)
        return WaitEvent(
            path,
            read_event(fields["event"], join_path(path, "event")),
            read_property_key(fields["same"], join_path(path, "same"))
            if "same" in fields
            else None,
            read_span(fields["at_most"], join_path(path, "at_most")),
            *ways,
        )

    def _split(self, value: object, path: str, following: str, depth: int) -> Step:
        fields = read_fields(value, path, ("type", "branches"), ("salt",))
        list_path = join_path(path, "branches")
        branches = fields["branches"]
        if not isinstance(branches, list) or not 2 <= len(branches) <= 10:
            raise definition_error(list_path, "limit", "A split has 2 to 10 branches.")
        ways, sum_of_percents = [], 0
        for place, branch in enumerate(branches):
            here = f"{list_path}[{place}]"
            inner = read_fields(branch, here, ("percent",), ("steps",))
            percent_path = join_path(here, "percent")
            sum_of_percents += read_count(inner["percent"], percent_path, low=1, high=99)
            steps = self._steps(
                inner.get("steps", []), join_path(here, "steps"), following, depth + 1
            )
            ways.append((sum_of_percents, steps))
        if sum_of_percents != 100:
            raise definition_error(list_path, "invalid", "The percents must add up to 100.")
        salt = read_name(fields.get("salt", path), join_path(path, "salt"))
        return Split(path, salt, tuple(ways))
