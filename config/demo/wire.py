"""What a source sends: messages in the words of the tracking API, and requests made of them.

Invariant: a message's id is its own for ever, so that sending it again changes nothing.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

BATCH_MESSAGES = 1000
# A request of the tracking API has at most 500 KB; some room stays for its envelope.
BATCH_BYTES = 480 * 1024
# What all sources saw in so many days is sent together, source by source, as synchronisations do.
PERIOD_DAYS = 14
# One message in so many is sent twice, as by a client that missed the answer.
REPEATED = 250
SEED = "tessera"

_encoder = msgspec.json.Encoder(decimal_format="number")


class DemoMessage(NamedTuple):
    """One message on its way. `is_opted_out`: the browser sends Sec-GPC: 1 with it."""

    at: datetime
    source: str
    body: bytes
    is_opted_out: bool = False


class Batch(NamedTuple):
    """One request to /v1/batch."""

    source: str
    is_opted_out: bool
    messages: Sequence[bytes]

    @property
    def body(self) -> bytes:
        return b'{"batch":[' + b",".join(self.messages) + b"]}"


@dataclass(frozen=True, slots=True)
class Days:
    """The days that the demo tells of: up to yesterday, as local days of one zone."""

    today: date
    zone: ZoneInfo

    @property
    def yesterday(self) -> date:
        return self.ago(1)

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def moment(self, day: date, seconds: int) -> datetime:
        """The instant so many seconds after the midnight that begins the day; never later than yesterday."""
        local = datetime.combine(min(day, self.yesterday), time(), self.zone)
        return (local + timedelta(seconds=seconds)).astimezone(UTC)

    def clip(self, day: date) -> date:
        return min(day, self.yesterday)


def dice(number: int, occasion: str) -> random.Random:
    """The same person on the same occasion always throws the same dice, whoever else is loaded."""
    return random.Random(f"{SEED}:{number}:{occasion}")  # noqa: S311 - invents people, keeps no secret


def pick(rng: random.Random, weights: Mapping[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def message(
    source: str, message_id: str, at: datetime, *, is_opted_out: bool = False, **fields: object
) -> DemoMessage:
    """A message as the source's client would write it; fields that are None are left out."""
    written = {
        **{name: value for name, value in fields.items() if value is not None},
        "messageId": message_id,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return DemoMessage(at, source, _encoder.encode(written), is_opted_out)


def batches(messages: Iterable[DemoMessage], days: Days) -> Iterator[Batch]:
    """Requests in the order of time, period by period and source by source, with some messages sent twice."""
    periods: dict[int, dict[tuple[str, bool], list[DemoMessage]]] = defaultdict(dict)
    for place, sent in enumerate(messages):
        period = (sent.at.date() - days.today).days // PERIOD_DAYS
        key = (sent.source, sent.is_opted_out)
        periods[period].setdefault(key, []).append(sent)
        if place % REPEATED == 0:
            periods[min(period + 1, -1)].setdefault(key, []).append(sent)
    for period in sorted(periods):
        for (source, is_opted_out), group in sorted(periods[period].items()):
            group.sort()
            for bodies in _filled(group):
                yield Batch(source, is_opted_out, bodies)


def _filled(group: Sequence[DemoMessage]) -> Iterator[list[bytes]]:
    """As many messages as one request takes."""
    bodies: list[bytes] = []
    size = 0
    for sent in group:
        if len(bodies) == BATCH_MESSAGES or size + len(sent.body) + 1 > BATCH_BYTES:
            yield bodies
            bodies, size = [], 0
        bodies.append(sent.body)
        size += len(sent.body) + 1
    if bodies:
        yield bodies


def amount(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
