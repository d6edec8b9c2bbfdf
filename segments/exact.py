"""JSON in which numbers stay exact decimals, on the way in, in the database and on the way out."""

import json
from decimal import Decimal

import msgspec

_decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def dumps(value: object) -> str:
    """JSON text; a Decimal becomes a number with all its digits."""
    return _encoder.encode(value).decode()


def loads(text: str | bytes) -> object:
    """What JSON text says; numbers with a point or an exponent become Decimal. Raises ValueError."""
    return _decoder.decode(text)


class ExactEncoder(json.JSONEncoder):
    """For Django's JSONField."""

    def encode(self, o: object) -> str:
        return dumps(o)


class ExactDecoder(json.JSONDecoder):
    """For Django's JSONField."""

    def decode(self, s: str, *_: object) -> object:
        return loads(s)
