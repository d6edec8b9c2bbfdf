"""The steps by which the store comes to be spread over a cluster.

Invariant: each step looks whether it is done, is one transaction or can be repeated, and leaves the
store in a state from which a second run goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection, transaction
from psycopg import sql as composed

from config.cluster import sql
from config.cluster.layout import SpreadTable, keys_to_people, spread_tables
from profiles.lib.cluster import PEOPLE, PERSON, spread_column, spread_table


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, whether it is done, how it is done, and how many bytes it moves."""

    title: str
    is_done: Callable[[], bool]
    run: Callable[[], None]
    moved_bytes: int = 0


def all_steps(shards: int) -> list[Step]:
    """All steps in their order, those that are done too."""
    tables = spread_tables()
    return [
        Step("Let SET LOCAL reach the workers", _reaches_workers, _reach_workers),
        Step("Share our collations", _has_collations, _share_collations),
        Step("Share our functions", _has_functions, _share_functions),
        Step("Drop the foreign keys between machines", _has_no_keys, _drop_keys),
        *(_spreading(table, shards) for table in tables),
        *_keys(tables),
        *(_emptying(table) for table in tables),
    ]


def _spreading(table: SpreadTable, shards: int) -> Step:
    place = "beside the people" if table.is_beside_people else f"over {shards} shards"
    return Step(
        f"Spread {table.name} by {table.column} {place}",
        lambda: spread_column(table.name) == table.column,
        lambda: spread_table(table.name, table.column, shards=shards),
        _local_bytes(table.name),
    )


def _keys(tables: list[SpreadTable]) -> Iterator[Step]:
    for table in tables:
        for field in keys_to_people(table):
            yield Step(
                f"Give {table.name}.{field.column} its foreign key back",
                partial(_has_key, table, field),
                partial(_add_key, table, field),
            )


def _emptying(table: SpreadTable) -> Step:
    return Step(
        f"Remove what {table.name} had on the coordinator",
        lambda: not _value(sql.HAS_LOCAL_ROWS, {"table": table.name}),
        lambda: _execute(sql.TRUNCATE_LOCAL, [table.name]),
    )


def _reaches_workers() -> bool:
    return bool(_value(sql.REACHES_WORKERS))


def _reach_workers() -> None:
    database = composed.Identifier(connection.settings_dict["NAME"])
    _execute(
        composed.SQL("ALTER DATABASE {} SET citus.propagate_set_commands = 'local'").format(
            database
        )
    )
    # The database's setting is for sessions to come.
    _execute("SET citus.propagate_set_commands = 'local'")


def _has_collations() -> bool:
    known, existing = _rows(sql.KNOWN_COLLATIONS)[0]
    return bool(known >= existing)


def _share_collations() -> None:
    for (statement,) in _rows(sql.COLLATIONS):
        if _value(sql.ON_WORKERS, [statement]):
            raise RuntimeError(f"A worker refused: {statement}")


def _has_functions() -> bool:
    return not _rows(sql.UNKNOWN_FUNCTIONS)


def _share_functions() -> None:
    for (signature,) in _rows(sql.UNKNOWN_FUNCTIONS):
        _execute(sql.SHARE_FUNCTION, [signature])


def _crossing_keys() -> list[tuple[Any, ...]]:
    return _rows(sql.CROSSING_KEYS, {"tables": [table.name for table in spread_tables()]})


def _has_no_keys() -> bool:
    # Those that stay on one machine are dropped as well, until their tables are spread.
    return not _crossing_keys()


def _drop_keys() -> None:
    with transaction.atomic():
        for table, name in _crossing_keys():
            statement = composed.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            _execute(statement.format(composed.Identifier(table), composed.Identifier(name)))


def _has_key(table: SpreadTable, field: Any) -> bool:
    return bool(_value(sql.HAS_KEY, [table.name, field.column]))


def _add_key(table: SpreadTable, field: Any) -> None:
    # Checked when a transaction ends, like all keys that Django makes.
    statement = composed.SQL(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})"
        " DEFERRABLE INITIALLY DEFERRED"
    )
    name = f"{table.name}_{field.column}_people"
    parts = (table.name, name, field.column, PEOPLE, PERSON)
    _execute(statement.format(*map(composed.Identifier, parts)))


def _local_bytes(table: str) -> int:
    return 0 if spread_column(table) else int(_value(sql.LOCAL_BYTES, {"table": table}))


def _rows(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _value(statement: Any, parameters: Any = None) -> Any:
    return _rows(statement, parameters)[0][0]


def _execute(statement: Any, parameters: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
