"""Mappings: what a destination is sent of a person, by expressions over the person's document.

Pure. A mapping is an object whose values are JMESPath expressions, or objects and lists of these.
What an expression finds nothing for is left out.
"""

from collections.abc import Collection, Mapping
from typing import Any

from profiles.lib.expressions import WrongExpression, compiled, evaluate

MAX_LENGTH, MAX_DEPTH, MAX_FIELDS = 1000, 8, 200


class WrongMapping(ValueError):
    """A mapping is refused, with the path of the fault."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path, self.detail = path, detail


def check_mapping(
    mapping: Any, *, fields: Collection[str], identifies: Collection[str]
) -> dict[str, Any]:
    """Return a mapping that a tool can have. Raises WrongMapping."""
    if not isinstance(mapping, dict):
        raise WrongMapping("mapping", "An object of names and expressions.")
    if fields and (unknown := sorted(set(mapping) - set(fields))):
        allowed = ", ".join(sorted(fields))
        raise WrongMapping(f"mapping.{unknown[0]}", f"The tool has no such field, but: {allowed}.")
    if not set(identifies) & set(mapping):
        raise WrongMapping("mapping", f"Name whom it is about, by {' or '.join(identifies)}.")
    _check(mapping, "mapping", 0)
    return mapping


def _check(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WrongMapping(path, "It is nested too deeply.")
    match value:
        case dict() | list() if len(value) > MAX_FIELDS:
            raise WrongMapping(path, f"At most {MAX_FIELDS} parts.")
        case dict():
            for name, inner in value.items():
                _check(inner, f"{path}.{name}", depth + 1)
        case list():
            for place, inner in enumerate(value):
                _check(inner, f"{path}[{place}]", depth + 1)
        case str():
            _check_expression(value, path)
        case _:
            raise WrongMapping(path, "An expression: a constant stands in back quotes, as `1`.")


def _check_expression(text: str, path: str) -> None:
    if len(text) > MAX_LENGTH:
        raise WrongMapping(path, f"At most {MAX_LENGTH} characters.")
    try:
        compiled(text)
    except WrongExpression as error:
        raise WrongMapping(path, f"It is no expression: {error}.") from None
    except RecursionError:
        raise WrongMapping(path, "It is nested too deeply.") from None


def fill_mapping(mapping: Any, person: Mapping[str, Any]) -> Any:
    """Return a mapping with what its expressions find, without what they do not."""
    match mapping:
        case str():
            return evaluate(mapping, person)
        case dict():
            filled = {name: fill_mapping(inner, person) for name, inner in mapping.items()}
            return {name: value for name, value in filled.items() if value not in EMPTY}
        case list():
            return [
                value for inner in mapping if (value := fill_mapping(inner, person)) not in EMPTY
            ]
        case _:
            return None


EMPTY: tuple[Any, ...] = (None, "", {}, [])
