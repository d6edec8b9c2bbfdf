"""Month partitions: made ahead by beat and at migration, never in the drain, where two makers would deadlock.

Invariant: every moment up to the last month made has a partition, since the first one reaches back to MINVALUE. There is
no default partition: it would have to be scanned at every ATTACH.
"""

from datetime import UTC, datetime

from django.db import connection, transaction
from psycopg import sql

MONTHS_AHEAD = 3
MONTHS_BACK = 24
PARTITIONED_TABLES = ("profiles_event", "segments_membershipchange")


def month_start(moment: datetime, offset: int = 0) -> datetime:
    """The first instant, UTC, of the month that lies `offset` months from the moment's."""
    months = moment.year * 12 + moment.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def make_first_partitions(table: str, *, now: datetime) -> None:
    """The partition of all that is old, and the months from MONTHS_BACK ago to MONTHS_AHEAD."""
    oldest = month_start(now, -MONTHS_BACK)
    _create(table, f"{table}_old", sql.SQL("MINVALUE"), sql.Literal(oldest.isoformat()))
    make_months(table, now=now)


def make_months(table: str, *, now: datetime) -> int:
    """Make the months that are missing up to MONTHS_AHEAD; return how many were."""
    present = _partition_names(table)
    made = 0
    for offset in range(-MONTHS_BACK, MONTHS_AHEAD + 1):
        start = month_start(now, offset)
        name = f"{table}_{start:%Y_%m}"
        if name in present or _is_covered(table, start):
            continue
        end = month_start(now, offset + 1)
        _create(table, name, sql.Literal(start.isoformat()), sql.Literal(end.isoformat()))
        made += 1
    return made


def _partition_names(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def _is_covered(table: str, start: datetime) -> bool:
    """Months before the oldest one made lie in the partition from MINVALUE."""
    months = sorted(name for name in _partition_names(table) if not name.endswith("_old"))
    return bool(months) and f"{table}_{start:%Y_%m}" < months[0]


def _create(table: str, name: str, low: sql.Composable, high: sql.Composable) -> None:
    """CREATE, then ATTACH with a short lock timeout: inserts go on while the month is made."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '3s'")
        cursor.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(name), sql.Identifier(table)
            )
        )
        cursor.execute(
            sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(table), sql.Identifier(name), low, high
            )
        )
