"""The operations by which staff change an automation.

Invariant: as in the segments' builder, one that makes no sense changes nothing and says so.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from segments.admin.builder import operations as builder
from segments.admin.builder.blanks import new_field
from segments.admin.builder.operations import Change, Operation
from segments.admin.builder.paths import join_steps, look_up, parent_of, put, split_path, take
from segments.admin.flow.forms import (
    AGAIN,
    CHECKS,
    MAILS,
    RULES,
    STEPS,
    TEXTS,
    TRIGGERS,
    new_of,
)
from segments.admin.flow.places import Condition, condition_at, is_list, is_step
from segments.language.events import PROPERTY_AGGREGATES
from segments.language.phrases import Language

AT_THE_END = 1000
BRANCH: Mapping[str, Any] = {"percent": 10, "steps": []}


def apply(definition: Any, operation: Operation) -> Change:
    """Return the automation after an operation; the given one stays as it is."""
    change = Change(deepcopy(definition), operation.path)
    try:
        _perform(change, operation)
    except (AttributeError, LookupError, TypeError, ValueError):
        return Change(definition, operation.path, _("This cannot be done here."))
    return change


def _perform(change: Change, operation: Operation) -> None:
    condition = condition_at(operation.path)
    if condition is not None and not _is_about(condition, operation):
        _within(change, condition, operation)
    elif operation.name in OPERATIONS:
        OPERATIONS[operation.name](change, operation)
    elif operation.path:
        done = builder.apply(change.definition, operation)
        change.definition, change.focus, change.words = done.definition, done.focus, done.words


def _is_about(condition: Condition, operation: Operation) -> bool:
    """Whether an operation gives or takes a condition as a whole."""
    if operation.name == "with":
        return condition.inside(operation.path) == ("where" if condition.is_event else "")
    return operation.name == "remove" and operation.path == condition.root


def _within(change: Change, condition: Condition, operation: Operation) -> None:
    """Have the segments' builder change a condition."""
    value = operation.value
    if operation.name == "move":
        if condition_at(value) != condition:
            raise LookupError(value)
        value = condition.inside(value)
    path = condition.inside(operation.path)
    inner = builder.apply(
        condition.of(change.definition), replace(operation, path=path, value=value)
    )
    change.definition = condition.put_back(change.definition, inner.definition)
    change.focus, change.words = condition.outside(inner.focus), inner.words


def _add(change: Change, operation: Operation) -> None:
    """Put a new step at the end of a list, or a new branch at that of a split."""
    is_branch = parent_of(operation.path)[1] == "branches"
    if not is_list(operation.path) and not is_branch:
        raise LookupError(operation.path)
    new = deepcopy(BRANCH) if is_branch else new_of(STEPS, operation.kind)
    _insert(change, operation.path, new)
    change.words = _("added")


def _insert(change: Change, path: str, step: Any, index: int | None = None) -> None:
    above, field = parent_of(path)
    holder = look_up(change.definition, above) if above else change.definition
    # A way without a step may be left out.
    steps = holder.setdefault(str(field), [])
    place = len(steps) if index is None else max(0, min(index, len(steps)))
    steps.insert(place, step)
    change.focus = f"{path}[{place}]"


def _move(change: Change, operation: Operation) -> None:
    """Move a step to a place of a list of steps, `value` being its path."""
    path, target = operation.path, operation.value
    if not is_step(path) or not is_list(target) or target.startswith(f"{path}."):
        raise LookupError(path)
    above, index = parent_of(path)
    step = take(change.definition, path)
    _insert(change, _after_taking(target, above, int(index)), step, operation.index)
    change.words = builder.moved_words(change)


def _after_taking(path: str, above: str, index: int) -> str:
    """Return what a path is called once a step before it in a list is gone."""
    if not path.startswith(f"{above}["):
        return path
    number, _sep, rest = path[len(above) + 1 :].partition("]")
    return f"{above}[{int(number) - (int(number) > index)}]{rest}"


