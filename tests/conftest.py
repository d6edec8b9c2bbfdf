"""Fixtures of all tests.

PostgreSQL and Valkey are real. The embedded ones are started unless the environment has the URLs of
others.
"""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from config.runtime import embedded


def pytest_configure(config: pytest.Config) -> None:
    embedded.join()
    # WhiteNoise warns if the directory of static files is missing, and warnings are errors.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # The default hasher is slow on purpose, to slow down guessing.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Tests share their sender and Valkey. Those of the limits set them.
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def _execute_elsewhere(statement: sql.Composed) -> None:
    """Execute a statement in a database that is not one of the tests'."""
    # A template must have no session while it is copied, nor a database while it is dropped.
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: pytest.FixtureRequest,
) -> Iterator[None]:
    """Make the migrated database of the test run."""
    # pytest-django would make it only for tests with its own mark, and not for `committing_db`.
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        databases = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        teardown_databases(databases, verbosity=0)


@pytest.fixture
def committing_db(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """Copy the migrated database for a test that commits, locks or starts processes.

    Gives the name of the copy.
    """
    # Flushing one database after each test is not possible, since the ledger refuses TRUNCATE.
    template = connection.settings_dict["NAME"]
    name = f"{template}_copy"
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connections.close_all()
        _execute_elsewhere(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        _execute_elsewhere(
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
            _execute_elsewhere(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )
