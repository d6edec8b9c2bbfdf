"""Searching every column of every table, the statistics and Valkey for values of a person.

Invariant: the search knows nothing of the models, so that it also finds what these do not declare.
"""

import re
from base64 import b64decode
from collections.abc import Iterable

import redis
from django.db import connection
from psycopg import sql

# Returns how many rows contain one of the patterns. As text, a row shows JSON and arrays as they
# are, and bytes as hexadecimal digits. Compressed bytes contain short values as they are.
_SEARCH = sql.SQL(
    "SELECT count(*) FROM {table} AS whole_row WHERE lower(whole_row::text) LIKE ANY({patterns})"
)
# Returns the columns of which the planner's statistics hold one of the patterns.
_STATISTICS = """
SELECT tablename || '.' || attname FROM pg_stats
WHERE lower(concat_ws(' ', most_common_vals::text, most_common_elems::text, histogram_bounds::text))
    LIKE ANY(%s)
ORDER BY 1
"""
# Returns the names of all tables. Rows of partitions are found in the partitioned table.
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""


def tables_with(*values: str) -> dict[str, int]:
    """Return the tables that contain one of the values in any column, with the number of rows."""
    patterns = list(_patterns(values))
    counts = {}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            search = _SEARCH.format(table=sql.Identifier(table), patterns=sql.Literal(patterns))
            cursor.execute(search)
            counts[table] = int(cursor.fetchone()[0])
    return {table: count for table, count in counts.items() if count}


def statistics_with(*values: str) -> list[str]:
    """Return the columns, as `table.column`, of which the planner's statistics hold a value."""
    with connection.cursor() as cursor:
        cursor.execute(_STATISTICS, [list(_patterns(values))])
        return [column for (column,) in cursor.fetchall()]


def _patterns(values: Iterable[str]) -> Iterable[str]:
    """Yield a pattern of each value as text, and of its bytes in hexadecimal digits."""
    for value in values:
        yield f"%{value.lower()}%"
        yield f"%{value.encode().hex()}%"


def contents(valkey: "redis.Redis[bytes]") -> str:
    """Return everything in a Valkey database as text, unacknowledged tasks included."""
    readers = {
        b"string": valkey.get,
        b"list": lambda key: valkey.lrange(key, 0, -1),
        b"set": valkey.smembers,
        b"hash": valkey.hgetall,
        b"zset": lambda key: valkey.zrange(key, 0, -1),
        # The key has expired since the scan.
        b"none": lambda key: None,
    }
    keys = list(valkey.scan_iter())
    return "".join(f"{key!r} {readers[valkey.type(key)](key)!r}\n" for key in keys)


def with_decoded_bodies(queued: str) -> str:
    """Add the bodies of task messages in clear text, since Celery encodes them in Base64."""
    bodies = re.findall(r'"body": ?"([A-Za-z0-9+/=]+)"', queued)
    return queued + "".join(b64decode(body).decode() for body in bodies)
