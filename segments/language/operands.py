"""Reading single values of a definition: keys, texts, numbers, dates, durations. Each refusal says what is allowed."""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from segments.language.calendar import parse_date
from segments.language.nodes import Duration, IsoText, OtherTrait, Path, Scalar, Unit

LONGEST_TEXT = 1000
LONGEST_LIST = 1000
LONGEST_KEY = 255
DEEPEST_KEY = 10
LARGEST_DIGITS = 40
LARGEST_EXPONENT = 30
LARGEST_COUNTS = {
    Unit.MINUTES: 5_256_000,
    Unit.HOURS: 87_600,
    Unit.DAYS: 36_500,
    Unit.WEEKS: 5_200,
    Unit.MONTHS: 1_200,
    Unit.YEARS: 100,
}
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Fault(NamedTuple):
    """One thing that is wrong with a definition, and where: `children[1].window.last`."""

    path: str
    code: str
    detail: str


class DefinitionError(ValueError):
    """A definition is refused. `errors` name each fault with its path and what is allowed."""

    def __init__(self, errors: Sequence[Fault]) -> None:
        super().__init__(
            "; ".join(f"{fault.path or 'definition'}: {fault.detail}" for fault in errors)
        )
        self.errors = tuple(errors)


def refuse(path: str, code: str, detail: str) -> DefinitionError:
    return DefinitionError([Fault(path, code, detail)])


def within(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))


def read_fields(
    value: object, path: str, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """An object that has all required fields and no unknown one."""
    if not isinstance(value, dict):
        raise refuse(path, "type", "This must be an object.")
    allowed = {*required, *optional}
    faults = [
        Fault(
            within(path, str(name)), "unknown_field", f"Unknown field; allowed: {listed(allowed)}."
        )
        for name in value
        if name not in allowed
    ]
    faults += [
        Fault(within(path, name), "required", "This field is required.")
        for name in required
        if name not in value
    ]
    if faults:
        raise DefinitionError(faults)
    return value


def read_choice(value: object, path: str, allowed: Collection[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise refuse(path, "choice", f"Allowed: {listed(allowed)}.")
    return value


def read_text(value: object, path: str, *, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise refuse(path, "type", "This must be text.")
    if len(value) > longest:
        raise refuse(path, "limit", f"At most {longest} characters.")
    if UNSTORABLE.search(value):
        raise refuse(path, "invalid", "NUL characters and lone surrogates are not allowed.")
    return value


def read_name(value: object, path: str) -> str:
    """Text that is not empty."""
    if not (name := read_text(value, path, longest=LONGEST_KEY)):
        raise refuse(path, "required", "This must not be empty.")
    return name


def read_number(value: object, path: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise refuse(path, "type", "This must be a number.")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    is_small = number.is_finite() and abs(number.adjusted()) <= LARGEST_EXPONENT
    if not is_small or len(number.as_tuple().digits) > LARGEST_DIGITS:
        limit = f"A number has at most {LARGEST_DIGITS} digits and is below 1e{LARGEST_EXPONENT}."
        raise refuse(path, "limit", limit)
    return number


def read_count(value: object, path: str, *, low: int, high: int) -> int:
    number = read_number(value, path)
    if number != number.to_integral_value() or not low <= number <= high:
        raise refuse(path, "limit", f"This must be a whole number from {low} to {high}.")
    return int(number)


def read_boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise refuse(path, "type", "This must be true or false.")
    return value


def read_scalar(value: object, path: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return read_text(value, path)
    if isinstance(value, int | float | Decimal):
        return read_number(value, path)
    raise refuse(path, "type", "This must be text, a number, true or false.")


def read_items(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise refuse(path, "type", "This must be a list.")
    if not 1 <= len(value) <= LONGEST_LIST:
        raise refuse(path, "limit", f"A list of values has 1 to {LONGEST_LIST} of them.")
    return value


def read_key(value: object, path: str) -> Path:
    """`address.city` goes into an object; `\\.` is a literal dot."""
    text = read_name(value, path)
    steps = tuple(step.replace("\0", ".") for step in text.replace("\\.", "\0").split("."))
    if not all(steps) or len(steps) > DEEPEST_KEY:
        detail = (
            f"A key has 1 to {DEEPEST_KEY} parts between dots, none empty; \\. is a literal dot."
        )
        raise refuse(path, "invalid", detail)
    return steps


def read_iso(value: object, path: str) -> IsoText:
    text = read_text(value, path)
    if parse_date(text) is None:
        detail = "This must be a date or time such as 2026-03-15, 2026-03-15T09:30 or 2026-03-15T09:30:00Z."
        raise refuse(path, "invalid", detail)
    return IsoText(text)


def read_duration(value: object, path: str) -> Duration:
    """One unit and its count: `{"days": 90}`."""
    fields = read_fields(value, path, (), tuple(Unit))
    if len(fields) != 1:
        raise refuse(
            path, "invalid", f'This takes one unit, as {{"days": 90}}: {listed(tuple(Unit))}.'
        )
    (name, count), *_ = fields.items()
    unit = Unit(name)
    return Duration(unit, read_count(count, within(path, name), low=1, high=LARGEST_COUNTS[unit]))


def read_other_trait(value: object, path: str) -> OtherTrait | None:
    """`{"trait": "other"}`, or None where the operand is no object."""
    if not isinstance(value, dict):
        return None
    fields = read_fields(value, path, ("trait",))
    return OtherTrait(read_key(fields["trait"], within(path, "trait")))
