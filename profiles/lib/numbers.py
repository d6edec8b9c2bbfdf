"""Which JSON numbers are taken: those that every door reads, stores and shows without a loss.

Invariant: what is taken is finite as a double, short as text, and read back exactly by PostgreSQL
and Python.
"""

import re
from decimal import Decimal

MAX_TOKEN = 400  # characters, and the greatest written exponent
MAX_DIGITS = 100  # significant digits of a number that is not whole
SMALLEST = Decimal("4.9e-324")  # the smallest double above zero, as Java and C print it
TOO_LARGE = Decimal("1.8e308")  # above the largest double

# An exponent of three digits or 41 digits in a row, after a sign that a number follows in JSON. A
# pattern for each sign, since what begins with one letter is found in half the time.
_UNUSUAL = [
    re.compile(sign + rb"\s*+-?\d(?:[\d.]{40}|[\d.]*+[eE][+-]?\d{3})")
    for sign in (b":", b",", rb"\[")
]
_EXPONENT = re.compile(r"[eE]([+-]?\d+)\Z")


def may_be_unusual(text: bytes) -> bool:
    """Whether a number of a JSON text may be outside of the limits; False is certain."""
    return any(pattern.search(text) for pattern in _UNUSUAL)


def number(token: str) -> int | Decimal | None:
    """Return the exact value of a JSON number, 0 for every zero, or None if it is not taken."""
    if len(token) > MAX_TOKEN:
        return None
    exponent = _EXPONENT.search(token)
    # Before anything is computed, since a huge exponent is a huge number.
    if exponent and abs(int(exponent[1])) > MAX_TOKEN:
        return None
    value = Decimal(token)
    if not value:
        return 0
    if not SMALLEST <= abs(value) < TOO_LARGE or _has_too_many_digits(value):
        return None
    return int(token) if token.lstrip("-").isdigit() else value


def whole(value: Decimal) -> int | None:
    """Return the whole number that a taken number is, such as 42 for 42.0, or None."""
    return int(value) if value == value.to_integral_value() else None


def _has_too_many_digits(value: Decimal) -> bool:
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    return len(digits) > MAX_DIGITS and value != value.to_integral_value()
