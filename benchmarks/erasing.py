"""What erasures take: of one person with many events, and of many people while messages come in.

Messages are accepted and drained by a process beside, as in the product; a request is measured from
its opening until it is done, so that the drain of what came before it counts.
"""

import json
import multiprocessing
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Event

from django.db import connection

from benchmarks import store
from benchmarks.base import write_base
from benchmarks.report import Measure
from benchmarks.world import BATCH
from config.celery import tune_garbage_collector
from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, open_request
from ingestion.services import drain_inbox
from profiles.models import Source

FORK = multiprocessing.get_context("fork")
LARGE = 100_000  # events of one person
LARGE_SECONDS = 10.0
MANY_SECONDS = 900.0  # for 10,000 people
PAUSE = 0.05  # seconds between two batches of those who are not erased

# Inserts a thousand events %(copies)s times for the person with the user id `user-0`. Not ORM: the
# database makes them by itself.
GIVE_EVENTS = """
INSERT INTO profiles_event
    (profile_id, "timestamp", id, identifier_id, source_id, name_id, value, properties, context,
    received_at)
SELECT i.profile_id, e."timestamp", gen_random_uuid(), i.id, e.source_id, e.name_id, e.value,
    e.properties, e.context, e.received_at
FROM generate_series(1, %(copies)s)
CROSS JOIN (SELECT * FROM profiles_event LIMIT 1000) AS e
CROSS JOIN profiles_identifier i
WHERE i.namespace = 'user_id' AND i.value = 'user-0'
"""


def measure_erasures(*, is_quick: bool) -> list[Measure]:
    """Return the seconds of both, beside what they may take."""
    people = 1_000 if is_quick else 10_000
    store.make_database()
    source, _ = store.make_source()
    write_base(source, people=10 * people, events=100 * people)
    with connection.cursor() as cursor:
        cursor.execute(GIVE_EVENTS, {"copies": LARGE // 1000})
        cursor.execute("ANALYZE profiles_event")
    with _traffic(source, people, 10 * people):
        large = _measure(f"one person with {LARGE:,} events", [0], LARGE_SECONDS)
        limit = MANY_SECONDS * people / 10_000
        many = _measure(f"{people:,} people", range(1, people), limit)
    return [large, many]


def _measure(name: str, people: Sequence[int], limit: float) -> Measure:
    measure = Measure(f"erasing {name}", f"{limit:g} s", "s", 1.0, False)
    measure.floors.append(limit)
    with store.timed() as timing:
        for person in people:
            new_request = NewRequest(
                kind=PrivacyRequest.Kind.ERASURE, references=(f"user_id:user-{person}",), reason="-"
            )
            open_request(new_request, door=PrivacyRequest.Door.SERVICE, actor=store.BENCHMARK)
        while PrivacyRequest.objects.filter(done_at=None).exists():
            act_on_requests()
    measure.values.append(timing.seconds)
    return measure


@contextmanager
def _traffic(source: Source, first: int, last: int) -> Iterator[None]:
    """Take messages of the other people in while the block lasts, in a process of its own."""
    # Forked processes must not share the connection.
    connection.close()
    is_over = FORK.Event()
    worker = FORK.Process(target=_take_in, args=(source, first, last, is_over))
    worker.start()
    try:
        yield
    finally:
        is_over.set()
        worker.join()
    if worker.exitcode:
        raise RuntimeError("the drain failed")


def _take_in(source: Source, first: int, last: int, is_over: Event) -> None:
    tune_garbage_collector()
    taken = 0
    with closing(connection):
        while not is_over.wait(PAUSE):
            people = [first + (taken + place) % (last - first) for place in range(BATCH)]
            batch = [_message(person) for person in people]
            store.fill_inbox(source, [json.dumps({"batch": batch}).encode()], BATCH)
            drain_inbox()
            taken += BATCH
    print(f"{taken:,} messages meanwhile")


def _message(person: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": str(uuid.uuid4()),
        "userId": f"user-{person}",
        "properties": {"product": "lamp", "price": 20},
    }
