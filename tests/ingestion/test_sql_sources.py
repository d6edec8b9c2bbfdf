"""SQL sources on SQLite files: what is read when, and what a fault does."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.models import FileImport, InboxRow, SqlRun, SqlSource
from ingestion.services import (
    MappingFaults,
    SqlFault,
    WrongSqlSource,
    delete_sql_source,
    drain_inbox,
    expire_sql_runs,
    pause_sql_source,
    preview_sql_source,
    read_next_sql_source,
    resume_sql_source,
    update_sql_source,
)
from ingestion.sql_sources.positions import looked_back, position_value, stored_position
from profiles.lib.database import database_now
from profiles.models import Event
from tests.factories import TESTER, profile_of
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

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    return tmp_path


def orders(first: int, last: int, at: str = "2026-01-01 10:00:00") -> list[Any]:
    return [order(n, at) for n in range(first, last)]


def test_the_rows_of_a_query_become_messages(folder: Path) -> None:
    make_orders(folder, [order(1, "2026-01-01 10:00:00"), order(2, "2026-01-01 11:00:00", "c2")])
    sql_source = make_sql_source()
    done = run(sql_source)
    assert ends_of(done) == {"rows": 2, "stored": 2}
    assert (done.fault, done.file_import.status) == ("", "done")
    assert done.finished_at
    assert profile_of("user_id:c2")
    event = Event.objects.get(properties__orderId="A1")
    assert (event.properties["revenue"], event.timestamp.isoformat()) == (
        1,
        "2026-01-01T10:00:00+00:00",
    )
    assert sql_source.position == {"type": "text", "value": "2026-01-01 11:00:00"}
    assert sql_source.next_at > database_now() + timedelta(minutes=50)


def test_the_same_rows_twice_change_nothing(folder: Path) -> None:
    make_orders(folder, [*orders(0, 5), *orders(0, 2)])
    sql_source = make_sql_source()
    assert ends_of(run(sql_source)) == {"rows": 7, "stored": 7}
    assert ends_of(run(sql_source)) == {"rows": 7, "unchanged": 7}
    assert Event.objects.count() == 7


def test_rows_that_come_late_are_read_within_the_look_back_alone(folder: Path) -> None:
    path = make_orders(folder, [order(1, "2026-01-01 12:00:00")])
    sql_source = make_sql_source(look_back_minutes=60)
    run(sql_source)
    add_orders(path, order(2, "2026-01-01 11:00:00"), order(3, "2026-01-01 10:59:59"))
    assert ends_of(run(sql_source)) == {"rows": 2, "stored": 1, "unchanged": 1}
    assert order_numbers() == ["A1", "A2"]


def test_many_rows_with_one_value_lose_none_at_the_border_of_a_batch(folder: Path) -> None:
    path = make_orders(folder, orders(0, 2500))
    sql_source = make_sql_source(look_back_minutes=0)
    assert ends_of(run(sql_source)) == {"rows": 2500, "stored": 2500}
    add_orders(path, *orders(2500, 2600))
    assert ends_of(run(sql_source)) == {"rows": 2600, "stored": 100, "unchanged": 2500}
    assert order_numbers() == sorted(f"A{n}" for n in range(2600))


def test_a_task_whose_time_is_over_leaves_the_rest_to_the_next(folder: Path) -> None:
    hours = [order(n, f"2026-01-01 {n // 1000 + 10}:00:00") for n in range(2500)]
    make_orders(folder, hours)
    sql_source = make_sql_source()
    assert read_next_sql_source(seconds=0, pk=sql_source.pk)
    begun = SqlRun.objects.get()
    assert (begun.file_import.rows, begun.finished_at) == (1000, None)
    drain_inbox()
    assert ends_of(run(sql_source))["stored"] == 2500
    assert (SqlRun.objects.count(), Event.objects.count()) == (1, 2500)


def test_rows_without_a_value_in_the_cursor_column_are_counted_and_not_read(folder: Path) -> None:
    make_orders(folder, [*orders(0, 2), ("A9", "c9", 9, None)])
    done = run(make_sql_source())
    assert (done.without_cursor, ends_of(done)) == (1, {"rows": 2, "stored": 2})


def test_rows_that_do_not_fit_are_refused_and_kept(folder: Path) -> None:
    make_orders(folder, [order(1, "2026-01-01 10:00:00"), ("A2", "c2", 2, "yesterday")])
    done = run(make_sql_source())
    assert ends_of(done) == {"rows": 2, "stored": 1, "refused": 1}
    refused = done.file_import.refused_rows.get()
    assert (refused.code, refused.column, refused.number) == ("invalid_time", "updated_at", 2)


def test_a_broken_query_pauses_its_source_alone(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    broken = make_sql_source(query="SELECT nothing, updated_at FROM orders")
    whole = make_sql_source(name="Whole")
    while read_next_sql_source():
        drain_inbox()
    broken.refresh_from_db()
    assert (broken.state, broken.pause_reason, broken.fault) == ("paused", *["sqlite_error"] * 2)
    assert (broken.runs.get().fault, broken.lease) == ("sqlite_error", None)
    assert whole.runs.get().fault == ""
    assert Event.objects.count() == 1
    assert not read_next_sql_source()


def test_a_database_that_is_away_is_tried_later_and_less_often(folder: Path) -> None:
    path = make_orders(folder, orders(0, 1))
    sql_source = make_sql_source()
    path.rename(folder / "elsewhere.db")
    for failures, minutes in ((1, 1), (2, 2), (3, 4)):
        assert run(sql_source).fault == "no_such_file"
        assert (sql_source.failures, sql_source.state) == (failures, "active")
        wait = sql_source.next_at - database_now()
        assert timedelta(minutes=minutes - 0.5) < wait <= timedelta(minutes=minutes)
    for _ in range(7):
        run(sql_source)
    assert (sql_source.state, sql_source.pause_reason) == ("paused", "no_such_file")
    (folder / "elsewhere.db").rename(path)
    resume_sql_source(sql_source, actor=TESTER, now=database_now())
    assert ends_of(run(sql_source)) == {"rows": 1, "stored": 1}
    assert (sql_source.failures, sql_source.fault) == (0, "")


def test_what_a_query_lacks_pauses_its_source(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    without_amount = make_sql_source(query="SELECT number, customer, updated_at FROM orders")
    run(without_amount)
    assert without_amount.pause_reason == "unknown_column"
    by_blob = make_sql_source(query="SELECT *, x'00' AS at FROM orders", cursor_column="at")
    run(by_blob)
    assert by_blob.pause_reason == "cursor_type"


def test_a_source_that_is_paused_is_not_read(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    sql_source = make_sql_source()
    pause_sql_source(sql_source, actor=TESTER)
    assert not read_next_sql_source()
    resume_sql_source(sql_source, actor=TESTER, now=database_now())
    assert read_next_sql_source()


def test_a_source_that_is_changed_is_read_anew_and_changes_nothing_twice(folder: Path) -> None:
    make_orders(folder, orders(0, 3))
    sql_source = make_sql_source()
    run(sql_source)
    now = database_now()
    changes = {"query": "SELECT * FROM orders WHERE amount < 2"}
    changed = update_sql_source(sql_source, actor=TESTER, changes=changes, now=now)
    assert changed.position is None
    assert ends_of(run(sql_source)) == {"rows": 2, "unchanged": 2}
    renamed = update_sql_source(sql_source, actor=TESTER, changes={"name": "Till"}, now=now)
    assert renamed.position is not None


def test_rows_of_a_deleted_source_take_effect_all_the_same(folder: Path) -> None:
    hours = [order(n, f"2026-01-01 {n // 1000 + 10}:00:00") for n in range(2500)]
    make_orders(folder, hours)
    sql_source = make_sql_source()
    read_next_sql_source(seconds=0)
    delete_sql_source(sql_source, actor=TESTER, now=database_now())
    drain_inbox()
    assert (FileImport.objects.get().status, Event.objects.count()) == ("done", 1000)
    assert not SqlSource.objects.exists()


def test_old_runs_without_rows_are_deleted(folder: Path) -> None:
    make_orders(folder)
    sql_source = make_sql_source()
    run(sql_source)
    now = database_now()
    assert expire_sql_runs(now=now) == 0
    assert expire_sql_runs(now=now + timedelta(days=31)) == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("url", "nonsense", "not_a_url"),
        ("url", "oracle://a:b@host/db", "unknown_dialect"),
        ("url", "postgresql://user@/db", "not_a_url"),
        ("url", "postgresql://user@host:70000/db", "not_a_url"),
        ("url", "postgresql://user@host:port/db", "not_a_url"),
        ("url", "postgresql://user@host/db?service=other", "unknown_parameter"),
        ("url", "postgresql://user@host/db?sslmode=disable", "needs_tls"),
        ("url", "mysql://user@host/db?unix_socket=/run/x", "unknown_parameter"),
        ("url", "sqlite:////etc/passwd", "outside_of_folder"),
        ("url", "sqlite:///../shop.db", "outside_of_folder"),
        ("url", "sqlite:///", "outside_of_folder"),
        ("query", "DELETE FROM orders", "not_a_select"),
        ("query", "SELECT 1; DELETE FROM orders", "semicolon"),
        ("query", "SELECT '" + "x" * 20_000 + "'", "too_long"),
        ("interval_minutes", 0, "out_of_range"),
        ("name", "", "invalid"),
    ],
)
def test_a_source_that_cannot_work_is_refused(
    folder: Path, field: str, value: object, code: str
) -> None:
    with pytest.raises(WrongSqlSource) as refused:
        make_sql_source(**{field: value})
    assert (refused.value.field, refused.value.code) == (field, code)


def test_no_file_is_read_where_no_folder_is_set(folder: Path, settings: Any) -> None:
    make_orders(folder, orders(0, 1))
    sql_source = make_sql_source()
    settings.SQL_SQLITE_FOLDER = ""
    with pytest.raises(WrongSqlSource):
        make_sql_source()
    assert run(sql_source).fault == "no_folder"


def test_an_address_that_another_key_sealed_pauses_its_source(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    sql_source = make_sql_source()
    SqlSource.objects.update(sealed_url=b"of another key")
    run(sql_source)
    assert (sql_source.state, sql_source.pause_reason) == ("paused", "unreadable")
    now = database_now()
    update_sql_source(sql_source, actor=TESTER, changes={"url": "sqlite:///shop.db"}, now=now)
    resume_sql_source(sql_source, actor=TESTER, now=now)
    assert ends_of(run(sql_source)) == {"rows": 1, "stored": 1}


def test_a_link_leads_to_no_file_outside_of_the_folder(folder: Path, settings: Any) -> None:
    make_orders(folder, orders(0, 1))
    inner = folder / "inner"
    inner.mkdir()
    settings.SQL_SQLITE_FOLDER = str(inner)
    (inner / "shop.db").symlink_to(folder / "shop.db")
    with pytest.raises(WrongSqlSource):
        make_sql_source()


def test_a_mapping_is_judged_as_that_of_a_file(folder: Path) -> None:
    with pytest.raises(MappingFaults):
        make_sql_source(mapping={"call": "track"})


def test_a_query_writes_nothing(folder: Path) -> None:
    path = make_orders(folder, orders(0, 1))
    before = path.read_bytes()
    wrapped = "SELECT * FROM orders) AS x UNION SELECT * FROM (SELECT * FROM orders"
    run(make_sql_source(query=wrapped))
    assert path.read_bytes() == before


def test_signs_of_parameters_in_a_query_are_left_alone(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    query = (
        "SELECT number || '10:30 %s :x' AS number, customer, amount, updated_at FROM orders -- :y"
    )
    run(make_sql_source(query=query))
    assert order_numbers() == ["A010:30 %s :x"]


def test_a_preview_shows_rows_with_their_messages_and_writes_nothing(folder: Path) -> None:
    many = [order(n, f"2026-01-01 10:{n:02}:00") for n in range(30)]
    make_orders(folder, [*many, ("B", "c", 1, "2025"), ("C", "c", 1, None)])
    preview = preview_sql_source(draft(), now=database_now())
    assert (len(preview.rows), preview.without_cursor, preview.cost) == (20, 1, None)
    assert preview.columns == ["number", "customer", "amount", "updated_at"]
    assert preview.rows[0].code == "invalid_time"
    message = preview.rows[1].message
    assert message is not None
    assert (message["userId"], message["properties"]) == ("c1", {"revenue": 0, "orderId": "A0"})
    assert not InboxRow.objects.exists()
    assert not FileImport.objects.exists()


def test_a_preview_says_what_is_wrong(folder: Path) -> None:
    make_orders(folder, orders(0, 1))
    now = database_now()
    with pytest.raises(SqlFault, match="sqlite_error"):
        preview_sql_source(draft(query="SELECT * FROM nowhere"), now=now)
    with pytest.raises(MappingFaults, match="one of the file's columns"):
        preview_sql_source(
            draft(mapping=ORDERS | {"columns": {"x": "user_id", "y": "timestamp"}}), now=now
        )


TIMES = st.datetimes() | st.datetimes(timezones=st.timezones())
VALUES = TIMES | st.dates() | st.integers() | st.text() | st.floats(allow_nan=False)


@given(VALUES | st.decimals(allow_nan=False, allow_infinity=False))
def test_a_position_is_stored_with_its_type(value: Any) -> None:
    read = position_value(stored_position(value))
    assert read == value
    assert isinstance(read, type(value))


@given(TIMES, st.integers(0, 600_000))
def test_the_look_back_lies_before_in_every_spelling(value: Any, minutes: int) -> None:
    assert looked_back(value, minutes) <= value
    for text in (value.isoformat(" "), value.isoformat(), value.date().isoformat()):
        assert looked_back(text, minutes) <= text
    assert looked_back(value.date(), minutes) <= value.date()
