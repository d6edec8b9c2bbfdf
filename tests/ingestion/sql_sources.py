"""SQL sources for tests: SQLite files, and running sources to their end."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ingestion.models import SqlRun, SqlSource
from ingestion.services import (
    SqlSourceDraft,
    create_sql_source,
    drain_inbox,
    pause_sql_source,
    read_next_sql_source,
)
from profiles.lib.database import database_now
from profiles.models import Event
from tests.factories import TESTER, make_source

ORDERS: dict[str, Any] = {
    "call": "track",
    "event": "Order Completed",
    "columns": {
        "customer": "user_id",
        "updated_at": "timestamp",
        "amount": "properties.revenue",
        "number": "properties.orderId",
    },
}
QUERY = "SELECT number, customer, amount, updated_at FROM orders"
MAKE = "CREATE TABLE orders (number TEXT, customer TEXT, amount NUMERIC, updated_at TEXT)"
ADD = "INSERT INTO orders VALUES (?, ?, ?, ?)"
Order = Sequence[object]


def make_orders(folder: Path, orders: Iterable[Order] = (), name: str = "shop.db") -> Path:
    """Make a SQLite file with a table of orders."""
    path = folder / name
    with sqlite3.connect(path) as database:
        database.execute(MAKE)
        database.executemany(ADD, orders)
    database.close()
    return path


def add_orders(path: Path, *orders: Order) -> None:
    with sqlite3.connect(path) as database:
        database.executemany(ADD, orders)
    database.close()


def order(number: int, at: str, customer: str = "c1") -> Order:
    return (f"A{number}", customer, number, at)


def draft(**overrides: Any) -> SqlSourceDraft:
    fields: dict[str, Any] = {
        "name": "Orders of the shop",
        "source": make_source(key="shop"),
        "url": "sqlite:///shop.db",
        "query": QUERY,
        "cursor_column": "updated_at",
        "mapping": ORDERS,
    }
    return SqlSourceDraft(**{**fields, **overrides})


def make_sql_source(**overrides: Any) -> SqlSource:
    return create_sql_source(draft(**overrides), actor=TESTER)


def paused_sql_source() -> SqlSource:
    sql_source = make_sql_source()
    pause_sql_source(sql_source, actor=TESTER)
    return sql_source


def run(sql_source: SqlSource) -> SqlRun:
    """Run a source to its end, have its rows take effect, and return the run."""
    SqlSource.objects.filter(pk=sql_source.pk).update(next_at=database_now())
    while read_next_sql_source(pk=sql_source.pk):
        drain_inbox()
    sql_source.refresh_from_db()
    return sql_source.runs.select_related("file_import").latest("id")


def ends_of(run: SqlRun) -> dict[str, int]:
    names = ("rows", "stored", "unchanged", "refused", "dropped")
    counted = run.file_import
    return {name: getattr(counted, name) for name in names if counted and getattr(counted, name)}


def order_numbers() -> list[str]:
    """Return the numbers of the orders in the store, sorted, each as often as it is there."""
    return sorted(event.properties["orderId"] for event in Event.objects.all())
