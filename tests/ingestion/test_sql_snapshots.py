"""SQL sources without a cursor column: all is read each time, what is new or changed is taken."""

import sqlite3
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.models import ConsentEvent
from ingestion.models import FileImport, SqlRow, SqlRun, SqlSource
from ingestion.services import (
    MappingFaults,
    delete_sql_source,
    preview_sql_source,
    update_sql_source,
)
from profiles.lib.database import database_now
from profiles.models import Event, SourceRecord
from profiles.services import Actor
from tests.factories import TESTER, make_purpose, profile_of
from tests.ingestion.sql_sources import (
    ORDERS,
    add_orders,
    draft,
    ends_of,
    make_orders,
    make_sql_source,
    order,
    order_numbers,
    run,
)
from tests.tries import tries

pytestmark = pytest.mark.django_db
PEOPLE: dict[str, Any] = {
    "call": "identify",
    "columns": {"number": "user_id", "customer": "traits.city"},
}
AT = "2026-01-01 10:00:00"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    return tmp_path


def snapshot(**overrides: Any) -> SqlSource:
    return make_sql_source(cursor_column="", **overrides)


def ask(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


def counts(done: SqlRun) -> tuple[dict[str, int], int, int]:
    return ends_of(done), done.same, done.vanished


def city_of(user: str) -> Any:
    return profile_of(f"user_id:{user}").traits["city"]


def test_only_what_is_new_or_changed_is_taken(folder: Path) -> None:
    path = make_orders(folder, [order(n, AT) for n in range(5)])
    sql_source = snapshot()
    assert counts(run(sql_source)) == ({"rows": 5, "stored": 5}, 0, 0)
    again = run(sql_source)
    assert counts(again) == ({}, 5, 0)
    assert again.file_import is None, "a reading that brings nothing has no import"
    add_orders(path, order(5, "2020-01-01 10:00:00"))
    ask(path, "UPDATE orders SET amount = 99 WHERE number = 'A1'")
    assert counts(run(sql_source)) == ({"rows": 2, "stored": 2}, 4, 1)
    assert order_numbers() == sorted([*(f"A{n}" for n in range(6)), "A1"])
    assert sql_source.position is None


def test_a_row_that_is_gone_is_counted_and_deletes_nothing(folder: Path) -> None:
    path = make_orders(folder, [order(n, AT) for n in range(3)])
    sql_source = snapshot()
    run(sql_source)
    ask(path, "DELETE FROM orders WHERE number = 'A1'")
    assert counts(run(sql_source)) == ({}, 2, 1)
    assert counts(run(sql_source)) == ({}, 2, 0)
    assert Event.objects.count() == 3
    add_orders(path, order(1, AT))
    # An event happened once, however often its row comes back.
    assert counts(run(sql_source)) == ({"rows": 1, "unchanged": 1}, 2, 0)
    ask(path, "DELETE FROM orders")
    assert counts(run(sql_source)) == ({}, 0, 3)
    assert (Event.objects.count(), SqlRow.objects.count()) == (3, 0)


def test_equal_rows_are_as_many_as_they_are(folder: Path) -> None:
    path = make_orders(folder, [order(1, AT), order(1, AT)])
    sql_source = snapshot()
    assert counts(run(sql_source)) == ({"rows": 2, "stored": 2}, 0, 0)
    add_orders(path, order(1, AT))
    assert counts(run(sql_source)) == ({"rows": 1, "stored": 1}, 2, 0)
    ask(path, "DELETE FROM orders WHERE rowid = 1")
    assert counts(run(sql_source)) == ({}, 2, 1)


def test_a_value_that_changes_back_is_as_it_was_again(folder: Path) -> None:
    path = make_orders(folder, [("u1", "Lyon", 0, None)])
    sql_source = snapshot(mapping=PEOPLE)
    run(sql_source)
    assert city_of("u1") == "Lyon"
    for city in ("Nice", "Lyon"):
        ask(path, "UPDATE orders SET customer = ?", city)
        assert counts(run(sql_source)) == ({"rows": 1, "stored": 1}, 0, 1)
        assert city_of("u1") == city


def test_rows_without_a_time_are_true_when_they_are_read(folder: Path) -> None:
    make_orders(folder, [("u1", "Lyon", 0, None)])
    before = database_now()
    sql_source = snapshot(mapping=PEOPLE)
    done = run(sql_source)
    stated = SourceRecord.objects.get().traits["city"]
    stated_at = datetime.fromtimestamp(stated[1] / 1_000_000, UTC)
    assert before <= stated_at <= done.finished_at
    with pytest.raises(MappingFaults) as refused:
        snapshot(mapping=PEOPLE | {"as_of": "2026-01-01"})
    assert [fault.path for fault in refused.value.faults] == ["as_of"]


def test_a_consent_that_is_given_again_is_given(folder: Path) -> None:
    make_purpose("newsletter")
    path = make_orders(folder, [("u1", "yes", 0, None)])
    columns = {"number": "user_id", "customer": "consents.newsletter"}
    evidence = {"text": "Yes, mail me."}
    mapping = {"call": "consent", "columns": columns, "evidence": evidence}
    sql_source = snapshot(mapping=mapping)
    run(sql_source)
    for word in ("no", "yes"):
        ask(path, "UPDATE orders SET customer = ?", word)
        assert counts(run(sql_source)) == ({"rows": 1, "stored": 1}, 0, 1)
    states = ConsentEvent.objects.order_by("occurred_at").values_list("state", flat=True)
    assert list(states) == ["given", "withdrawn", "given"]


def test_a_refused_row_is_refused_once(folder: Path) -> None:
    path = make_orders(folder, [("A1", "c1", 1, "soon"), order(2, AT)])
    sql_source = snapshot()
    first = run(sql_source)
    assert counts(first) == ({"rows": 2, "stored": 1, "refused": 1}, 0, 0)
    assert first.file_import.refused_rows.get().number == 1
    assert counts(run(sql_source)) == ({}, 2, 0)
    ask(path, "UPDATE orders SET updated_at = ? WHERE number = 'A1'", AT)
    assert counts(run(sql_source)) == ({"rows": 1, "stored": 1}, 1, 1)


def test_another_mapping_has_all_read_once_more(folder: Path) -> None:
    make_orders(folder, [order(n, AT) for n in range(3)])
    sql_source = snapshot()
    run(sql_source)
    changes = {"mapping": ORDERS | {"event": "Order Shipped"}}
    update_sql_source(sql_source, actor=TESTER, changes=changes, now=database_now())
    assert counts(run(sql_source)) == ({"rows": 3, "stored": 3}, 0, 0)
    update_sql_source(sql_source, actor=TESTER, changes={"interval_minutes": 5}, now=database_now())
    assert counts(run(sql_source)) == ({}, 3, 0)


def test_a_source_turns_from_a_cursor_to_none_and_back(folder: Path) -> None:
    make_orders(folder, [order(1, AT), ("A2", "c2", 2, None)])
    sql_source = make_sql_source()
    assert ends_of(run(sql_source)) == {"rows": 1, "stored": 1}
    changes: dict[str, Any] = {"cursor_column": ""}
    update_sql_source(sql_source, actor=TESTER, changes=changes, now=database_now())
    whole = run(sql_source)
    assert whole.file_import.rows == 2
    assert ends_of(whole)["unchanged"] == 1
    changes = {"cursor_column": "updated_at"}
    update_sql_source(sql_source, actor=TESTER, changes=changes, now=database_now())
    assert not SqlRow.objects.exists()
    assert ends_of(run(sql_source)) == {"rows": 1, "unchanged": 1}


def test_a_preview_shows_what_is_read_without_a_cursor(folder: Path) -> None:
    make_orders(folder, [(f"u{n}", "Lyon", 0, None) for n in range(30)])
    now = database_now() - timedelta(days=1)
    preview = preview_sql_source(draft(cursor_column="", mapping=PEOPLE), now=now)
    assert (len(preview.rows), preview.without_cursor) == (20, 0)
    assert preview.rows[0].message is not None
    assert preview.rows[0].message["timestamp"] == now.isoformat()
    assert not FileImport.objects.exists()


def test_a_source_that_is_deleted_leaves_no_digest(folder: Path) -> None:
    make_orders(folder, [order(1, AT)])
    sql_source = snapshot()
    run(sql_source)
    delete_sql_source(sql_source, actor=Actor.system("test"), now=database_now())
    assert not SqlRow.objects.exists()


def test_more_rows_than_a_batch_are_read(folder: Path) -> None:
    path = make_orders(folder, [order(n, AT) for n in range(2300)])
    sql_source = snapshot()
    assert counts(run(sql_source)) == ({"rows": 2300, "stored": 2300}, 0, 0)
    ask(path, "DELETE FROM orders WHERE amount < 100")
    add_orders(path, order(5000, AT))
    assert counts(run(sql_source)) == ({"rows": 1, "stored": 1}, 2200, 100)


tables = st.lists(
    st.tuples(
        st.sampled_from(["A1", "A2", "A3"]),
        st.sampled_from(["c1", "c2"]),
        st.integers(0, 2),
        st.just(AT),
    ),
    max_size=8,
)


@settings(max_examples=tries(40), deadline=None)
@given(st.lists(tables, min_size=1, max_size=4))
def test_what_is_taken_is_the_difference_of_two_tables(readings: list[Any]) -> None:
    """Beside bags of rows: what a reading brings is what the table has more than before."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.SQL_SQLITE_FOLDER", name)
        path = make_orders(Path(name))
        sql_source = snapshot()
        # What an earlier example brought is known still.
        tag = uuid4().hex
        tagged = [[(f"{tag}{row[0]}", *row[1:]) for row in table] for table in readings]
        before: Counter[Any] = Counter()
        most: Counter[Any] = Counter()
        for table in tagged:
            ask(path, "DELETE FROM orders")
            add_orders(path, *table)
            now = Counter(table)
            done = run(sql_source)
            assert ends_of(done).get("rows", 0) == (now - before).total()
            assert (done.same, done.vanished) == ((now & before).total(), (before - now).total())
            before, most = now, most | now
        numbers = [number for number in order_numbers() if number.startswith(tag)]
        assert len(numbers) == most.total()
