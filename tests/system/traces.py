"""What is left of somebody in the database: every column of every table, searched without knowing what it is for."""

from collections.abc import Iterable

from django.db import connection
from psycopg import sql

# A row as text shows JSON and arrays as they are and bytes in hexadecimal digits; small values lie in compressed bytes
# as they are.
_SEARCH = sql.SQL(
    "SELECT count(*) FROM {table} AS held WHERE lower(held::text) LIKE ANY({patterns})"
)
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""


def tables_that_hold(*values: str) -> dict[str, int]:
    """How many rows of which tables hold any of the values, in any column."""
    patterns = list(_patterns(values))
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            search = _SEARCH.format(table=sql.Identifier(table), patterns=sql.Literal(patterns))
            cursor.execute(search)
            found[table] = int(cursor.fetchone()[0])
    return {table: count for table, count in found.items() if count}


def _patterns(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        yield f"%{value.lower()}%"
        yield f"%{value.encode().hex()}%"
