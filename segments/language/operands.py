"""Reading the single values of a definition: keys, texts, numbers, dates and durations.

Invariant: every error names the path of the fault and what is allowed there.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from profiles.lib.exact_json import composed
from segments.language.calendar import parse_date
from segments.language.nodes import (
    CalendarUnit,
    Duration,
    IsoText,
    OtherTrait,
    Path,
    Scalar,
    SpreadPath,
    Unit,
)

MAX_TEXT_LENGTH = 1000
MAX_LIST_LENGTH = 1000
MAX_KEY_LENGTH = 255
MAX_KEY_PARTS = 10
# Far below what PostgreSQL's numeric can hold, so that no computation with operands overflows.
MAX_DIGITS = 40
MAX_EXPONENT = 30
# About a century of each unit, ten years of minutes and hours.
MAX_COUNTS = {
    Unit.MINUTES: 5_256_000,
    Unit.HOURS: 87_600,
    Unit.DAYS: 36_500,
    Unit.WEEKS: 5_200,
    Unit.MONTHS: 1_200,
    Unit.YEARS: 100,
}
# PostgreSQL text can hold neither the NUL character nor lone surrogates.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Fault(NamedTuple):
    """One error in a definition, with its path such as `children[1].window.last`."""

    path: str
    code: str
    detail: str


class DefinitionError(ValueError):
    """The definition is not valid; `errors` are all faults that were found."""

    def __init__(self, errors: Sequence[Fault]) -> None:
        super().__init__(
            "; ".join(f"{fault.path or 'definition'}: {fault.detail}" for fault in errors)
        )
        self.errors = tuple(errors)


def definition_error(path: str, code: str, detail: str) -> DefinitionError:
    """Return an error with a single fault."""
    return DefinitionError([Fault(path, code, detail)])


def join_path(path: str, step: str) -> str:
    """Return the path of a field of the object at `path`."""
    return f"{path}.{step}" if path else step


def list_words(words: Collection[str]) -> str:
    """Return the words in alphabetical order, separated by commas."""
    return ", ".join(sorted(words))


def read_fields(
    value: object, path: str, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return the object if it has all required fields and no unknown one."""
    if not isinstance(value, dict):
        raise definition_error(path, "type", "This must be an object.")
    allowed = {*required, *optional}
    faults = [
        Fault(
            join_path(path, str(name)),
            "unknown_field",
            f"Unknown field; allowed: {list_words(allowed)}.",
        )
        for name in value
        if name not in allowed
    ]
    faults += [
        Fault(join_path(path, name), "required", "This field is required.")
        for name in required
        if name not in value
    ]
    if faults:
        raise DefinitionError(faults)
    return value


