"""SQL sources in the admin: the form with its preview, the page with its runs, who may do what."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ingestion.models import SqlSource
from tests.admin import sign_in
from tests.factories import make_source
from tests.ingestion.sql_sources import ORDERS, QUERY, make_orders, make_sql_source, order, run

pytestmark = pytest.mark.django_db
ADD = "admin:ingestion_sqlsource_add"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    make_orders(tmp_path, [order(1, "2026-01-01 10:00:00", "ada@example.org")])
    return tmp_path


def columns(targets: dict[str, str] = ORDERS["columns"]) -> dict[str, str]:
    """The columns as the page posts them."""
    names = enumerate(("number", "customer", "amount", "updated_at"))
    return {
        field: value
        for place, name in names
        for field, value in (
            (f"column-{place}", name),
            (f"target-{place}", targets.get(name, "")),
            (f"format-{place}", ""),
        )
    }


def fields(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "Orders",
        "source": make_source(key="shop").pk,
        "url": "sqlite:///shop.db",
        "query": QUERY,
        "cursor_column": "updated_at",
        "look_back_minutes": 60,
        "interval_minutes": 60,
        "call": "track",
        "event": "Order Completed",
        **columns(),
        **overrides,
    }


def page(name: str, sql_source: SqlSource) -> str:
    return reverse(f"admin:ingestion_sqlsource_{name}", args=[sql_source.pk])


def test_staff_connect_look_and_save(folder: Path) -> None:
    client = sign_in("steward")
    assert client.get(reverse(ADD)).status_code == 200
    nothing = {name: value for name, value in fields().items() if name not in columns()}
    proposed = client.post(reverse(ADD), nothing | {"save": ""})
    shown = {each.column.name: each.target for each in proposed.context["columns"]}
    assert shown["customer"] == "user_id"
    assert list(shown) == ["number", "customer", "amount", "updated_at"]
    assert proposed.context["columns"][1].examples == ["ada@example.org"]
    tried = client.post(reverse(ADD), fields(**{"try": ""}))
    assert "ada@example.org" in tried.content.decode()
    assert not SqlSource.objects.exists()
    saved = client.post(reverse(ADD), fields(save=""))
    sql_source = SqlSource.objects.get()
    assert sql_source.mapping == ORDERS
    assert saved.headers["Location"] == page("change", sql_source)
    run(sql_source)
    shown = client.get(page("change", sql_source)).content.decode()
    assert "2026-01-01 10:00:00" in shown
    assert "sqlite: shop.db" in shown
    imports = client.get(reverse("admin:ingestion_fileimport_changelist")).content.decode()
    assert "Orders" not in imports


def test_staff_connect_a_table_without_a_cursor(folder: Path) -> None:
    client = sign_in("steward")
    tried = client.post(reverse(ADD), fields(cursor_column="", **{"try": ""}))
    assert len(tried.context["rows"]) == 1
    client.post(reverse(ADD), fields(cursor_column="", save=""))
    sql_source = SqlSource.objects.get()
    run(sql_source)
    assert run(sql_source).same == 1
    shown = client.get(page("change", sql_source)).content.decode()
    assert "all rows are read each time" in shown
    assert "as they were" in shown
    assert "without cursor" not in shown


def test_the_form_shows_what_is_wrong_at_its_field(folder: Path) -> None:
    client = sign_in("steward")
    for changes, words in (
        ({"url": "nonsense"}, "an address such as"),
        ({"query": "DELETE FROM orders"}, "begins with SELECT"),
        ({"query": "SELECT * FROM nowhere"}, "sqlite_error"),
        (columns({}), "an object of columns"),
        (columns(ORDERS["columns"] | {"number": "traits.number"}), "stands in the call identify"),
        ({"event": ""}, "the name of the event"),
        ({"call": "nothing"}, "Select a valid choice"),
        ({"interval_minutes": "0"}, "greater than or equal to 1"),
    ):
        answer = client.post(reverse(ADD), fields(**{"try": ""}, **changes))
        assert words in answer.content.decode(), words
    assert not SqlSource.objects.exists()


def test_what_the_rows_become_is_shown_while_somebody_chooses(folder: Path) -> None:
    client = sign_in("steward")
    outcome = reverse("admin:ingestion_sqlsource_new_outcome")
    shown = client.post(outcome, fields())
    assert "&quot;orderId&quot;: &quot;A1&quot;" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    wrong = columns(ORDERS["columns"] | {"amount": "user_id"})
    assert "one column for user_id alone" in client.post(outcome, fields(**wrong)).content.decode()
    assert "see the fields" in client.post(outcome, fields(call="x")).content.decode()
    missing = client.post(outcome, fields(query="SELECT * FROM nowhere")).content.decode()
    assert "sqlite_error" in missing
    assert not SqlSource.objects.exists()
    sql_source = make_sql_source()
    kept = client.post(page("outcome", sql_source), fields(url="")).content.decode()
    assert "&quot;A1&quot;" in kept


def test_a_mapping_comes_back_as_it_was_and_keeps_what_the_page_has_no_field_for(
    folder: Path,
) -> None:
    client = sign_in("steward")
    mapping = {
        "call": "consent",
        "state": "given",
        "timezone": "Europe/Paris",
        "columns": {"customer": "user_id", "updated_at": "timestamp", "number": "purpose"},
        "formats": {"updated_at": "%Y-%m-%d %H:%M:%S"},
        "evidence": {"text": "Yes, mail me.", "form": "till"},
    }
    sql_source = make_sql_source(mapping=mapping)
    shown = client.get(page("edit", sql_source))
    meaning = shown.context["meaning"]
    assert meaning["evidence"].value() == "Yes, mail me."
    body = {name: meaning[name].value() for name in meaning.fields}
    for each in shown.context["columns"]:
        body |= {
            f"column-{each.place}": each.column.name,
            f"target-{each.place}": each.target,
            f"format-{each.place}": each.format,
        }
        assert each.format in dict(each.formats)
    head = {name: value for name, value in fields(url="").items() if name not in columns()}
    answer = client.post(page("edit", sql_source), head | body | {"save": ""})
    assert answer.status_code == 302, answer.context["faults"]
    sql_source.refresh_from_db()
    assert sql_source.mapping == mapping


def test_columns_that_the_query_has_no_more_are_gone(folder: Path) -> None:
    query = "SELECT customer, updated_at, amount AS money FROM orders"
    tried = sign_in("steward").post(reverse(ADD), fields(query=query, **{"try": ""}))
    shown = {each.column.name: each.target for each in tried.context["columns"]}
    assert shown == {"customer": "user_id", "updated_at": "timestamp", "money": ""}
    assert not tried.context["faults"]
    assert len(tried.context["rows"]) == 1


def test_an_address_that_is_left_empty_stays_and_is_not_shown(folder: Path) -> None:
    client = sign_in("steward")
    sql_source = make_sql_source()
    assert "sqlite:///" not in client.get(page("edit", sql_source)).content.decode()
    tried = client.post(page("edit", sql_source), fields(url="", **{"try": ""}))
    assert "ada@example.org" in tried.content.decode()
    client.post(page("edit", sql_source), fields(url="", name="Till", save=""))
    before = bytes(sql_source.sealed_url)
    sql_source.refresh_from_db()
    assert sql_source.name == "Till"
    assert before
    assert run(sql_source).fault == ""


def test_it_is_run_paused_resumed_and_deleted_by_posts_alone(folder: Path) -> None:
    client = sign_in("steward")
    sql_source = make_sql_source()
    for verb in ("pause", "resume", "run", "end"):
        client.get(page(verb, sql_source))
    sql_source.refresh_from_db()
    assert sql_source.state == "active"
    client.post(page("pause", sql_source))
    sql_source.refresh_from_db()
    assert sql_source.pause_reason == "staff"
    assert "paused by staff" in client.get(page("change", sql_source)).content.decode()
    assert "resume it first" in client.post(page("run", sql_source), follow=True).content.decode()
    client.post(page("resume", sql_source))
    client.post(page("run", sql_source))
    sql_source.refresh_from_db()
    assert sql_source.state == "active"
    client.post(page("end", sql_source))
    assert not SqlSource.objects.exists()


def test_a_source_that_failed_says_so(folder: Path) -> None:
    sql_source = make_sql_source(query="SELECT * FROM nowhere")
    run(sql_source)
    shown = sign_in("auditor").get(page("change", sql_source)).content.decode()
    assert "paused: sqlite_error" in shown
    assert "Run now" not in shown


def test_who_may_not_see_contact_data_makes_and_tries_none(folder: Path) -> None:
    sql_source = make_sql_source(cursor_column="customer")
    run(sql_source)
    user = User.objects.create_user("looker", is_staff=True)
    wanted = ("view_sqlsource", "add_sqlsource")
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client = Client()
    client.force_login(user)
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(page("edit", sql_source), fields(**{"try": ""})).status_code == 403
    assert client.post(page("outcome", sql_source), fields()).status_code == 403
    new = reverse("admin:ingestion_sqlsource_new_outcome")
    assert client.post(new, fields()).status_code == 403
    assert "ada@" not in client.get(page("change", sql_source)).content.decode()


def test_a_source_that_fails_or_paused_itself_is_an_alert_at_home(folder: Path) -> None:
    sql_source = make_sql_source()
    home = reverse("admin:index")
    assert "and is tried again" not in sign_in("admin").get(home).content.decode()
    (folder / "shop.db").unlink()
    run(sql_source)
    page = sign_in("admin").get(home).content.decode()
    assert "and is tried again" in page
    assert reverse("admin:ingestion_sqlsource_change", args=[sql_source.pk]) in page
    SqlSource.objects.update(state="paused", pause_reason="undefined_table")
    assert "it is not read any more (undefined_table)" in sign_in("admin").get(
        home
    ).content.decode().replace("\n", "")
    SqlSource.objects.update(pause_reason="staff")
    assert "it is not read any more" not in sign_in("admin").get(home).content.decode()
