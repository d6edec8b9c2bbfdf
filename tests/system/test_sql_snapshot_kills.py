"""Killing whoever reads a query without a cursor, wherever it is: each row takes effect once."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ingestion.models import InboxRow, SqlRow, SqlRun, SqlSource
from ingestion.services import read_next_sql_source
from ingestion.sql_sources import checkpoints
from profiles.lib.database import database_now
from tests.ingestion.sql_sources import (
    add_orders,
    ends_of,
    make_orders,
    make_sql_source,
    order,
    order_numbers,
    run,
)
from tests.system.concurrency import die_at
from tests.system.soundness import expire_leases

pytestmark = pytest.mark.usefixtures("committing_db")
AT = "2026-01-01 10:00:00"
# Three batches, of which some rows are equal.
ROWS = [order(n % 2400, AT, f"c{n % 7}") for n in range(2500)]
LATER = [order(n, AT, "c1") for n in range(5000, 6200)]
BATCHES = (checkpoints.BATCH_READ, checkpoints.BATCH_STORED)
PLACES = [(place, turn) for place in checkpoints.ALL for turn in (1, 2, 3)]
REACHED = [(place, turn) for place, turn in PLACES if place in BATCHES or turn == 1]


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    return make_orders(tmp_path, ROWS)


def kill(sql_source: SqlSource, place: str, turn: int) -> None:
    """Kill a reader where it is at a checkpoint for this time."""
    turns: list[int] = []

    def is_turn(_: object) -> bool:
        turns.append(1)
        return len(turns) == turn

    SqlSource.objects.update(next_at=database_now())
    die_at(place, lambda: read_next_sql_source(pk=sql_source.pk), when=is_turn)
    expire_leases()
    SqlSource.objects.filter(lease__isnull=False).update(leased_until=database_now())


@pytest.mark.parametrize(("place", "turn"), REACHED)
def test_a_first_reading_that_is_killed_takes_each_row_once(
    path: Path, place: str, turn: int
) -> None:
    sql_source = make_sql_source(cursor_column="")
    kill(sql_source, place, turn)
    last = run(sql_source)
    first = SqlRun.objects.earliest("id")
    assert order_numbers() == sorted(str(row[0]) for row in ROWS)
    assert ends_of(first) == {"rows": len(ROWS), "stored": len(ROWS)}
    # What a killed reader took belongs to the same reading; after its end another one is begun.
    is_over = place == checkpoints.FINISHED
    assert (SqlRun.objects.count(), last.same) == ((2, len(ROWS)) if is_over else (1, 0))
    assert (first.vanished, SqlRow.objects.count()) == (0, len(ROWS))
    assert not InboxRow.objects.exists()


@pytest.mark.parametrize(("place", "turn"), REACHED)
def test_a_later_reading_that_is_killed_counts_once_what_is_gone(
    path: Path, place: str, turn: int
) -> None:
    sql_source = make_sql_source(cursor_column="")
    run(sql_source)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM orders WHERE rowid <= 400")
    database.close()
    add_orders(path, *LATER)
    kill(sql_source, place, turn)
    run(sql_source)
    later = list(SqlRun.objects.order_by("id"))[1]
    assert ends_of(later) == {"rows": len(LATER), "stored": len(LATER)}
    assert (later.same, later.vanished, later.fault) == (len(ROWS) - 400, 400, "")
    assert order_numbers() == sorted(str(row[0]) for row in [*ROWS, *LATER])
    assert SqlRow.objects.count() == len(ROWS) - 400 + len(LATER)
