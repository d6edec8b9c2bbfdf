"""Spreading tables over the machines of a Citus cluster.

Invariant: on a PostgreSQL without Citus, and before `manage.py distribute`, everything here does
nothing.
"""

from typing import Any

from django.db import connection, transaction
from django.db.migrations.operations.base import Operation
from psycopg import sql as composed

from profiles.lib import sql

# The table by whose rows, the people, all rows of one person lie on one machine.
PEOPLE, PERSON = "profiles_profile", "id"
BY_PERSON = "profile_id"


def has_citus() -> bool:
    """Whether the database has the extension."""
    with connection.cursor() as cursor:
        cursor.execute(sql.HAS_CITUS)
        return bool(cursor.fetchone()[0])


def spread_column(table: str) -> str | None:
    """The column by which a table is spread; None where it lies on the coordinator alone."""
    if not has_citus():
        return None
    with connection.cursor() as cursor:
        cursor.execute(sql.SPREAD_COLUMN, [table])
        row = cursor.fetchone()
        return None if row is None else str(row[0])


def spread_table(table: str, column: str, *, shards: int | None = None) -> None:
    """Spread a table, with its rows, in one transaction.

    A key of `id` alone is replaced by one of the column and `id`, and an index of `id`: no machine
    sees whether an id is unique on all. `shards` is needed for tables that do not lie beside the
    people.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # One connection to each worker for all steps of the transaction.
        cursor.execute("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
        cursor.execute(sql.PRIMARY_KEY, [table])
        name, columns = cursor.fetchone()
        if column not in columns:
            cursor.execute(_replace_key(table, name, [column, *columns]))
            cursor.execute(_index(table, columns))
        if column == BY_PERSON:
            cursor.execute(sql.SPREAD_BESIDE, [table, column, PEOPLE])
        else:
            cursor.execute(sql.SPREAD, [table, column, shards])


def _replace_key(table: str, name: str, columns: list[str]) -> composed.Composed:
    statement = composed.SQL(
        "ALTER TABLE {0} DROP CONSTRAINT {1}, ADD CONSTRAINT {1} PRIMARY KEY ({2})"
    )
    return statement.format(composed.Identifier(table), composed.Identifier(name), _listed(columns))


def _index(table: str, columns: list[str]) -> composed.Composed:
    statement = composed.SQL("CREATE INDEX {} ON {} ({})")
    name = composed.Identifier("_".join([table, *columns]))
    return statement.format(name, composed.Identifier(table), _listed(columns))


def _listed(columns: list[str]) -> composed.Composed:
    return composed.SQL(", ").join(map(composed.Identifier, columns))


class Spread(Operation):
    """A migration's operation: spreads a table that it made, where people are spread already.

    It stands after the table and before its foreign keys. On a database that is not distributed yet
    it does nothing, since `manage.py distribute` will spread the table.
    """

    reduces_to_sql = False
    reversible = True

    def __init__(self, table: str, column: str = BY_PERSON) -> None:
        self.table = table
        self.column = column

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, schema_editor: Any, *_: Any) -> None:
        if spread_column(PEOPLE) and not spread_column(self.table):
            spread_table(self.table, self.column)

    def database_backwards(self, app_label: str, schema_editor: Any, *_: Any) -> None:
        """The table is dropped next."""

    def describe(self) -> str:
        return f"Spread {self.table} by {self.column}"