def read_choice(value: object, path: str, allowed: Collection[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise definition_error(path, "choice", f"Allowed: {list_words(allowed)}.")
    return value


def read_text(value: object, path: str, *, max_length: int = MAX_TEXT_LENGTH) -> str:
    """Return a text as texts are stored, in Unicode's normal form C."""
    if not isinstance(value, str):
        raise definition_error(path, "type", "This must be text.")
    if len(value) > max_length:
        raise definition_error(path, "limit", f"At most {max_length} characters.")
    if UNSTORABLE.search(value):
        raise definition_error(
            path, "invalid", "NUL characters and lone surrogates are not allowed."
        )
    return composed(value)


def read_name(value: object, path: str) -> str:
    """Return a text of at most MAX_KEY_LENGTH characters that is not empty."""
    if not (name := read_text(value, path, max_length=MAX_KEY_LENGTH)):
        raise definition_error(path, "required", "This must not be empty.")
    return name


def read_number(value: object, path: str) -> Decimal:
    # True and False are integers in Python, but not in JSON.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise definition_error(path, "type", "This must be a number.")
    # By the float's repr: its exact binary value has digits that nobody wrote.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    is_small = number.is_finite() and abs(number.adjusted()) <= MAX_EXPONENT
    if not is_small or len(number.as_tuple().digits) > MAX_DIGITS:
        limit = f"A number has at most {MAX_DIGITS} digits and is below 1e{MAX_EXPONENT}."
        raise definition_error(path, "limit", limit)
    return number


def read_count(value: object, path: str, *, low: int, high: int) -> int:
    number = read_number(value, path)
    if number != number.to_integral_value() or not low <= number <= high:
        raise definition_error(path, "limit", f"This must be a whole number from {low} to {high}.")
    return int(number)


def read_number_between(value: object, path: str, low: int, high: int) -> Decimal:
    number = read_number(value, path)
    if not low <= number <= high:
        raise definition_error(path, "limit", f"This must be a number from {low} to {high}.")
    return number


def read_boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise definition_error(path, "type", "This must be true or false.")
    return value


def read_scalar(value: object, path: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return read_text(value, path)
    if isinstance(value, int | float | Decimal):
        return read_number(value, path)
    raise definition_error(path, "type", "This must be text, a number, true or false.")


def read_items(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise definition_error(path, "type", "This must be a list.")
    if not 1 <= len(value) <= MAX_LIST_LENGTH:
        raise definition_error(
            path, "limit", f"A list of values has 1 to {MAX_LIST_LENGTH} of them."
        )
    return value


def read_key(value: object, path: str) -> Path:
    """Split a key at its dots: `address.city` is a field of an object, `\\.` is a literal dot."""
    text = read_name(value, path)
    # NUL stands in for an escaped dot meanwhile; read_text has made sure that the text has none.
    steps = tuple(step.replace("\0", ".") for step in text.replace("\\.", "\0").split("."))
    if not all(steps) or len(steps) > MAX_KEY_PARTS:
        detail = (
            f"A key has 1 to {MAX_KEY_PARTS} parts between dots, none empty; \\. is a literal dot."
        )
        raise definition_error(path, "invalid", detail)
    return steps


def read_property_key(value: object, path: str) -> Path:
    """Read the key of a property. A list ends it, so `products[].sku` is refused."""
    key = read_key(value, path)
    for number, step in enumerate(key):
        if step.endswith("[]"):
            lead = ".".join([*key[:number], step.removesuffix("[]")])
            raise definition_error(path, "invalid", use_any(lead))
    return key


def read_spread_key(value: object, path: str) -> SpreadPath:
    """Read a key in which `[]` after a part means each element of that list."""
    steps: list[str | None] = []
    for step in read_key(value, path):
        name = step.removesuffix("[]")
        if not name:
            raise definition_error(path, "invalid", "A [] follows the key of a list.")
        steps += [name] if name == step else [name, None]
    return tuple(steps)


def use_any(key: str) -> str:
    """Return what to say of a key that goes into the list at `key`."""
    example = f'{{"type": "any", "key": "{key}", "where": …}}'
    return f"{key} is a list of objects; use any in where: {example}."


def read_calendar_unit(value: object, path: str) -> CalendarUnit:
    return CalendarUnit(read_choice(value, path, tuple(CalendarUnit)))


def read_iso(value: object, path: str) -> IsoText:
    text = read_text(value, path)
    if parse_date(text) is None:
        detail = (
            "This must be a date or time such as "
            "2026-03-15, 2026-03-15T09:30 or 2026-03-15T09:30:00Z."
        )
        raise definition_error(path, "invalid", detail)
    return IsoText(text)


def read_duration(value: object, path: str) -> Duration:
    """Read an object with one unit and its count, such as `{"days": 90}`."""
    fields = read_fields(value, path, (), tuple(Unit))
    if len(fields) != 1:
        raise definition_error(
            path, "invalid", f'This takes one unit, as {{"days": 90}}: {list_words(tuple(Unit))}.'
        )
    (name, count) = next(iter(fields.items()))
    unit = Unit(name)
    return Duration(unit, read_count(count, join_path(path, name), low=1, high=MAX_COUNTS[unit]))


def read_other_trait(value: object, path: str) -> OtherTrait | None:
    """Read `{"trait": "other"}`; None if the value is not an object."""
    if not isinstance(value, dict):
        return None
    fields = read_fields(value, path, ("trait",))
    return OtherTrait(read_key(fields["trait"], join_path(path, "trait")))
