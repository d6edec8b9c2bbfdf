"""Killing whoever reads a SQL source, wherever it is: each row takes effect once."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from ingestion.models import InboxRow, SqlRun, SqlSource
from ingestion.services import drain_inbox, read_next_sql_source
from ingestion.sql_sources import checkpoints
from profiles.lib.database import database_now
from profiles.models import Event
from tests.ingestion.sql_sources import (
    ends_of,
    make_orders,
    make_sql_source,
    order,
    order_numbers,
    run,
)
from tests.system.concurrency import at_once, die_at
from tests.system.soundness import expire_leases

pytestmark = pytest.mark.usefixtures("committing_db")
# Three batches. The value of the cursor changes within the second one.
ROWS = [order(n % 900, f"2026-01-01 {10 + n // 1500}:00:00", f"c{n % 7}") for n in range(2500)]


@pytest.fixture
def sql_source(tmp_path: Path, settings: Any) -> SqlSource:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    make_orders(tmp_path, ROWS)
    return make_sql_source()


def expire_all() -> None:
    expire_leases()
    SqlSource.objects.filter(lease__isnull=False).update(leased_until=database_now())


def assert_whole(last: SqlRun) -> None:
    assert order_numbers() == sorted(str(row[0]) for row in ROWS)
    assert last.fault == ""
    assert SqlRun.objects.filter(finished_at=None).count() == 0
    ends = ends_of(last)
    assert ends.pop("rows") == sum(ends.values())
    assert not InboxRow.objects.exists()


@pytest.mark.parametrize("checkpoint", checkpoints.ALL)
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_reader_that_is_killed_is_followed_by_one_that_reads_on(
    sql_source: SqlSource, checkpoint: str, turn: int
) -> None:
    turns = []

    def is_turn(_: object) -> bool:
        turns.append(1)
        return len(turns) == turn

    if checkpoint not in (checkpoints.BATCH_READ, checkpoints.BATCH_STORED) and turn > 1:
        pytest.skip("It is reached once.")
    die_at(checkpoint, lambda: read_next_sql_source(pk=sql_source.pk), when=is_turn)
    expire_all()
    assert_whole(run(sql_source))
    first = SqlRun.objects.earliest("id")
    assert ends_of(first)["stored"] == len(ROWS)


def test_a_run_that_was_killed_does_not_begin_anew(sql_source: SqlSource) -> None:
    turns = []

    def is_second(_: object) -> bool:
        turns.append(1)
        return len(turns) == 2

    die_at(checkpoints.BATCH_STORED, lambda: read_next_sql_source(pk=sql_source.pk), when=is_second)
    expire_all()
    # 2,000 rows were stored, up to the second value; those that have it are read again.
    assert ends_of(run(sql_source)) == {"rows": 3000, "stored": 2500, "unchanged": 500}


def test_two_workers_share_what_is_due(sql_source: SqlSource) -> None:
    other = make_sql_source(name="Other", source=sql_source.source)

    def read() -> None:
        while read_next_sql_source():
            drain_inbox()
        connections.close_all()

    at_once(read, read)
    drain_inbox()
    assert SqlRun.objects.count() == 2
    assert set(SqlRun.objects.values_list("sql_source_id", flat=True)) == {sql_source.pk, other.pk}
    assert Event.objects.count() == len(ROWS)
