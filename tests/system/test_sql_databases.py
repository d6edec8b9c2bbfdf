"""SQL sources on servers: PostgreSQL, and MariaDB where it is installed."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.db import connection

from ingestion.models import SqlSource
from ingestion.services import SqlFault, WrongSqlSource, preview_sql_source
from profiles.lib.database import database_now
from profiles.models import Event
from tests.ingestion.sql_sources import draft, ends_of, make_sql_source, order_numbers, run
from tests.system import other_databases

pytestmark = pytest.mark.usefixtures("committing_db")
MAKE = {
    "postgresql": "CREATE TABLE orders (number varchar(20), customer varchar(20),"
    " amount numeric(10, 2), updated_at timestamp(6))",
    "mysql": "CREATE TABLE orders (number varchar(20), customer varchar(20),"
    " amount numeric(10, 2), updated_at datetime(6))",
}
ADD = "INSERT INTO orders VALUES (%s, %s, %s, %s)"
REVENUE = 19.5


class Other(NamedTuple):
    """Another database: its address, and a connection that may write there."""

    url: str
    own: Any

    def execute(self, statement: str, *values: Any) -> None:
        with self.own.cursor() as cursor:
            cursor.execute(statement, values)


@pytest.fixture(params=["postgresql", "mariadb"])
def other(request: pytest.FixtureRequest, settings: Any) -> Iterator[Other]:
    if request.param == "postgresql":
        with other_databases.postgresql() as (name, port):
            parameters = connection.get_connection_params()
            user, password = parameters["user"], parameters.get("password") or ""
            url = f"postgresql://{user}:{quote(password, safe='')}@localhost:{port}/{name}"
            settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{port}"]
            with closing(other_databases.connect_postgresql(name)) as own:
                yield _with_orders(Other(url, own))
    else:
        with other_databases.mariadb() as port:
            settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{port}"]
            password = quote(other_databases.PASSWORD, safe="")
            url = f"mysql://reader:{password}@localhost:{port}/shop"
            with closing(other_databases.connect_mariadb(port)) as own:
                yield _with_orders(Other(url, own))


def _with_orders(other: Other) -> Other:
    other.execute(MAKE[other.url.partition(":")[0]])
    for number in range(2500):
        at = f"2026-01-01 {10 + number // 1000}:00:00.{number % 7}"
        other.execute(ADD, f"A{number}", "c1", REVENUE, at)
    return other


def test_rows_are_read_once_and_late_ones_too(other: Other) -> None:
    sql_source = make_sql_source(url=other.url)
    assert ends_of(run(sql_source)) == {"rows": 2500, "stored": 2500}
    event = Event.objects.get(properties__orderId="A7")
    assert (float(event.properties["revenue"]), event.timestamp.hour) == (REVENUE, 10)
    assert sql_source.position["type"] == "naive time"
    other.execute(ADD, "B1", "c2", 1, "2026-01-01 11:30:00")
    other.execute(ADD, "B2", "c2", 1, "2026-01-01 09:30:00")
    other.execute(ADD, "B3", "c2", 1, None)
    again = run(sql_source)
    assert (ends_of(again)["stored"], again.without_cursor) == (1, 1)
    assert order_numbers() == sorted([*(f"A{number}" for number in range(2500)), "B1"])


def test_a_numeric_cursor_has_its_own_type(other: Other) -> None:
    query = "SELECT *, length(number) AS size FROM orders -- of letters"
    sql_source = make_sql_source(url=other.url, query=query, cursor_column="size")
    assert ends_of(run(sql_source)) == {"rows": 2500, "stored": 2500}
    assert sql_source.position == {"type": "integer", "value": "5"}
    assert ends_of(run(sql_source)) == {"rows": 1500, "unchanged": 1500}


def test_a_preview_says_what_the_query_costs(other: Other) -> None:
    preview = preview_sql_source(draft(url=other.url), now=database_now())
    assert len(preview.rows) == 20
    assert preview.rows[0].message
    assert preview.cost is None or preview.cost > 0
    assert preview.cost is not None or not other.url.startswith("postgresql")


def test_nothing_is_written_to_the_other_database(other: Other) -> None:
    if other.url.startswith("postgresql"):
        other.execute(
            "CREATE FUNCTION empty_orders() RETURNS integer LANGUAGE sql AS"
            " 'DELETE FROM orders RETURNING 1'"
        )
    else:
        other.execute(
            "CREATE FUNCTION empty_orders() RETURNS integer MODIFIES SQL DATA"
            " BEGIN DELETE FROM orders; RETURN 1; END"
        )
    sql_source = make_sql_source(url=other.url, query="SELECT *, empty_orders() AS n FROM orders")
    assert run(sql_source).fault in ("read_only_sql_transaction", "mysql_1792")
    with other.own.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        assert cursor.fetchone()[0] == 2500


def test_a_query_that_takes_too_long_is_stopped(other: Other, settings: Any) -> None:
    settings.SQL_STATEMENT_SECONDS = 1
    sleep = (
        "pg_sleep(10)" if other.url.startswith("postgresql") else "benchmark(2000000000, md5(1))"
    )
    sql_source = make_sql_source(url=other.url, query=f"SELECT *, {sleep} FROM orders")
    assert run(sql_source).fault in ("query_canceled", "mysql_1969")
    assert (sql_source.state, sql_source.failures) == ("active", 1)


def test_faults_are_words_and_quote_nothing(other: Other, caplog: pytest.LogCaptureFixture) -> None:
    for url, words in (
        (other.url.replace("://", "://x"), ("operational_error", "mysql_1045")),
        (other.url, ("undefined_table", "mysql_1146")),
    ):
        query = "SELECT number, updated_at FROM nowhere WHERE number = 'ada@example.org'"
        sql_source = make_sql_source(url=url, query=query)
        assert run(sql_source).fault in words
    assert SqlSource.objects.filter(state="paused").count() == 1
    assert "ada@" not in caplog.text
    assert "nowhere" not in caplog.text


def test_a_private_host_is_reached_only_where_it_is_trusted(other: Other, settings: Any) -> None:
    settings.OUTGOING_TRUSTED_HOSTS = []
    with pytest.raises(SqlFault, match="private_address"):
        preview_sql_source(draft(url=other.url), now=database_now())
    with pytest.raises(WrongSqlSource, match="TLS"):
        make_sql_source(url=f"{other.url}?sslmode=disable")


def test_an_address_is_stored_sealed_and_shown_without_its_password(other: Other) -> None:
    sql_source = make_sql_source(url=other.url)
    password = other.url.split("@")[0].rsplit(":", 1)[1]
    assert password.encode() not in bytes(sql_source.sealed_url)
    assert "localhost" in sql_source.place
    assert password not in sql_source.place
    assert password not in repr(draft(url=other.url))
