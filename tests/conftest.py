"""Fixtures of all tests: real PostgreSQL and Valkey, started here unless the environment names others."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from config.runtime import embedded


def pytest_configure(config: pytest.Config) -> None:
    embedded.join()
    # Collected for a running product; WhiteNoise warns where there is nothing.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # Hashing a password slowly is for guessers, not for tests.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def _run_beside(statement: sql.Composed) -> None:
    """A statement that must run in no database of ours: the template may have no other session."""
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: pytest.FixtureRequest,
) -> Iterator[None]:
    """The migrated database, for whatever tests are run: pytest-django makes none for those that it did not mark itself."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committing_db(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, copied from the migrated one, for tests that commit, lock or spawn processes.

    Flushing is no way back: the ledger refuses TRUNCATE. Gives the database's name.
    """
    template = connection.settings_dict["NAME"]
    name = f"{template}_copy"
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connections.close_all()
        _run_beside(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        _run_beside(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        connection.settings_dict["NAME"] = name
        settings.DATABASES["default"]["NAME"] = name
        try:
            yield name
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = template
            settings.DATABASES["default"]["NAME"] = template
            _run_beside(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
