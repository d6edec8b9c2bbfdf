"""Searching every column of every table for values of a person.

Invariant: the search knows nothing of the models, so that it also finds what these do not declare.
"""

from collections.abc import Iterable

from django.db import connection
from psycopg import sql

# Returns how many rows contain one of the patterns. As text, a row shows JSON and arrays as they
# are, and bytes as hexadecimal digits. Compressed bytes contain short values as they are.
_SEARCH = sql.SQL(
    "SELECT count(*) FROM {table} AS whole_row WHERE lower(whole_row::text) LIKE ANY({patterns})"
)
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


def _patterns(values: Iterable[str]) -> Iterable[str]:
    """Yield a pattern of each value as text, and of its bytes in hexadecimal digits."""
    for value in values:
        yield f"%{value.lower()}%"
        yield f"%{value.encode().hex()}%"
