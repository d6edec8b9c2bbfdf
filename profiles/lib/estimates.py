"""How many rows a large table has, without counting them."""

from django.db import connection

from profiles.lib import sql


def estimated_rows(table: str) -> int | None:
    """Return the planner's estimate of a table's rows, on a cluster of all its shards.

    Returns None if the table or one of its partitions was never analysed.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.ESTIMATED_ROWS, {"table": table})
        rows, is_unknown, is_cluster = cursor.fetchone()
        if is_cluster:
            # Of a spread table the coordinator has no row and knows nothing.
            cursor.execute(sql.ESTIMATED_ROWS_OF_SHARDS, {"table": table})
            rows, is_unknown = cursor.fetchone() or (rows, is_unknown)
        return None if is_unknown else rows
