"""The application may append to the ledger of consents, and neither change nor own it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from psycopg import sql
from pytest_django.fixtures import Settings

from config.env import env_secret
from config.ownership import as_owner, ledger_is_protected, settle_ownership
from consent.models import ConsentEvent, PurposeVersion
from consent.services import (
    LEDGER_SEQUENCES,
    LEDGER_TABLES,
    PRUNING_FUNCTION,
    record,
    seal_ledger,
)
from tests.consent.inputs import consent_input
from tests.factories import make_profile, make_purpose

needs_two_roles = pytest.mark.skipif(
    not settings.DATABASE_OWNER, reason="DATABASE_URL has one role, which owns everything."
)
OWNER = "tessera_test_owner"
TAMPERING = [
    "UPDATE consent_consentevent SET state = 'given'",
    "DELETE FROM consent_consentevent",
    "TRUNCATE consent_ledgerseal",
    "UPDATE consent_purposeversion SET text = ''",
    "ALTER TABLE consent_consentevent DISABLE TRIGGER ALL",
    "ALTER TABLE consent_consentevent OWNER TO tessera_app",
    "DROP TABLE consent_ledgerseal",
    "CREATE TRIGGER t BEFORE INSERT ON consent_consentevent"
    " EXECUTE FUNCTION consent_refuse_change()",
    "CREATE OR REPLACE FUNCTION consent_refuse_change() RETURNS trigger LANGUAGE sql AS ''",
    "ALTER SEQUENCE consent_event_seq RESTART",
    "SELECT setval('consent_event_seq', 1)",
    "INSERT INTO consent_ledgerpruning VALUES (gen_random_uuid(), '')",
    "INSERT INTO consent_prunedlink SELECT 1, id FROM consent_ledgerpruning",
    "CREATE OR REPLACE FUNCTION consent_refuse_unpruned() RETURNS trigger LANGUAGE sql AS ''",
    "ALTER FUNCTION consent_prune_ledger SECURITY INVOKER",
    "SET ROLE tessera",
    "SET session_replication_role = replica",
    "CREATE ROLE another SUPERUSER",
]


@contextmanager
def application(name: str) -> Iterator["psycopg.Connection[Any]"]:
    """A session of the application's own, not one that only took its rights."""
    server = connection.settings_dict
    with psycopg.connect(
        host=server["HOST"],
        dbname=name,
        user=settings.APPLICATION_ROLE,
        password=env_secret("POSTGRES_APP_PASSWORD", settings.SECRETS_DIR),
        autocommit=True,
    ) as session:
        yield session


def owners() -> dict[str, str]:
    """Return who owns each table, and each sequence that no column has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_get_userbyid(relowner) FROM pg_class c"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"
        )
        return dict(cursor.fetchall())


def give_everything_to(role: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        for name, owner in owners().items():
            # The sequence of a column follows its table.
            is_sequence = name.endswith("_seq")
            if owner != role and (not is_sequence or name in LEDGER_SEQUENCES):
                kind = sql.SQL("SEQUENCE" if is_sequence else "TABLE")
                names = {"name": sql.Identifier(name), "role": sql.Identifier(role)}
                cursor.execute(
                    sql.SQL("ALTER {kind} {name} OWNER TO {role}").format(kind=kind, **names)
                )
        names = {"name": sql.Identifier(PRUNING_FUNCTION), "role": sql.Identifier(role)}
        cursor.execute(sql.SQL("ALTER FUNCTION {name} OWNER TO {role}").format(**names))


def fill() -> None:
    make_purpose()
    record(consent_input(make_profile("email:ada@example.org"), "given"))
    seal_ledger()


@needs_two_roles
def test_the_database_lets_the_application_change_nothing_of_the_ledger(
    committing_db: str,
) -> None:
    fill()
    with application(committing_db) as session:
        for statement in TAMPERING:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)  # type: ignore[call-overload]
        found = session.execute("SELECT state FROM consent_consentevent").fetchall()
        assert found == [("given",)]


@needs_two_roles
def test_after_migrating_each_role_has_what_is_its_own(db: None) -> None:
    ledger = {*LEDGER_TABLES, *LEDGER_SEQUENCES}
    of_columns = {f"{table}_id_seq" for table in LEDGER_TABLES}
    for name, owner in owners().items():
        assert owner == ("tessera" if name in ledger | of_columns else "tessera_app"), name
    assert ledger_is_protected()


@needs_two_roles
def test_a_store_of_before_is_settled_by_the_next_start(committing_db: str) -> None:
    fill()
    give_everything_to("tessera")
    call_command("migrate", verbosity=0)
    assert owners()["profiles_profile"] == "tessera_app"
    assert owners()["consent_consentevent"] == "tessera"
    record(consent_input(make_profile("email:bob@example.org"), "given"))
    assert ConsentEvent.objects.count() == 2


@pytest.fixture
def plain_owner(committing_db: str, settings: Settings) -> Iterator[None]:
    """An owner that is no superuser, over tables that one role had until now."""
    role, database = sql.Identifier(OWNER), sql.Identifier(committing_db)
    give_everything_to("tessera_app")
    with as_owner(), connection.cursor() as cursor:
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE tessera_app")
        cursor.execute(statement.format(role))
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
    superuser = settings.DATABASE_OWNER
    settings.DATABASE_OWNER = superuser | {"USER": OWNER, "PASSWORD": "secret"}
    yield
    settings.DATABASE_OWNER = superuser
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO tessera").format(database))
        cursor.execute(sql.SQL("REASSIGN OWNED BY {} TO tessera").format(role))
        cursor.execute(sql.SQL("DROP OWNED BY {}").format(role))
        cursor.execute(sql.SQL("DROP ROLE {}").format(role))


@needs_two_roles
def test_an_owner_that_is_no_superuser_takes_the_ledger_over(
    plain_owner: None, committing_db: str
) -> None:
    assert not ledger_is_protected()
    call_command("migrate", verbosity=0)
    assert {owners()[name] for name in LEDGER_TABLES} == {OWNER}
    assert owners()["profiles_event"] == "tessera_app"
    fill()
    refusal = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with application(committing_db) as session, refusal:
        session.execute("DELETE FROM consent_consentevent")
    assert PurposeVersion.objects.exists()
    assert ledger_is_protected()


def test_without_an_owner_nothing_is_given_and_the_probe_says_so(
    committing_db: str, settings: Settings, client: Client
) -> None:
    if settings.DATABASE_OWNER:
        give_everything_to("tessera_app")
    settings.DATABASE_OWNER = {}
    before = owners()
    settle_ownership()
    assert owners() == before
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ledger_protected"]) == (200, False)
