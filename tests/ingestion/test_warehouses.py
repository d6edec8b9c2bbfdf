"""The statements of SQL sources in the dialects of BigQuery and Snowflake.

They are compiled as the drivers send them, and skipped where requirements-warehouses.txt is not
installed.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Dialect

from ingestion.sql_sources.positions import looked_back
from ingestion.sql_sources.queries import rows_from, rows_without_cursor

PACKAGES = {"bigquery": "sqlalchemy_bigquery", "snowflake": "snowflake.sqlalchemy"}
# BigQuery would look for credentials of this machine.
QUERIES = {"bigquery": {"user_supplied_client": "true"}, "snowflake": {}}
QUERY = "SELECT id, at FROM shop.orders WHERE note LIKE '5%' AND day > '10:30' -- all"
AT = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
WRAPPED = {
    "bigquery": "SELECT * FROM ({query} ) AS `rows_of_query` WHERE `rows_of_query`.`at`",
    "snowflake": "SELECT * FROM ({query} ) AS rows_of_query WHERE rows_of_query.at",
}
ORDERED = {
    "bigquery": "ORDER BY `rows_of_query`.`at`",
    "snowflake": "ORDER BY rows_of_query.at",
}
# How BigQuery's driver is told the type; Snowflake's looks at the value.
TYPES: list[tuple[Any, str]] = [
    (AT, "TIMESTAMP"),
    (AT.replace(tzinfo=None), "DATETIME"),
    (date(2026, 3, 1), "DATE"),
    (17, "INT64"),
    (Decimal("1.5"), "NUMERIC"),
    ("a", "STRING"),
]


def dialect_of(name: str) -> Dialect:
    pytest.importorskip(PACKAGES[name])
    url = URL.create(name, query=QUERIES[name])
    return create_engine(url, creator=lambda: pytest.fail("nothing is asked")).dialect


def written(statement: Any, dialect: Dialect) -> tuple[str, Any]:
    compiled = statement.compile(dialect=dialect)
    return " ".join(str(compiled).split()), compiled.params


def sent(query: str, dialect: Dialect) -> str:
    """The query as it stands in what is sent: a driver that formats by % has it doubled."""
    return query.replace("%", "%%")


@pytest.mark.parametrize("name", PACKAGES)
def test_the_first_page_is_all_rows_in_the_order_of_the_cursor(name: str) -> None:
    dialect = dialect_of(name)
    start = WRAPPED[name]
    text, parameters = written(rows_from(QUERY, "at", None), dialect)
    assert text == f"{start.format(query=sent(QUERY, dialect))} IS NOT NULL {ORDERED[name]}"
    assert not parameters


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize(("position", "type_"), TYPES)
def test_a_page_begins_at_the_position_with_its_type(name: str, position: Any, type_: str) -> None:
    dialect = dialect_of(name)
    start = WRAPPED[name]
    text, parameters = written(rows_from(QUERY, "at", position), dialect)
    ((parameter, value),) = parameters.items()
    bound = f"%({parameter}:{type_})s" if name == "bigquery" else f"%({parameter})s"
    assert text == f"{start.format(query=sent(QUERY, dialect))} >= {bound} {ORDERED[name]}"
    assert (value, type(value)) == (position, type(position))


@pytest.mark.parametrize("name", PACKAGES)
def test_late_rows_are_those_from_the_look_back_on(name: str) -> None:
    dialect = dialect_of(name)
    _, parameters = written(rows_from(QUERY, "at", looked_back(AT, 90)), dialect)
    assert list(parameters.values()) == [datetime(2026, 3, 1, 9, tzinfo=UTC)]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_preview_asks_for_few_rows_and_counts_those_without_a_cursor(name: str) -> None:
    dialect = dialect_of(name)
    text, parameters = written(rows_from(QUERY, "at", None).limit(20), dialect)
    assert list(parameters.values()) == [20]
    assert text.split(" LIMIT ")[0].endswith(ORDERED[name])
    counted, _ = written(rows_without_cursor(QUERY, "at"), dialect)
    assert counted.startswith("SELECT count(*)")
    assert counted.endswith(("at IS NULL", "`at` IS NULL"))
