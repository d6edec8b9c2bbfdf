"""What leaves: entries of a segment on their way from the message to a receiver's call.

Messages come in, a process drains them, a second one evaluates fifty live segments, a third one
calls, and the receiver is a fourth: all at once on this machine, as in the product.
"""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.synchronize import Event

from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from benchmarks import refreshing, store
from benchmarks.base import write_base
from benchmarks.report import Measure
from benchmarks.world import BATCH
from config.celery import tune_garbage_collector
from consent.models import Purpose
from consent.services import PurposeTerms, define_purpose
from ingestion.services import drain_inbox
from profiles.models import Source
from segments.models import Delivery, Segment
from segments.services import (
    NewDestination,
    create_destination,
    create_segment,
    create_webhook,
    deliver,
    derive_told,
    rebuild,
    refresh_changed,
    refresh_due,
)

FORK = multiprocessing.get_context("fork")
PAUSE = 0.02  # seconds between two looks for work
MARK = 1000.0  # transitions a second
LATEST = 5.0  # seconds from an event to the call
TRICKLE, SECONDS = 25, 20  # messages a second whose times are taken, and for how long


def measure_activation(*, is_quick: bool) -> list[Measure]:
    """Return the rates of entries sent in batches and one a call, and how late a call comes."""
    people = 5_000 if is_quick else 50_000
    return [
        *_measure("destination in batches", people, _make_destination, MARK),
        *_measure("webhook, one call each", people, _make_webhook, None),
    ]


def _measure(
    name: str, people: int, make_receiver: Callable[[Segment, str], None], mark: float | None
) -> list[Measure]:
    rate = Measure(f"{name}: transitions", f"{MARK:,.0f} a second", "1/s", mark and 1.0)
    late = Measure(f"{name}: event to call, p95", f"{LATEST:g} s", "s", 1.0, False)
    store.make_database()
    source, _ = store.make_source()
    write_base(source, people=2 * people, events=10 * people)
    refreshing.make_segments()
    segment = _make_told()
    refreshing.refresh_everything()
    rebuild([segment.key])
    with _receiver() as place, override_settings(OUTGOING_TRUSTED_HOSTS=[place]):
        make_receiver(segment, f"http://{place}/")
        with _workers():
            store.fill_inbox(source, list(_bodies(range(people))), BATCH)
            with store.timed() as timing:
                _wait_for(people)
            rate.values.append(people / timing.seconds)
            rate.floors.append(MARK)
            sent_at = _trickle(source, range(people, people + SECONDS * TRICKLE))
            _wait_for(people + len(sent_at))
    delays = sorted(_delays(sent_at))
    late.values.append(delays[int(len(delays) * 0.95)])
    late.floors.append(LATEST)
    return [rate, late]


def _make_told() -> Segment:
    terms = PurposeTerms(title="Service", text="To serve you.", legal_basis="legitimate_interest")
    define_purpose(key="service", terms=terms, now=timezone.now(), actor=store.BENCHMARK)
    return create_segment(
        key="gold",
        name="Gold",
        definition={"type": "trait", "key": "tier", "operator": "equals", "value": "gold"},
        status=Segment.Status.LIVE,
        purpose=Purpose.objects.get(key="service"),
        actor=store.BENCHMARK,
    )


def _make_destination(segment: Segment, url: str) -> None:
    create_destination(
        NewDestination(
            name="In batches",
            tool="http",
            segments=[segment],
            purpose=Purpose.objects.get(key="service"),
            settings={"address": url, "batch": "100"},
            mapping={"id": "user_id", "body": {"user": "user_id", "tier": "traits.tier"}},
        ),
        actor=store.BENCHMARK,
    )


def _make_webhook(segment: Segment, url: str) -> None:
    create_webhook(
        name="One by one",
        url=url,
        events=["segment.entered"],
        segments=[segment],
        actor=store.BENCHMARK,
    )


@contextmanager
def _receiver() -> Iterator[str]:
    """Run a receiver that takes everything, in a process of its own; give its host and port."""
    server = HTTPServer(("127.0.0.1", 0), _Taker)
    connection.close()
    process = FORK.Process(target=server.serve_forever, daemon=True)
    process.start()
    server.server_close()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        process.terminate()
        process.join()


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def _workers() -> Iterator[None]:
    """Have the steps of the product done, each in a process of its own, while the block lasts."""
    # Forked processes must not share the connection.
    connection.close()
    is_over = FORK.Event()
    workers = [FORK.Process(target=_work, args=(step, is_over)) for step in STEPS]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        is_over.set()
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a worker failed")


def _refresh() -> None:
    refresh_changed()
    refresh_due()
    derive_told()


def _deliver() -> None:
    deliver(lanes=settings.WEBHOOK_LANES)


STEPS: tuple[Callable[[], object], ...] = (drain_inbox, _refresh, _deliver)


def _work(step: Callable[[], object], is_over: Event) -> None:
    tune_garbage_collector()
    with closing(connection):
        while not is_over.wait(PAUSE):
            step()


def _bodies(people: Iterable[int]) -> Iterator[bytes]:
    messages = [_message(person) for person in people]
    for start in range(0, len(messages), BATCH):
        yield json.dumps({"batch": messages[start : start + BATCH]}).encode()


def _message(person: int) -> dict[str, object]:
    return {
        "type": "identify",
        "messageId": f"gold-{person}",
        "userId": f"user-{person}",
        "traits": {"tier": "gold"},
    }


def _trickle(source: Source, people: Iterable[int]) -> dict[int, float]:
    """Send a message of each at a steady pace; return when each was accepted, in seconds."""
    sent_at = {}
    for person in people:
        store.fill_inbox(source, list(_bodies([person])), 1)
        sent_at[person] = time.time()
        time.sleep(1 / TRICKLE)
    return sent_at


def _wait_for(count: int) -> None:
    """Wait until so many deliveries have arrived."""
    while Delivery.objects.filter(state=Delivery.State.DELIVERED).count() < count:
        time.sleep(PAUSE)


def _delays(sent_at: dict[int, float]) -> Iterator[float]:
    """Yield the seconds from each message to right before the first byte of its call."""
    calls = Delivery.objects.values_list("subject_id", "gate_read_at")
    for profile_id, at in calls:
        # The base has ids from 1 on, for users from 0 on.
        if at is not None and (sent := sent_at.get(profile_id - 1)) is not None:
            yield at.timestamp() - sent
