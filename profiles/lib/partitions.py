"""Month partitions of the big tables, made ahead of time by Celery beat and by migrations.

Invariant: every moment up to the end of the last month made has a partition, since the first one
begins at MINVALUE. The drain makes none: two drains that create partitions deadlock.
"""

from datetime import UTC, datetime

from django.db import connection, transaction
from psycopg import sql

from profiles.lib.calendar import add_months

MONTHS_AHEAD = 3  # beat may stand still this long before an insert finds no partition
MONTHS_BACK = 24  # older rows share the partition from MINVALUE
PARTITIONED_TABLES = ("profiles_event", "segments_membershipchange")


def month_start(moment: datetime, offset: int = 0) -> datetime:
    """Return the first instant (UTC) of the month that is `offset` months after the moment's."""
    return add_months(datetime(moment.year, moment.month, 1, tzinfo=UTC), offset)


def make_first_partitions(table: str, *, now: datetime) -> None:
    """Make the partition for old rows and those of the months from MONTHS_BACK to MONTHS_AHEAD."""
    oldest = month_start(now, -MONTHS_BACK)
    # No default partition: PostgreSQL would have to scan it at every ATTACH.
    _create_partition(table, f"{table}_old", sql.SQL("MINVALUE"), sql.Literal(oldest.isoformat()))
    make_months(table, now=now)


def make_months(table: str, *, now: datetime) -> int:
    """Make the missing months up to MONTHS_AHEAD and return how many were made."""
    existing = partition_names(table)
    made = 0
    for offset in range(-MONTHS_BACK, MONTHS_AHEAD + 1):
        start = month_start(now, offset)
        name = f"{table}_{start:%Y_%m}"
        if name in existing or _is_covered(table, start):
            continue
        end = month_start(now, offset + 1)
        _create_partition(table, name, sql.Literal(start.isoformat()), sql.Literal(end.isoformat()))
        made += 1
    return made


def partition_names(table: str) -> set[str]:
    """Return the names of the partitions that a table has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def _columns_without_samples(table: str) -> list[str]:
    """Return the columns of which the planner keeps no statistics."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attstattarget = 0"
            " AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


def _is_covered(table: str, start: datetime) -> bool:
    """Whether the month is older than the first month partition, so that `_old` contains it."""
    months = sorted(name for name in partition_names(table) if not name.endswith("_old"))
    return bool(months) and f"{table}_{start:%Y_%m}" < months[0]


def _create_partition(table: str, name: str, low: sql.Composable, high: sql.Composable) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # A vacuum or another ALTER may hold the parent's lock: give up, the next run tries again.
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        # CREATE and ATTACH instead of CREATE … PARTITION OF, which would lock out inserts.
        cursor.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(name), sql.Identifier(table)
            )
        )
        for column in _columns_without_samples(table):
            # LIKE does not copy it.
            cursor.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0").format(
                    sql.Identifier(name), sql.Identifier(column)
                )
            )
        cursor.execute(
            sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(table), sql.Identifier(name), low, high
            )
        )
