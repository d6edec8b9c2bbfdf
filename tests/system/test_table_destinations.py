"""Tables of other databases that destinations keep: PostgreSQL, SQLite, MariaDB if installed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from django.db import connection

from consent.services import NewRequest, act_on_requests, open_request
from segments.models import Delivery, Destination, ErasureNotice
from segments.services import SegmentError, check_account
from tests.factories import TESTER, send_messages
from tests.segments.listening import consent, settle
from tests.segments.sending import call_at_once, send_to
from tests.system import other_databases

pytestmark = pytest.mark.usefixtures("committing_db")
MAKE = "CREATE TABLE {name} (person varchar(40) {key}, town varchar(9), age int, segments {json})"
MAPPING = {
    "id": "user_id",
    "town": "traits.city",
    "age": "traits.age",
    "segments": "segments",
}


class Other(NamedTuple):
    """Another database: its address, and a connection that may do everything there."""

    url: str
    own: Any

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.own.cursor()) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def make_table(self, name: str = "crm", key: str = "PRIMARY KEY") -> None:
        kind = "jsonb" if self.url.startswith("postgresql") else "text"
        self.execute(MAKE.format(name=name, key=key, json=kind))

    def rows(self) -> dict[str, tuple[Any, ...]]:
        return {row[0]: row[1:3] for row in self.execute("SELECT * FROM crm ORDER BY person")}


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def other(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[Other]:
    if request.param == "sqlite":
        settings.SQL_SQLITE_FOLDER = str(tmp_path)
        with closing(sqlite3.connect(tmp_path / "crm.db", isolation_level=None)) as own:
            yield Other("sqlite:///crm.db", own)
    elif request.param == "postgresql":
        with other_databases.postgresql() as (name, port):
            parameters = connection.get_connection_params()
            user, password = parameters["user"], parameters.get("password") or ""
            settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{port}"]
            with closing(other_databases.connect_postgresql(name)) as own:
                own_url = f"postgresql://{user}:{quote(password, safe='')}@localhost:{port}/{name}"
                yield Other(own_url, own)
    else:
        with other_databases.mariadb() as port:
            settings.OUTGOING_TRUSTED_HOSTS = [f"localhost:{port}"]
            password = quote(other_databases.PASSWORD, safe="")
            with closing(other_databases.connect_mariadb(port)) as own:
                yield Other(f"mysql://reader:{password}@localhost:{port}/shop", own)


def to_table(other: Other, lyon: Any, **changes: str) -> Destination:
    own = {"database": other.url, "table": "crm", "key": "person"} | changes
    return send_to("table", lyon, settings=own, mapping=MAPPING)


def known(name: str, **traits: Any) -> None:
    send_messages({"userId": name, "traits": {"city": "Lyon", "age": 40} | traits})
    consent(reference=f"user_id:{name}")


def test_a_table_has_exactly_who_is_in(other: Other, lyon: Any) -> None:
    other.make_table()
    destination = to_table(other, lyon)
    assert check_account(destination).is_taken
    known("ada")
    known("bob", age=None)
    settle()
    assert other.rows() == {"ada": ("Lyon", 40), "bob": ("Lyon", None)}
    assert '"lyon"' in str(other.execute("SELECT segments FROM crm")[0][0]).replace("'", '"')
    known("ada", age=41)
    settle()
    assert other.rows()["ada"] == ("Lyon", 41)
    send_messages({"userId": "ada", "traits": {"city": "Rome"}})
    settle()
    assert other.rows() == {"bob": ("Lyon", None)}
    request = NewRequest(kind="erasure", references=("user_id:bob",))
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    settle()
    assert other.rows() == {}
    assert not ErasureNotice.objects.filter(taken_at=None).exists()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_whose_values_a_column_refuses_waits_alone(other: Other, lyon: Any) -> None:
    if other.url.startswith("sqlite"):
        pytest.skip("SQLite takes any value in any column.")
    other.make_table()
    destination = to_table(other, lyon)
    known("ada")
    known("bob", age="forty")
    known("cay", city="Lyon")
    settle()
    assert set(other.rows()) == {"ada", "cay"}
    waiting = Delivery.objects.get(state="pending")
    assert waiting.answer == 422
    assert "forty" not in waiting.fault
    destination.refresh_from_db()
    assert destination.failures == 0


@pytest.mark.parametrize("fault", ["table", "column", "key"])
def test_a_table_that_is_not_as_it_should_be_lets_everybody_wait(
    other: Other, lyon: Any, fault: str
) -> None:
    if fault == "column":
        other.execute("CREATE TABLE crm (person varchar(40) PRIMARY KEY)")
    elif fault == "key":
        other.make_table(key="")
    if fault == "key" and other.url.startswith("mysql"):
        pytest.skip("MySQL writes a second row where no column is unique.")
    destination = to_table(other, lyon)
    known("ada")
    settle()
    destination.refresh_from_db()
    assert destination.retry_at is not None
    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.answer) == ("pending", None)
    assert waiting.fault
    if fault != "key":
        outcome = check_account(destination)
        assert not outcome.is_taken
        assert outcome.is_general
        other.execute("DROP TABLE IF EXISTS crm")
        other.make_table()
        call_at_once(destination)
        settle()
        assert set(other.rows()) == {"ada"}


def test_a_wrong_address_or_name_is_refused_by_its_name(other: Other, lyon: Any) -> None:
    faulty = [
        ({"database": "oracle://a:b@localhost/x"}, "settings.database"),
        ({"database": "not an address"}, "settings.database"),
        ({"table": "crm; DROP TABLE crm"}, "settings.table"),
        ({"table": "a.b.c"}, "settings.table"),
    ]
    for changes, path in faulty:
        with pytest.raises(SegmentError) as refused:
            to_table(other, lyon, **changes)
        assert refused.value.field == path
    assert not Destination.objects.exists()


def test_a_private_host_is_written_to_only_where_it_is_trusted(
    other: Other, lyon: Any, settings: Any
) -> None:
    if other.url.startswith("sqlite"):
        pytest.skip("A file has no host.")
    destination = to_table(other, lyon)
    settings.OUTGOING_TRUSTED_HOSTS = []
    assert check_account(destination).fault == "private_address"