def _step_to(change: Change, operation: Operation, by: int) -> None:
    above, index = parent_of(operation.path)
    if not 0 <= int(index) + by < len(look_up(change.definition, above)):
        raise LookupError(operation.path)
    _move(change, Operation("move", operation.path, above, index=int(index) + by))


def _up(change: Change, operation: Operation) -> None:
    _step_to(change, operation, -1)


def _down(change: Change, operation: Operation) -> None:
    _step_to(change, operation, 1)


def _into(change: Change, operation: Operation) -> None:
    """Move a step to the end of the first way of the step before it, or after it."""
    above, index = parent_of(operation.path)
    for place in (int(index) - 1, int(index) + 1):
        beside = look_up(change.definition, f"{above}[{place}]") if place >= 0 else None
        if isinstance(beside, dict) and beside.get("type") in ("if", "wait_event", "split"):
            way = "branches[0].steps" if beside["type"] == "split" else "then"
            target = f"{above}[{place}].{way}"
            _move(change, Operation("move", operation.path, target, index=AT_THE_END))
            return
    raise LookupError(operation.path)


def _out(change: Change, operation: Operation) -> None:
    """Move a step out of the way that it is on, behind the step that parts the ways."""
    steps = split_path(parent_of(operation.path)[0])
    # A way is a field of its step, or of a branch of a split.
    is_branch = steps[-3:-2] == ["branches"]
    above, index = parent_of(join_steps(steps[: -3 if is_branch else -1]))
    _move(change, Operation("move", operation.path, above, index=int(index) + 1))


def _with(change: Change, operation: Operation) -> None:
    """Give a step, the trigger or the automation something that it may have."""
    above, name = parent_of(operation.path)
    holder = look_up(change.definition, above) if above else change.definition
    if name == "where":
        holder["where"] = new_field({"$ref": "#/$defs/where"})
    elif not above:
        holder[str(name)] = deepcopy(RULES[str(name)])
    elif parent_of(operation.path)[0].endswith("texts") and name in list(Language):
        holder[str(name)] = deepcopy(dict(TEXTS))
    else:
        forms = TRIGGERS if above == "trigger" else STEPS
        holder[str(name)] = deepcopy(forms[holder["type"]].optional[str(name)])


def _become(change: Change, operation: Operation) -> None:
    """Make the trigger one of another kind; what both have stays."""
    former = look_up(change.definition, operation.path)
    new = new_of(TRIGGERS, operation.value)
    kept = {name: former[name] for name in new if name != "type" and name in former}
    put(change.definition, operation.path, new | kept)


def _reform(forms: Mapping[str, Any]) -> Callable[[Change, Operation], None]:
    """Return an operation that gives a step another of its forms."""

    def reform(change: Change, operation: Operation) -> None:
        step = look_up(change.definition, operation.path)
        put(
            change.definition,
            operation.path,
            {"type": step["type"], **deepcopy(dict(forms[operation.value]))},
        )

    return reform


def _again(change: Change, operation: Operation) -> None:
    put(change.definition, operation.path, deepcopy(AGAIN[operation.value]))


def _compute(change: Change, operation: Operation) -> None:
    """Compute another quantity, of a property where it takes one."""
    change.definition["aggregate"] = operation.value
    if operation.value in PROPERTY_AGGREGATES:
        change.definition.setdefault("property", "")
    else:
        change.definition.pop("property", None)


def _toggle(change: Change, operation: Operation) -> None:
    """Put a word on a list of words, or take it off."""
    words = look_up(change.definition, operation.path)
    if operation.kind in words:
        words.remove(operation.kind)
    else:
        words.append(operation.kind)


OPERATIONS: Mapping[str, Callable[[Change, Operation], None]] = {
    "add": _add,
    "move": _move,
    "up": _up,
    "down": _down,
    "in": _into,
    "out": _out,
    "with": _with,
    "become": _become,
    "mail_by": _reform(MAILS),
    "ask": _reform(CHECKS),
    "again": _again,
    "compute": _compute,
    "toggle": _toggle,
}
