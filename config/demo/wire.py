"""Messages as the demo's sources send them, and the requests that carry them.

Invariant: a message's id never changes, so that sending the message again has no effect.
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
# A request of the tracking API has at most 500 KB. The rest is for its envelope.
BATCH_BYTES = 480 * 1024
# The messages of so many days are sent together, source by source, as periodic exports are.
PERIOD_DAYS = 14
# One message in so many is sent twice, as by a client that missed the response.
REPEAT_EVERY = 250
SEED = "tessera"

_encoder = msgspec.json.Encoder(decimal_format="number")


class DemoMessage(NamedTuple):
    """One message. `is_opted_out` says that the browser sends the header `Sec-GPC: 1` with it."""

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
    """The local days of one time zone, of which yesterday is the last in the demo."""

    today: date
    zone: ZoneInfo

    @property
    def yesterday(self) -> date:
        return self.ago(1)

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def moment(self, day: date, seconds: int) -> datetime:
        """Return the instant so many seconds after local midnight, of yesterday at the latest."""
        # Adding to a local time moves its wall clock, so that 9:00 stays 9:00 when clocks change.
        local = datetime.combine(min(day, self.yesterday), time(), self.zone)
        return (local + timedelta(seconds=seconds)).astimezone(UTC)

    def clip(self, day: date) -> date:
        """Return the day, or yesterday if that is earlier."""
        return min(day, self.yesterday)


def seeded_random(number: int, topic: str) -> random.Random:
    """Return the random numbers of one person on one topic.

    They do not depend on who else is loaded, so that a person is the same in every sample.
    """
    return random.Random(f"{SEED}:{number}:{topic}")  # noqa: S311 - invents people, keeps no secret


def weighted_choice(rng: random.Random, weights: Mapping[str, int]) -> str:
    """Draw one of the keys, each with the probability of its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def make_message(
    source: str, message_id: str, at: datetime, *, is_opted_out: bool = False, **fields: object
) -> DemoMessage:
    """Return a message as the source's client would write it, without the fields that are None."""
    content = {
        **{name: value for name, value in fields.items() if value is not None},
        "messageId": message_id,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return DemoMessage(at, source, _encoder.encode(content), is_opted_out)


def make_batches(messages: Iterable[DemoMessage], days: Days) -> Iterator[Batch]:
    """Put messages into requests, in order of period, then source, then time.

    Some messages are repeated in the next period.
    """
    periods: dict[int, dict[tuple[str, bool], list[DemoMessage]]] = defaultdict(dict)
    for place, message in enumerate(messages):
        # Periods are counted back from today: the last one is -1.
        period = (message.at.date() - days.today).days // PERIOD_DAYS
        key = (message.source, message.is_opted_out)
        periods[period].setdefault(key, []).append(message)
        if place % REPEAT_EVERY == 0:
            periods[min(period + 1, -1)].setdefault(key, []).append(message)
    for period in sorted(periods):
        for (source, is_opted_out), group in sorted(periods[period].items()):
            group.sort()
            for bodies in _split_by_size(group):
                yield Batch(source, is_opted_out, bodies)


def _split_by_size(messages: Sequence[DemoMessage]) -> Iterator[list[bytes]]:
    """Yield the bodies in lists that fit into one request each."""
    bodies: list[bytes] = []
    size = 0
    for message in messages:
        body_size = len(message.body) + 1  # and a comma
        if len(bodies) == BATCH_MESSAGES or size + body_size > BATCH_BYTES:
            yield bodies
            bodies, size = [], 0
        bodies.append(message.body)
        size += body_size
    if bodies:
        yield bodies


def decimal_amount(cents: int) -> Decimal:
    """Return an amount of cents in whole units, without the errors of floating point."""
    return Decimal(cents).scaleb(-2)
