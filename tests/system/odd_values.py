"""What nobody should send: texts and JSON that break careless readers, and how to send it."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from django.db import transaction

from tests.tries import SHARE

# One place gets a part of the values, and the next place the next part.
PARTS = round(6 / SHARE)

DEEP = 3000
TEXTS = (
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202e\ufeff",
    "'\";--%_\\*{}<>&",
    "🤷" * 300,
    "[" * DEEP,
    "NaN",
    "1e1000000000000000000",
    "9" * 20,
    "9" * 5000,
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "0582-01-04T15:09:04+20:47",
    "1890-06-01T12:00:00+00:09:21",
    "9999-12-31T23:59:59-01:00",
)
# As JSON, where these are no texts.
TOKENS = (
    "null",
    "true",
    "0",
    "-0.0",
    "9" * 20,
    "9" * 5000,
    "1e400",
    "-1e-400",
    "1e1000000000000000000",
    "NaN",
    "[]",
    "{}",
    "[[]]",
    '{"":""}',
    '{"\\u0000":"\\ud800"}',
    "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP + "1" + "}" * DEEP,
)
# Once as JSON can write half a character, once as no UTF-8 can.
HALVES = (rb'"\ud800"', b'"\xed\xa0\x80"')
JSON_VALUES = (
    *(token.encode() for token in TOKENS),
    *(msgspec.json.encode(text) for text in TEXTS if text != "\ud800"),
    *HALVES,
)
MARK = "@odd@"
Place = tuple[str | int, ...]


def places_of(body: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each part of a JSON body, all of it and one more key among them."""
    yield place
    match body:
        case dict():
            yield (*place, MARK)
            for key, part in body.items():
                yield from places_of(part, (*place, key))
        case list() if body:
            yield from places_of(body[0], (*place, 0))


def with_value(body: Any, place: Place, value: bytes) -> bytes:
    """Return the JSON of the body with the value at the place; a text is the new key itself."""
    marked = msgspec.json.encode(_marked(body, place))
    if place and place[-1] == MARK and not value.startswith(b'"'):
        value = b'"more"'
    return marked.replace(f'"{MARK}"'.encode(), value)


def _marked(body: Any, place: Place) -> Any:
    match place:
        case ():
            return MARK
        case (str() as key, *rest) if key == MARK:
            return {**body, MARK: 1}
        case (str() as key, *rest):
            return {**body, key: _marked(body[key], tuple(rest))}
        case _:
            return [_marked(body[0], place[1:]), *body[1:]]


def part_of(values: Sequence[Any], place: str) -> Sequence[Any]:
    """Return some of the values, the same ones for the same place at each run."""
    return values[zlib.crc32(place.encode()) % PARTS :: PARTS]


def escaped(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def send(client: Any, method: str, address: str, body: bytes = b"", **more: Any) -> Any:
    """Send a request, hold its answer to be no server error, and take back what it changed."""
    with transaction.atomic():
        answer = client.generic(method.upper(), address, body, **more)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (method, address[:200], body[:300], answer.status_code)
    return answer
