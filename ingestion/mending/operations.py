"""What a rule does to the JSON of a message, such as dropping a property (pure).

A path is that of a fault, such as `properties.price` or `products[0].price`; `products[*].price` is
each. What a rule finds nothing for, or cannot do, it leaves as it is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, assert_never

from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.lib.numbers import number

_INDEX = re.compile(r"\[(\d+|\*)\]\.?(.*)", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
UNCHANGED = object()


class Verb(StrEnum):
    """What is done at a path."""

    DROP = "drop"
    RENAME = "rename"
    CAST = "cast"
    SET = "set"


class Type(StrEnum):
    """What a value is cast to; `json` reads a text that holds JSON."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One rule. `to` is the new name of `rename` or the type of `cast`, `value` that of `set`."""

    verb: Verb
    path: str
    to: str = ""
    value: Any = None


def operate(raw: bytes, operations: Iterable[Operation]) -> bytes:
    """Return the message after the operations. Raises UnreadableJSON where it is no object."""
    message = exact_json.read(raw, keeps_numbers=True)
    if not isinstance(message, dict):
        raise UnreadableJSON("not_an_object", "", "a message is a JSON object")
    for operation in operations:
        # A list first, since the operation changes what is walked over.
        for holder, key in list(_places(message, operation.path)):
            _apply(operation, holder, key)
        if operation.verb is Verb.SET:
            _set(message, operation)
    return exact_json.dump_bytes(message)


def _places(holder: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list that has a value at the path, and its key there."""
    match holder:
        case dict():
            if path in holder:
                yield holder, path
                return
            # Keys may have dots of their own.
            for name, value in holder.items():
                rest = path.removeprefix(name)
                if rest != path and rest.startswith((".", "[")):
                    yield from _places(value, rest.removeprefix("."))
        case list():
            if index := _INDEX.fullmatch(path):
                everyone = range(len(holder))
                places = everyone if index[1] == "*" else [int(index[1])]
                for place in set(places) & set(everyone):
                    if index[2]:
                        yield from _places(holder[place], index[2])
                    else:
                        yield holder, place


def _apply(operation: Operation, holder: Any, key: Any) -> None:
    match operation.verb:
        case Verb.DROP:
            # An item of a list becomes null, so that the others keep their places.
            holder[key] = None
            if isinstance(holder, dict):
                del holder[key]
        case Verb.RENAME:
            if isinstance(holder, dict) and operation.to not in holder:
                holder[operation.to] = holder.pop(key)
        case Verb.CAST:
            value = cast_value(holder[key], Type(operation.to))
            if value is not UNCHANGED:
                holder[key] = value
        case Verb.SET:
            holder[key] = operation.value
        case _:
            assert_never(operation.verb)


def _set(message: dict[str, Any], operation: Operation) -> None:
    """Set a value that was not there, in an object that is."""
    parent, _, name = operation.path.rpartition(".")
    holders = [holder[key] for holder, key in _places(message, parent)] if parent else [message]
    for holder in holders:
        if isinstance(holder, dict):
            holder.setdefault(name, operation.value)


def cast_value(value: Any, type_: Type) -> Any:
    """Return the value as another type, or UNCHANGED where it is no such."""
    match type_:
        case Type.TEXT:
            return _as_text(value)
        case Type.NUMBER:
            is_number = isinstance(value, str) and _NUMBER.fullmatch(value.strip())
            cast = number(value.strip()) if is_number else None
            return UNCHANGED if cast is None else cast
        case Type.BOOLEAN:
            plain = str(value).strip().lower() if isinstance(value, str | int) else ""
            return _TRUTHS.get(plain, UNCHANGED)
        case Type.JSON:
            return _as_json(value)
        case _:
            assert_never(type_)


def _as_text(value: Any) -> Any:
    match value:
        case None | str():
            return UNCHANGED
        case int() | Decimal() | dict() | list():
            return exact_json.dumps(value)
        case _:
            return bytes(value).decode()  # a number that is not taken, as it was written


def _as_json(value: Any) -> Any:
    if not isinstance(value, str):
        return UNCHANGED
    try:
        return exact_json.read(value.encode(errors="replace"))
    except UnreadableJSON:
        return UNCHANGED
