"""Reading sequences of events."""

from segments.language import nodes
from segments.language.nodes import PersonLeaf, Step
from segments.language.operands import (
    definition_error,
    join_path,
    read_boolean,
    read_duration,
    read_fields,
    read_name,
    read_spread_key,
)
from segments.language.trees import TreeReader
from segments.language.where import read_kind, read_where
from segments.language.windows import read_window

MAX_STEPS = 10


def read_sequence(reader: TreeReader, value: object, path: str, depth: int) -> PersonLeaf:
    """Read a sequence of two steps or more, of which the last may be absent."""
    fields = read_fields(value, path, ("type", "steps"), ("window",))
    steps_path, definitions = join_path(path, "steps"), fields["steps"]
    if not isinstance(definitions, list) or not 2 <= len(definitions) <= MAX_STEPS:
        detail = f"A sequence has a list of 2 to {MAX_STEPS} steps."
        raise definition_error(steps_path, "limit", detail)
    steps = [
        _read_step(reader, definition, f"{steps_path}[{number}]", depth, number)
        for number, definition in enumerate(definitions)
    ]
    for number, (_, is_absent) in enumerate(steps[:-1]):
        if is_absent:
            place = join_path(f"{steps_path}[{number}]", "absent")
            raise definition_error(place, "invalid", "Only the last step can be absent.")
    _refuse_two_keys([step for step, _ in steps], steps_path)
    last, is_absent = steps[-1]
    present = tuple(step for step, _ in (steps[:-1] if is_absent else steps))
    window = (
        read_window(fields["window"], join_path(path, "window")) if "window" in fields else None
    )
    return nodes.SequenceLeaf(present, last if is_absent else None, window)


def _read_step(
    reader: TreeReader, value: object, path: str, depth: int, number: int
) -> tuple[Step, bool]:
    """Return a step, and whether it is absent."""
    later = ("same", "absent") if number else ()
    required = ("name", "within") if number else ("name",)
    fields = read_fields(value, path, required, ("kind", "where", *later))
    name = read_name(fields["name"], join_path(path, "name"))
    step = Step(
        name=name,
        kind=read_kind(fields, path, name),
        within=read_duration(fields["within"], join_path(path, "within")) if number else None,
        same=_read_same(fields["same"], join_path(path, "same")) if "same" in fields else None,
        where=read_where(reader, fields, path, depth),
    )
    absent_path = join_path(path, "absent")
    return step, "absent" in fields and read_boolean(fields["absent"], absent_path)


def _read_same(value: object, path: str) -> nodes.Same:
    fields = read_fields(value, path, ("property", "of_first"))
    return nodes.Same(
        read_spread_key(fields["property"], join_path(path, "property")),
        read_spread_key(fields["of_first"], join_path(path, "of_first")),
    )


def _refuse_two_keys(steps: list[Step], path: str) -> None:
    """Raise DefinitionError where steps are compared with different keys of the first one."""
    first = None
    for number, step in enumerate(steps):
        if step.same is not None:
            first = first or step.same.of_first
            if step.same.of_first != first:
                place = f"{path}[{number}].same.of_first"
                raise definition_error(
                    place, "invalid", "All steps take the same key of the first."
                )
