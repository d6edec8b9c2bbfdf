"""The store that is measured: a database of its own, made afresh, with a source and its write key."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from config.celery import tune_garbage_collector
from ingestion.models import WriteKey
from ingestion.services import InboxBody, accept, create_write_key, drain_inbox
from profiles.models import Source, TrustLevel
from profiles.services import create_source

DATABASE = "tessera_bench"
WORKERS = 2
FLOOR_TABLE = "CREATE TABLE IF NOT EXISTS bench_bare (LIKE profiles_event)"


def make_database() -> None:
    """Drop what an earlier run left, and migrate an empty database."""
    name = sql.Identifier(DATABASE)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = DATABASE
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_TABLE)


def make_source() -> tuple[Source, str]:
    """The source that everything is sent by, and its secret key."""
    source = create_source("bench")
    return source, create_write_key(source, kind=WriteKey.Kind.SECRET)[1]


def fill_inbox(source: Source, bodies: list[bytes], messages_each: int) -> None:
    for body in bodies:
        accept(
            InboxBody("", body),
            source_id=source.pk,
            trust=TrustLevel.SERVER,
            message_count=messages_each,
            is_opted_out=False,
        )


def drain_seconds() -> float:
    """Seconds in which the product's worker, with its two processes, drains what is in the inbox."""
    connection.close()
    start = multiprocessing.get_context("fork").Barrier(WORKERS + 1)
    workers = [
        multiprocessing.get_context("fork").Process(target=_drain, args=(start,))
        for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    with timed() as took:
        for worker in workers:
            worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a worker failed")
    return took[0]


def _drain(start: Barrier) -> None:
    tune_garbage_collector()
    connection.ensure_connection()
    start.wait()
    drain_inbox()


def load(source: Source, bodies: list[bytes], messages_each: int) -> None:
    """Bring messages all the way in, and have the planner know about them."""
    fill_inbox(source, bodies, messages_each)
    drain_inbox()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def copy_blocks(limit: int) -> list[bytes]:
    """Stored events as COPY blocks of 1,000 rows: the floor copies the very same events."""
    statement = sql.SQL(
        "COPY (SELECT * FROM profiles_event ORDER BY received_at DESC LIMIT {}) TO STDOUT"
    ).format(sql.Literal(limit))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        rows = [bytes(row) for row in copy]
    return [b"".join(rows[start : start + 1000]) for start in range(0, len(rows), 1000)]


def copy_rate(blocks: list[bytes]) -> float:
    """Events a second into a bare table, committed."""
    count = sum(block.count(b"\n") for block in blocks)
    with connection.cursor() as cursor:
        with timed() as took, cursor.copy("COPY bench_bare FROM STDIN") as copy:
            for block in blocks:
                copy.write(block)
        cursor.execute("TRUNCATE bench_bare")
    return count / took[0]


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds that the block took, in the list's only place once it is over."""
    took: list[float] = []
    start = time.perf_counter()
    try:
        yield took
    finally:
        took.append(time.perf_counter() - start)
