"""The probes of load balancers and monitors."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from consent.services import suppress
from ingestion.models import InboxRow
from tests.factories import make_source


def test_being_alive_asks_no_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_names_every_part_and_costs_few_queries(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, settings: Settings
) -> None:
    # Asking for the journal costs queries of its own where one is kept.
    settings.PRIVACY_JOURNAL = ""
    with django_assert_num_queries(9):
        response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": dict.fromkeys(
            ("database", "migrations", "broker", "suppression_keys", "privacy_journal", "drain"),
            True,
        ),
        "drain_paused_by": None,
        "privacy_journal_fault": None,
        "inbox_lag_seconds": 0.0,
        "set_apart": {"segments": 0, "privacy_requests": 0},
        "ledger_protected": bool(settings.DATABASE_OWNER),
    }


@pytest.mark.django_db
def test_a_lag_is_told_and_does_not_make_a_web_server_unready(client: Client) -> None:
    for minutes in (10, 2):
        InboxRow.objects.create(
            source=make_source(),
            trust=0,
            body=b"",
            message_count=1,
            received_at=timezone.now() - timedelta(minutes=minutes),
        )
    response = client.get("/readyz")
    assert response.status_code == 200
    assert 600 <= response.json()["inbox_lag_seconds"] < 660


@pytest.mark.django_db
def test_without_its_broker_a_server_is_not_ready(client: Client, settings: Settings) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["broker"] is False
    assert response.json()["checks"]["database"] is True


@pytest.mark.django_db
def test_with_a_migration_to_apply_a_server_is_not_ready(client: Client) -> None:
    [last] = MigrationLoader(connection).graph.leaf_nodes("consent")
    MigrationRecorder(connection).record_unapplied(*last)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"] is False


@pytest.mark.django_db
def test_with_another_suppression_key_a_server_is_not_ready(
    client: Client, settings: Settings
) -> None:
    suppress(["email:erased@example.org"], request_id=None)
    assert client.get("/readyz").status_code == 200
    settings.SUPPRESSION_KEY = "another"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["suppression_keys"] is False
