"""The expressions of mappings: JMESPath, with exact arithmetic and times beside it.

A function whose argument is missing returns nothing, as paths do. Amounts are exact decimals,
whether a tool writes them as numbers or as texts.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import jmespath
from jmespath import functions

# Currencies without a minor unit, and with three digits, as Stripe lists them.
_NO_MINOR = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV"}
    | {"XAF", "XOF", "XPF"}
)
_THREE_DIGITS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# As a number of JSON may have: a text of a few signs can name one that fills the memory.
MAX_DIGITS = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
# The Message-ID of a mail of ours: a UUID, a dot, the key of its purpose.
_OWN_MAIL = re.compile(r"<?[0-9a-f-]{36}\.([a-z][a-z0-9_-]{0,62})@")
# The consent category that a refusal is of where nothing says for what the mail was.
ANY_MAIL = "email_marketing"
_ANY: dict[str, list[str]] = {"types": []}


class Functions(functions.Functions):  # type: ignore[misc]
    """What mappings compute beside JMESPath's own functions."""

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_text(self, value: Any) -> str | None:
        """Return a number or text as a text."""
        return None if value is None or isinstance(value, dict | list) else str(value)

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_decimal(self, value: Any) -> Decimal | None:
        return _decimal(value)

    @functions.signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_plus(self, one: Any, other: Any) -> Decimal | None:
        return _computed(one, other, Decimal.__add__)

    @functions.signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_minus(self, one: Any, other: Any) -> Decimal | None:
        return _computed(one, other, Decimal.__sub__)

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_sum_of(self, values: Any) -> Decimal:
        """Return the sum of a list, also of lists in it; what is no number counts nothing."""
        return _sum(values)

    @functions.signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_share(self, value: Any, parts: Any) -> Decimal | None:
        """Return the share of an amount that [part, whole] says, to the cent."""
        amount = _decimal(value)
        part, whole = (_decimal(each) for each in parts)
        if amount is None or part is None or not whole:
            return None
        return (amount * part / whole).quantize(Decimal("0.01"))

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_absolute(self, value: Any) -> Decimal | None:
        amount = _decimal(value)
        return None if amount is None else abs(amount)

    @functions.signature(_ANY, _ANY)  # type: ignore[untyped-decorator]
    def _func_minor(self, value: Any, currency: Any) -> Decimal | None:
        """Return an amount that is written in the smallest unit of its currency."""
        amount, code = _decimal(value), str(currency or "").upper()
        digits = 0 if code in _NO_MINOR else 3 if code in _THREE_DIGITS else 2
        return None if amount is None else amount.scaleb(-digits)

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_upper(self, value: Any) -> str | None:
        return value.upper() if isinstance(value, str) else None

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_epoch(self, value: Any) -> str | None:
        """Return the time that seconds since 1970 name."""
        return _moment(_decimal(value))

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_epoch_ms(self, value: Any) -> str | None:
        """Return the time that milliseconds since 1970 name."""
        milliseconds = _decimal(value)
        return None if milliseconds is None else _moment(milliseconds.scaleb(-3))

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_utc(self, value: Any) -> str | None:
        """Return a time that a tool writes in UTC without saying so."""
        return f"{value}Z" if isinstance(value, str) and value and value[-1] != "Z" else value

    @functions.signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_refusal(self, message_id: Any) -> dict[str, bool]:
        """Return the refusal of a mail by its Message-ID, which has the purpose if it is ours."""
        purpose = _OWN_MAIL.match(message_id) if isinstance(message_id, str) else None
        return {purpose[1] if purpose else ANY_MAIL: False}


_OPTIONS = jmespath.Options(custom_functions=Functions())


class WrongExpression(ValueError):
    """A text is no expression. The message names where."""


@lru_cache(maxsize=4096)
def compiled(expression: str) -> Any:
    """Return the parsed expression. Raises WrongExpression."""
    try:
        parsed = jmespath.compile(expression)
        called = list(_called(parsed.parsed))
    except ValueError as error:
        # Also of a number with more digits than Python reads, which the library lets through.
        raise WrongExpression(str(error).splitlines()[0]) from None
    except RecursionError:
        raise WrongExpression("It is nested too deeply.") from None
    for name in called:
        if name not in Functions.FUNCTION_TABLE:
            raise WrongExpression(f"There is no function {name}.")
    return parsed


def _called(node: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the functions that a parsed expression calls."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _called(child)


def evaluate(expression: str, content: Any) -> Any:
    """Return what an expression finds; nothing where a delivery has another shape."""
    try:
        return compiled(expression).search(content, _OPTIONS)
    except (jmespath.exceptions.JMESPathError, ArithmeticError, TypeError, ValueError):
        return None
    except RecursionError:
        return None


def _moment(seconds: Decimal | None) -> str | None:
    if seconds is None or not 0 <= seconds < _END:
        return None
    return (_EPOCH + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < MAX_DIGITS else None


def _computed(
    one: Any, other: Any, operator: Callable[[Decimal, Decimal], Decimal]
) -> Decimal | None:
    left, right = _decimal(one), _decimal(other)
    # What is not said is not subtracted: an order without a tax has none.
    return None if left is None else operator(left, right or Decimal())


def _sum(values: Any) -> Decimal:
    if isinstance(values, list):
        return sum((_sum(value) for value in values), Decimal())
    return _decimal(values) or Decimal()
