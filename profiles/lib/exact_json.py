"""JSON whose numbers stay exact decimals on the way in, in the database and on the way out.

Invariant: 19.99 is read as the decimal 19.99 and never as the float beside it.
"""

import json
from decimal import Decimal
from typing import Any

import msgspec

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_sorting_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")

# Bound methods instead of functions: the drain calls them for every message.
loads = _decoder.decode
dump_bytes = _encoder.encode


def loads_from_outside(text: str | bytes) -> Any:
    """Read a text of unknown origin. Raises ValueError, also for too deep a nesting."""
    try:
        return loads(text)
    except RecursionError:
        raise ValueError("the nesting is too deep") from None
    except ArithmeticError:
        raise ValueError("a number is out of range") from None


def dumps(value: object) -> str:
    """Return JSON text with keys in their own order; a Decimal becomes a number, digit by digit."""
    return _encoder.encode(value).decode()


def dumps_sorted(value: object) -> str:
    """Return JSON text with sorted keys, so that equal values have equal texts."""
    return _sorting_encoder.encode(value).decode()


class ExactEncoder(json.JSONEncoder):
    """The encoder for Django's JSONField."""

    def encode(self, o: object) -> str:
        return dumps(o)


class ExactDecoder(json.JSONDecoder):
    """The decoder for Django's JSONField."""

    def decode(self, s: str, *_: object) -> object:
        return loads(s)
