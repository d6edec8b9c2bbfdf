"""How far the drain lags while two people with very many events become one, and are parted.

Everything runs at once, as in the product: a worker drains, requests of other people come in, and
one message joins the two before a verdict parts them.
"""

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event as Flag
from typing import Any

from django.db import connection
from django.db.models import Min, QuerySet

from benchmarks import store
from benchmarks.report import Measure
from benchmarks.world import BATCH
from ingestion.models import InboxRow
from ingestion.services import drain_inbox
from profiles.lib.database import database_now
from profiles.models import DecisionVerdict, Event, Identifier, Source
from profiles.services import NewDecision, decide

FORK = multiprocessing.get_context("fork")
MARK = 15.0  # seconds that processing may lag
PAUSE = 0.05  # seconds between two requests of other people
NAMES, DAYS = 20, 365  # how many there are of events, and how long ago they may be
USER, BROWSER = {"userId": "u-1"}, {"anonymousId": "b-1"}


@dataclass(frozen=True, slots=True)
class Worst:
    """The longest that a request waited for the drain, and that one took to be accepted."""

    lag: "Synchronized[float]" = field(default_factory=lambda: FORK.Value("d", 0.0))
    accepting: "Synchronized[float]" = field(default_factory=lambda: FORK.Value("d", 0.0))


def measure_lag(events: int) -> list[Measure]:
    """Return how long requests wait while two people with so many events each move."""
    store.make_database()
    source, _ = store.make_source()
    store.fill_inbox(source, list(_histories(events)), BATCH)
    store.drain_seconds()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    lag = Measure(f"lag while 2 × {events:,} events move", "lag of 15 s", "s", 1.0, False)
    accepting = Measure(
        "accepting meanwhile, at its slowest", "while nothing moves", "s", None, False
    )
    with _traffic(source) as quiet:
        time.sleep(5)
    for move, people in ((_join, 1), (_part, 2)):
        with _traffic(source) as worst:
            move(source)
        _check(events, people)
        lag.values.append(worst.lag.value)
        lag.floors.append(MARK)
        accepting.values.append(worst.accepting.value)
        accepting.floors.append(quiet.accepting.value)
    # The median of two hides the longer one.
    lag.values = [max(lag.values)]
    accepting.values = [max(accepting.values)]
    return [lag, accepting]


def _join(source: Source) -> None:
    """Send what joins the two, and wait until it has taken effect."""
    message = {"type": "identify", "messageId": "join", **USER, **BROWSER}
    store.fill_inbox(source, [_body([message])], 1)
    while len(set(_sides().values_list("profile_id", flat=True))) > 1:
        time.sleep(PAUSE)


def _part(source: Source) -> None:
    """Part the two by a verdict."""
    one, other = _sides()
    new = NewDecision(DecisionVerdict.NOT_SAME, one, other, "a benchmark")
    decide(new, actor=store.BENCHMARK)


def _check(events: int, people: int) -> None:
    """Raise RuntimeError unless so many people have the events, each of them as many."""
    holders = {side.profile_id for side in _sides()}
    counts = [Event.objects.filter(profile=holder).count() for holder in holders]
    if counts != [2 * events // people] * people:
        raise RuntimeError(f"the events did not move: {counts}")


def _sides() -> QuerySet[Identifier]:
    return Identifier.objects.filter(value__in=[*USER.values(), *BROWSER.values()]).order_by("pk")


def _histories(events: int) -> Iterator[bytes]:
    """Yield requests with so many events of a user, and as many of a browser."""
    now = datetime.now(UTC)
    for side in (USER, BROWSER):
        for start in range(0, events, BATCH):
            yield _body(
                [
                    {
                        "type": "track",
                        "event": f"Event {place % NAMES}",
                        "messageId": f"{side}-{start + place}",
                        "timestamp": (now - timedelta(days=(start + place) % DAYS)).isoformat(),
                        "properties": {"revenue": place, "page": f"/{start + place}"},
                        **side,
                    }
                    for place in range(BATCH)
                ]
            )


def _body(messages: list[dict[str, Any]]) -> bytes:
    return json.dumps({"batch": messages}).encode()


@contextmanager
def _traffic(source: Source) -> Iterator[Worst]:
    """Have requests come in and be drained meanwhile, and until all of them are."""
    worst, ended = Worst(), FORK.Event()
    # Forked processes must not share the connection.
    connection.close()
    processes = [
        FORK.Process(target=_send, args=(source, worst, ended)),
        FORK.Process(target=_keep_draining, args=(ended,)),
    ]
    for process in processes:
        process.start()
    try:
        yield worst
    finally:
        ended.set()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process failed")


def _send(source: Source, worst: Worst, ended: Flag) -> None:
    number = 0
    while not ended.is_set() or InboxRow.objects.exists():
        if not ended.is_set():
            number += 1
            message = {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"{time.time_ns()}",
                "userId": f"other-{number}",
            }
            with store.timed() as timing:
                store.fill_inbox(source, [_body([message])], 1)
            worst.accepting.value = max(worst.accepting.value, timing.seconds)
        oldest = InboxRow.objects.aggregate(at=Min("received_at"))["at"]
        if oldest is not None:
            worst.lag.value = max(worst.lag.value, (database_now() - oldest).total_seconds())
        time.sleep(PAUSE)


def _keep_draining(ended: Flag) -> None:
    while not ended.is_set() or InboxRow.objects.exists():
        drain_inbox()
        time.sleep(PAUSE)
