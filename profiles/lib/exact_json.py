"""JSON whose numbers stay exact decimals on the way in, in the database and on the way out.

Invariant: 19.99 is read as the decimal 19.99 and never as the float beside it. What others sent is
read by `read`, which judges it; `loads` trusts its text, which the product wrote itself.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

from profiles.lib.numbers import may_be_unusual, number

MAX_DEPTH = 64  # keeps every later recursion within Python's limit
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_sorting_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL and lone surrogates
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OUT_OF_RANGE = object()

# A bound method instead of a function: the drain calls it for every message.
dump_bytes = _encoder.encode


class UnreadableJSON(ValueError):
    """A text of others is refused: a stable code, the path of the fault, and what would be right.

    The detail omits the text, which may be personal.
    """

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.path, self.detail = code, path, detail


def loads(text: bytes | str) -> Any:
    """Return the value of a text that is stored or was judged before."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        # A store of an older version may have numbers of any length.
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def dumps(value: object) -> str:
    """Return JSON text with keys in their own order; a Decimal becomes a number, digit by digit."""
    return _encoder.encode(value).decode()


def dumps_sorted(value: object) -> str:
    """Return JSON text with sorted keys, so that equal values have equal texts."""
    return _sorting_encoder.encode(value).decode()


def storable(text: bytes) -> bytes:
    """Return a JSON text of others as it can be stored: its strings NFC, without NUL, zeros 0.

    Only what looks unusual is decoded; the rest may still be no JSON. Raises UnreadableJSON.
    """
    if not text.isascii():
        text = _composed(text)
    is_plain = b"\\u" not in text and not may_be_unusual(text)
    return text if is_plain else dump_bytes(read(text))


def read(text: bytes, *, repairs: bool = True, keeps_numbers: bool = False) -> Any:
    """Return the value of a JSON text of others, its numbers exact and its strings NFC.

    Signs that cannot be stored are replaced, or refused. Raises UnreadableJSON for what is not
    UTF-8, not JSON, nested more than 64 levels deep, or has a number or a text that is not taken;
    with `keeps_numbers` such a number is the `msgspec.Raw` of how it is written.
    """
    if is_too_deep(text):
        raise UnreadableJSON("too_deep", "", f"nested at most {MAX_DEPTH} levels deep")
    try:
        value = json.loads(
            _composed(text).decode(),
            parse_float=_written if keeps_numbers else _number,
            parse_int=_written if keeps_numbers else _number,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, UnreadableJSON) else _not_json() from None
    return _judged(value, "", _repaired if repairs else _checked)


def with_floats(value: Any) -> Any:
    """Return the value with floats for decimals, for callers that know no Decimal."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: with_floats(inner) for key, inner in value.items()}
        case list():
            return [with_floats(inner) for inner in value]
        case _:
            return value


def is_too_deep(text: bytes) -> bool:
    # Counting brackets is fast; the exact depth is measured only if it may be too much.
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH and _depth(text) > MAX_DEPTH


def composed(text: str) -> str:
    """Return the text in Unicode's normal form C, as all texts are stored."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes the text: it has neither NUL nor lone surrogates."""
    return _UNSTORABLE.search(text) is None


class ExactEncoder(json.JSONEncoder):
    """The encoder for Django's JSONField."""

    def encode(self, o: object) -> str:
        return dumps(o)


class ExactDecoder(json.JSONDecoder):
    """The decoder for Django's JSONField."""

    def decode(self, s: str, *_: object) -> object:
        return loads(s)


class FormDecoder(json.JSONDecoder):
    """The decoder for a form's JSONField, whose text is of others."""

    def decode(self, s: str, *_: object) -> object:
        try:
            return with_floats(read(s.encode(), repairs=False))
        except UnreadableJSON as refused:
            # The one error that Django's field answers.
            raise json.JSONDecodeError(refused.detail, "", 0) from None


def _composed(text: bytes) -> bytes:
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise UnreadableJSON("not_utf8", "", "UTF-8 text") from None
    # No sign of JSON itself composes with what follows it.
    return text if unicodedata.is_normalized("NFC", decoded) else composed(decoded).encode()


def _number(token: str) -> Any:
    value = number(token)
    return _OUT_OF_RANGE if value is None else value


def _written(token: str) -> Any:
    value = number(token)
    return msgspec.Raw(token.encode()) if value is None else value


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise _not_json()


def _not_json() -> UnreadableJSON:
    return UnreadableJSON("not_json", "", "valid JSON")


def _depth(text: bytes) -> int:
    """Return how deep brackets nest outside of strings."""
    depth = deepest = 0
    for bracket in re.findall(rb"[{}\[\]]", _STRING.sub(b"", text)):
        if bracket in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _judged(value: Any, path: str, spelled: Callable[[str, str], str]) -> Any:
    """Return the value with its texts as `spelled` of text and path makes them."""
    match value:
        case str():
            return spelled(value, path)
        case dict():
            return {
                spelled(key, path): _judged(inner, f"{path}.{key}" if path else key, spelled)
                for key, inner in value.items()
            }
        case list():
            return [
                _judged(inner, f"{path}[{place}]", spelled) for place, inner in enumerate(value)
            ]
        case _ if value is _OUT_OF_RANGE:
            detail = "a number within the range of doubles, of at most 100 digits unless whole"
            raise UnreadableJSON("number_out_of_range", _repaired(path), detail)
        case _:
            return value


def _repaired(text: str, path: str = "") -> str:
    return composed(_UNSTORABLE.sub(REPLACEMENT, text))


def _checked(text: str, path: str) -> str:
    if not is_storable(text):
        detail = "text without NUL and half characters"
        raise UnreadableJSON("unstorable", _repaired(path), detail)
    return composed(text)
