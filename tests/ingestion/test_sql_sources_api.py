"""SQL sources by the API: made, previewed, run, changed, paused and deleted."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from ingestion.models import SqlSource
from ingestion.tasks import drain_inbox_task, read_sql_sources
from profiles.models import AuditEntry, Event
from tests.factories import make_client, make_source, profile_of
from tests.ingestion.sql_sources import ORDERS, QUERY, add_orders, make_orders, order, run

pytestmark = pytest.mark.django_db
ROUTE = "/api/v1/sql-sources/"
BODY: dict[str, Any] = {
    "name": "Orders",
    "source": "shop",
    "url": "sqlite:///shop.db",
    "query": QUERY,
    "cursor_column": "updated_at",
    "mapping": ORDERS,
}


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    make_source(key="shop")
    return make_orders(tmp_path, [order(1, "2026-01-01 10:00:00"), ("A2", "c2", 5, "soon")])


@pytest.fixture
def client(file: Path) -> APIClient:
    return make_client()


def made(client: APIClient, **overrides: Any) -> str:
    answer = client.post(ROUTE, BODY | overrides)
    assert answer.status_code == 201, answer.json()
    return f"{ROUTE}{answer.json()['id']}/"


def test_a_table_is_tried_connected_and_its_orders_arrive(client: APIClient, file: Path) -> None:
    preview = client.post(f"{ROUTE}preview/", BODY).json()
    assert preview["rows"][0]["message"]["properties"] == {"revenue": 1, "orderId": "A1"}
    assert (preview["rows"][1]["code"], preview["rows"][1]["column"]) == (
        "invalid_time",
        "updated_at",
    )
    assert not SqlSource.objects.exists()
    route = made(client)
    read_sql_sources()
    drain_inbox_task()
    assert profile_of("user_id:c1")
    first = client.get(f"{route}runs/").json()["results"][0]
    assert (first["rows"], first["stored"], first["refused"], first["fault"]) == (2, 1, 1, "")
    assert client.get("/api/v1/imports/").json()["results"] == []
    refused = client.get(f"/api/v1/imports/{first['import_id']}/refused/").json()["results"]
    assert refused[0]["cells"]["customer"] == "c2"
    shown = client.get(route).json()
    assert (shown["state"], shown["position"]) == ("active", "soon")
    assert "url" not in shown
    add_orders(file, order(3, "2026-01-02 10:00:00"), order(4, "there"))
    read_sql_sources()
    drain_inbox_task()
    assert Event.objects.count() == 1, "it is not due yet"
    assert client.post(f"{route}run/").status_code == 202
    read_sql_sources()
    assert client.get(f"{route}runs/").json()["results"][0]["rows"] == 2


def test_it_is_changed_paused_resumed_and_deleted(client: APIClient) -> None:
    route = made(client)
    assert client.patch(route, {"interval_minutes": 5}).json()["interval_minutes"] == 5
    assert client.post(f"{route}pause/").json()["pause_reason"] == "staff"
    assert client.get(f"{ROUTE}?state=paused").json()["results"]
    assert client.post(f"{route}resume/").json()["state"] == "active"
    assert client.get(f"{route}preview/").json()["without_cursor"] == 0
    assert client.delete(route).status_code == 204
    verbs = AuditEntry.objects.filter(object_type="sql_source").values_list("verb", flat=True)
    assert set(verbs) == {
        f"sql_source.{v}" for v in ("created", "changed", "paused", "resumed", "deleted")
    }


def test_a_table_without_a_cursor_is_read_whole_each_time(client: APIClient, file: Path) -> None:
    body = {name: value for name, value in BODY.items() if name != "cursor_column"}
    assert len(client.post(f"{ROUTE}preview/", body).json()["rows"]) == 2
    answer = client.post(ROUTE, body)
    assert answer.status_code == 201
    assert answer.json()["cursor_column"] == answer.json()["position"] == ""
    route = f"{ROUTE}{answer.json()['id']}/"
    for same in (0, 2):
        client.post(f"{route}run/")
        read_sql_sources()
        drain_inbox_task()
        newest = client.get(f"{route}runs/").json()["results"][0]
        assert (newest["rows"], newest["same"], newest["vanished"]) == (2 - same, same, 0)
    refused = client.post(ROUTE, body | {"mapping": ORDERS | {"as_of": "2026-01-01"}})
    assert [error["path"] for error in refused.json()["errors"]] == ["mapping.as_of"]


def test_failed_runs_are_listed_apart(client: APIClient) -> None:
    route = made(client, query="SELECT 1 AS updated_at FROM nowhere")
    run(SqlSource.objects.get())
    assert client.get(f"{route}runs/?failed=true").json()["results"][0]["fault"] == "sqlite_error"
    assert client.get(f"{route}runs/?failed=false").json()["results"] == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"url": "postgresql://a:b@10.0.0.1/db?options=x"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"query": "DROP TABLE orders"}, "query"),
        ({"source": "nowhere"}, "source"),
        ({"mapping": {"call": "track"}}, "mapping.columns"),
        ({"mapping": 3}, "mapping"),
        ({"look_back_minutes": -1}, "look_back_minutes"),
        ({"interval_minutes": 10**12}, "interval_minutes"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_bad_fields_are_refused_with_their_path(
    client: APIClient, changes: dict[str, Any], path: str
) -> None:
    route = made(client)
    for answer in (
        client.post(ROUTE, BODY | changes),
        client.post(f"{ROUTE}preview/", BODY | changes),
        client.patch(route, changes),
    ):
        assert answer.status_code == 400
        assert path in {error["path"] for error in answer.json()["errors"]}


def test_what_fails_at_the_other_database_is_a_word(client: APIClient) -> None:
    answer = client.post(f"{ROUTE}preview/", BODY | {"query": "SELECT 'secret' FROM nowhere"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "sqlite_error")
    assert "secret" not in answer.content.decode()
    away = client.post(f"{ROUTE}preview/", BODY | {"url": "postgresql://a:word@127.0.0.1:1/db"})
    assert away.json()["errors"][0]["code"] == "private_address"
    assert "word@" not in away.content.decode()
