"""Reading the windows of event leaves."""

from segments.language import nodes
from segments.language.calendar import length_of
from segments.language.nodes import Window
from segments.language.operands import (
    definition_error,
    join_path,
    read_calendar_unit,
    read_duration,
    read_fields,
    read_iso,
)

ALLOWED = (
    'Allowed: {"last": {"days": 90}}, {"between_ago": [{"days": 90}, {"days": 30}]}, '
    '{"this": "month"}, {"previous": "month"} or {"from": …, "to": …}.'
)
ENDS = ("from", "to")


def read_window(value: object, path: str) -> Window:
    """Read a window. It has one of the fields, or one or both ends."""
    fields = read_fields(value, path, (), ("last", "between_ago", "this", "previous", *ENDS))
    if fields and set(fields) <= set(ENDS):
        start, end = (
            read_iso(fields[name], join_path(path, name)) if name in fields else None
            for name in ENDS
        )
        return nodes.Range(start, end)
    if len(fields) != 1:
        raise definition_error(path, "invalid", ALLOWED)
    ((name, operand),) = fields.items()
    operand_path = join_path(path, name)
    match name:
        case "last":
            return nodes.Last(read_duration(operand, operand_path))
        case "this":
            return nodes.This(read_calendar_unit(operand, operand_path))
        case "previous":
            return nodes.Previous(read_calendar_unit(operand, operand_path))
        case _:
            return _read_between_ago(operand, operand_path)


def _read_between_ago(value: object, path: str) -> nodes.BetweenAgo:
    if not isinstance(value, list) or len(value) != 2:
        raise definition_error(
            path, "type", "This must be a list of two durations: the longer and the shorter."
        )
    older, newer = (read_duration(item, f"{path}[{index}]") for index, item in enumerate(value))
    if length_of(older) <= length_of(newer):
        raise definition_error(path, "invalid", "The longer duration comes first.")
    return nodes.BetweenAgo(older, newer)
