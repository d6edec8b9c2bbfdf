"""The store that is measured: a new database, with a source and its write key."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from config.celery import tune_garbage_collector
from config.ownership import as_owner
from ingestion.models import WriteKey
from ingestion.services import InboxBody, accept, create_write_key, drain_inbox
from profiles.models import Source, TrustLevel
from profiles.services import Actor, create_source

DATABASE = "tessera_bench"
PRODUCTS_OWN = settings.DATABASES["default"]["NAME"]
WORKERS = 2
BENCHMARK = Actor.system("benchmark")
# Creates a table with the columns of events and nothing else, for the floor. It is no model.
FLOOR_TABLE = "CREATE TABLE IF NOT EXISTS bench_bare (LIKE profiles_event)"


def make_database() -> None:
    """Create an empty database in place of an earlier run's, migrate it, and connect to it."""
    name = sql.Identifier(DATABASE)
    if connection.settings_dict["NAME"] == DATABASE:
        # Nobody drops the database that they are connected to.
        connection.close()
        connection.settings_dict["NAME"] = PRODUCTS_OWN
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = DATABASE
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_TABLE)


def make_source() -> tuple[Source, str]:
    """Create the source of all messages, and return it with its secret write key."""
    source = create_source("bench", actor=BENCHMARK)
    return source, create_write_key(source, actor=BENCHMARK, kind=WriteKey.Kind.SECRET)[1]


def fill_inbox(source: Source, bodies: list[bytes], messages_each: int) -> None:
    """Accept request bodies of so many messages each, without draining them."""
    for body in bodies:
        accept(
            InboxBody("", body),
            source_id=source.pk,
            trust=TrustLevel.SERVER,
            message_count=messages_each,
            is_opted_out=False,
        )


def drain_seconds() -> float:
    """Return the seconds in which two worker processes drain the inbox."""
    # Forked processes must not share the connection.
    connection.close()
    start = multiprocessing.get_context("fork").Barrier(WORKERS + 1)
    workers = [
        multiprocessing.get_context("fork").Process(target=_drain, args=(start,))
        for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    # Not measured: forking and connecting.
    start.wait()
    with timed() as timing:
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a worker failed")
    return timing.seconds


def _drain(start: Barrier) -> None:
    tune_garbage_collector()
    connection.ensure_connection()
    start.wait()
    drain_inbox()


def load(source: Source, bodies: list[bytes], messages_each: int) -> None:
    """Accept and drain messages, and update the planner's statistics."""
    fill_inbox(source, bodies, messages_each)
    drain_inbox()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def copy_blocks(limit: int) -> list[bytes]:
    """Return the newest stored events as blocks of COPY with 1,000 rows each."""
    statement = sql.SQL(
        "COPY (SELECT * FROM profiles_event ORDER BY received_at DESC LIMIT {}) TO STDOUT"
    ).format(sql.Literal(limit))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        rows = [bytes(row) for row in copy]
    return [b"".join(rows[start : start + 1000]) for start in range(0, len(rows), 1000)]


def copy_rate(blocks: list[bytes]) -> float:
    """Copy the blocks into the bare table, and return the events per second."""
    count = sum(block.count(b"\n") for block in blocks)
    with connection.cursor() as cursor:
        with timed() as timing, cursor.copy("COPY bench_bare FROM STDIN") as copy:
            for block in blocks:
                copy.write(block)
        cursor.execute("TRUNCATE bench_bare")
    return count / timing.seconds


@dataclass(slots=True)
class Timing:
    """How long a block took, once it has ended."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Timing]:
    """Measure how long the block takes."""
    timing = Timing()
    start = time.perf_counter()
    try:
        yield timing
    finally:
        timing.seconds = time.perf_counter() - start
