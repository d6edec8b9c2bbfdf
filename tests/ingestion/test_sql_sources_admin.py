"""SQL sources in the admin: the form with its preview, the page with its runs, who may do what."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ingestion.models import SqlSource
from profiles.lib import exact_json
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


def fields(**overrides: Any) -> dict[str, Any]:
    return {
        "name": "Orders",
        "source": make_source(key="shop").pk,
        "url": "sqlite:///shop.db",
        "query": QUERY,
        "cursor_column": "updated_at",
        "look_back_minutes": 60,
        "interval_minutes": 60,
        "mapping": exact_json.dumps(ORDERS),
        **overrides,
    }


def page(name: str, sql_source: SqlSource) -> str:
    return reverse(f"admin:ingestion_sqlsource_{name}", args=[sql_source.pk])


def test_staff_connect_look_and_save(folder: Path) -> None:
    client = sign_in("steward")
    assert client.get(reverse(ADD)).status_code == 200
    proposed = client.post(reverse(ADD), fields(mapping="", **{"try": ""})).content.decode()
    assert "&quot;customer&quot;" in proposed
    tried = client.post(reverse(ADD), fields(**{"try": ""}))
    assert "ada@example.org" in tried.content.decode()
    assert not SqlSource.objects.exists()
    saved = client.post(reverse(ADD), fields(save=""))
    sql_source = SqlSource.objects.get()
    assert saved.headers["Location"] == page("change", sql_source)
    run(sql_source)
    shown = client.get(page("change", sql_source)).content.decode()
    assert "2026-01-01 10:00:00" in shown
    assert "sqlite: shop.db" in shown
    imports = client.get(reverse("admin:ingestion_fileimport_changelist")).content.decode()
    assert "Orders" not in imports


def test_the_form_shows_what_is_wrong_at_its_field(folder: Path) -> None:
    client = sign_in("steward")
    for changes, words in (
        ({"url": "nonsense"}, "an address such as"),
        ({"query": "DELETE FROM orders"}, "begins with SELECT"),
        ({"query": "SELECT * FROM nowhere"}, "sqlite_error"),
        ({"mapping": "{"}, "This is not JSON."),
        ({"mapping": '{"call": "track"}'}, "an object of columns"),
        ({"interval_minutes": "0"}, "greater than or equal to 1"),
    ):
        answer = client.post(reverse(ADD), fields(**{"try": ""}, **changes))
        assert words in answer.content.decode(), words
    assert not SqlSource.objects.exists()


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
