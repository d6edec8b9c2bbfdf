"""System checks of the settings, and the oldest supported PostgreSQL."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django.fixtures import Settings

from config.checks import (
    CONNECTIONS_OF_A_WORKER,
    OTHER_CONNECTIONS,
    SHARED_KEYS,
    check_connections,
    check_settings,
    check_shared_keys,
    check_special_keys,
    refuse_old_postgres,
)


def test_the_settings_of_the_tests_are_possible_ones() -> None:
    assert check_settings() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PUBLIC_URL", "cdp.example.org", "tessera.E001"),
        ("PUBLIC_URL", "ftp://cdp.example.org", "tessera.E001"),
        ("PUBLIC_URL", "https://cdp.example.org/below", "tessera.E001"),
        ("PUBLIC_URL", "https://[::1", "tessera.E001"),
        ("WEEK_STARTS_ON", 7, "tessera.E002"),
        ("DEFAULT_PHONE_REGION", "XX", "tessera.E003"),
        ("MATCH_PROPOSE_PERCENT", 101, "tessera.E005"),
        ("MATCH_ACCEPT_PERCENT", 79, "tessera.E005"),
        ("MATCH_ACCEPT_PERCENT", 101, "tessera.E005"),
    ],
)
def test_a_value_that_cannot_be_is_an_error(
    name: str, value: Any, expected: str, settings: Settings
) -> None:
    setattr(settings, name, value)
    assert [error.id for error in check_settings()] == [expected]


def test_keys_in_files_are_warned_of_where_many_machines_may_share_a_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SHARED_KEYS:
        monkeypatch.delenv(name, raising=False)
    settings.USES_EMBEDDED_DATABASE = True
    assert check_shared_keys() == []
    settings.USES_EMBEDDED_DATABASE = False
    monkeypatch.setenv("SUPPRESSION_KEY", "the same everywhere")
    assert [warning.msg.split()[0] for warning in check_shared_keys()] == [
        "SECRET_KEY",
        "DEDUPLICATION_KEY",
        "ADDRESS_KEY",
        "SIGNING_KEY",
    ]


def test_keys_of_special_traits_on_one_machine_only_are_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIAL_KEYS_FOLDER", raising=False)
    settings.USES_EMBEDDED_DATABASE = True
    assert check_special_keys() == []
    settings.USES_EMBEDDED_DATABASE = False
    assert [warning.id for warning in check_special_keys()] == ["tessera.W003"]
    monkeypatch.setenv("SPECIAL_KEYS_FOLDER", "/mnt/keys")
    assert check_special_keys() == []


@pytest.mark.django_db
def test_more_connections_than_the_database_bears_are_warned_of_with_what_to_set(
    settings: Settings,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        most = int(cursor.fetchone()[0])
    settings.WEB_WORKERS, settings.WORKER_PROCESSES = 1, 1
    settings.WEB_THREADS = most - CONNECTIONS_OF_A_WORKER - OTHER_CONNECTIONS
    assert check_connections(databases=["default"]) == []
    settings.WEB_THREADS += 1
    (warning,) = check_connections(databases=["default"])
    assert warning.id == "tessera.W002"
    assert f"max_connections of PostgreSQL to {most + 1}" in warning.hint
    # Checks of the settings alone ask no server.
    assert check_connections(databases=None) == []


@pytest.mark.django_db
def test_the_postgresql_of_the_tests_is_taken_and_one_before_15_is_not() -> None:
    connection.ensure_connection()
    refuse_old_postgres(connection)
    old = SimpleNamespace(connection=SimpleNamespace(info=SimpleNamespace(server_version=140_011)))
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL 14; 15 or later"):
        refuse_old_postgres(old)  # type: ignore[arg-type]
