"""Fixtures of all tests.

PostgreSQL and Valkey are real. The embedded ones are started unless the environment has the URLs of
others.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from config.ownership import as_owner
from config.runtime import embedded
from tests import cluster, joins, statements
from tests.config.example_world import World, make_world
from tests.tries import tries

# The same examples at each run, so that a change is judged by itself and not by luck; others at
# each run with RANDOM_EXAMPLES=1, by a seed that a failure prints.
# A machine that does much else draws slowly, which says nothing of a test.
EACH: dict[str, Any] = {
    "max_examples": tries(100),
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],
}
hypothesis.settings.register_profile("same", derandomize=True, **EACH)
hypothesis.settings.register_profile("random", print_blob=True, **EACH)
hypothesis.settings.load_profile("random" if os.environ.get("RANDOM_EXAMPLES") else "same")


def pytest_configure(config: pytest.Config) -> None:
    embedded.join()
    if settings.USES_EMBEDDED_DATABASE:
        connect_as_owner_with_rights_of_application()
    # WhiteNoise warns if the directory of static files is missing, and warnings are errors.
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # The default hasher is slow on purpose, to slow down guessing.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Tests share their sender and Valkey. Those of the limits set them.
    settings.THROTTLES = dict.fromkeys(settings.THROTTLES, "")
    # Each process has a database of its own, whose identifiers have the numbers of the others'.
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    settings.SPECIAL_KEYS_FOLDER = str(settings.DATA_DIR / f"special-keys{process}")
    settings.SQL_SQLITE_FOLDER = str(settings.DATA_DIR / "sql_files")
    # The environment says so too, for programs; without -n the settings are read before it is set.
    settings.PRIVACY_JOURNAL = ""
    settings.ERASURE_COOLING_HOURS = 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    if os.environ.get("TEST_STATEMENTS"):
        statements.record_statements()


def connect_as_owner_with_rights_of_application() -> None:
    """Let tests do what the application may do; SET ROLE NONE lets one do what the owner may."""
    entry = settings.DATABASES["default"]
    former = entry["OPTIONS"]
    entry |= settings.DATABASE_OWNER
    entry["OPTIONS"] = former | {
        "options": f"{former['options']} -c role={settings.APPLICATION_ROLE}"
    }
    settings.DATABASE_OWNER["OPTIONS"] = former


# What the other processes of a run have executed.
executed_elsewhere: set[str] = set()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    executed_elsewhere.update(getattr(node, "workeroutput", {}).get("statements", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run with TEST_STATEMENTS that left out a statement."""
    if not os.environ.get("TEST_STATEMENTS"):
        return
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        # One of several processes: the one that started them judges.
        output["statements"] = statements.executed_constants()
    elif missing := statements.never_executed(executed_elsewhere):
        print("Never executed:", *missing, sep="\n  ")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _execute_elsewhere(statement: sql.Composed) -> None:
    """Execute a statement in a database that is not one of the tests'."""
    # A template must have no session while it is copied, nor a database while it is dropped.
    with as_owner(), connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


def _copy_database(template: str, name: str) -> None:
    if cluster.is_asked_for:
        cluster.copy_database(template, name)
        return
    _drop_database(name)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _execute_elsewhere(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _drop_database(name: str) -> None:
    if cluster.is_asked_for:
        cluster.drop_database(name)
        return
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    _execute_elsewhere(statement.format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: pytest.FixtureRequest,
) -> Iterator[None]:
    """Make the migrated database of the test run."""
    # pytest-django would make it only for tests with its own mark, and not for `committing_db`.
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        if cluster.is_asked_for:
            creation: Any = connection.creation
            cluster.make_database(creation._get_test_db_name())
        with as_owner():
            databases = setup_databases(verbosity=0, interactive=False, keepdb=cluster.is_asked_for)
        if cluster.is_asked_for:
            cluster.spread()
    yield
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        if cluster.is_asked_for:
            name = connection.settings_dict["NAME"]
            connections.close_all()
            cluster.drop_database(name)
        else:
            with as_owner():
                teardown_databases(databases, verbosity=0)


@receiver(connection_created)
def watch_joins(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let no test pass that joins what a cluster spreads over different machines."""
    # Called again whenever the same object connects anew: thousands of wrappers would add up.
    if joins.watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(joins.watch)


@pytest.fixture(autouse=True)
def no_joins_across_machines() -> Iterator[None]:
    joins.observed.clear()
    yield
    assert not joins.observed


@contextmanager
def _copied_database(blocker: Any) -> Iterator[str]:
    """Copy the migrated database and use the copy while the block lasts."""
    # Flushing one database after each test is not possible, since the ledger refuses TRUNCATE.
    template = connection.settings_dict["NAME"]
    name = f"{template}_copy"
    with blocker.unblock():
        connections.close_all()
        _copy_database(template, name)
        connection.settings_dict["NAME"] = name
        settings.DATABASES["default"]["NAME"] = name
        try:
            yield name
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = template
            settings.DATABASES["default"]["NAME"] = template
            _drop_database(name)


@pytest.fixture
def committing_db(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """Copy the migrated database for a test that commits, locks or starts processes.

    Gives the name of the copy.
    """
    with _copied_database(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def committing_db_of_module(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[str]:
    """The same for all tests of a module together."""
    with _copied_database(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def transaction_of_module(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[None]:
    """A transaction around all tests of a module, for what takes long to make and is only read."""
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        yield
        transaction.set_rollback(True)


@pytest.fixture
def savepoint(transaction_of_module: None) -> Iterator[None]:
    """Take back what the test changed, and nothing that was there before it.

    Instead of the mark `django_db`, whose end would close the connection of the module.
    """
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def world_of_module(transaction_of_module: None) -> World:
    return make_world()


@pytest.fixture
def world(world_of_module: World, savepoint: None) -> World:
    """What the examples of the API are about, made once for a module."""
    return world_of_module
