"""Giving to each role what is its own."""

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql as composed

from config.ownership import sql
from consent.services import (
    APPENDED_TABLES,
    LEDGER_SEQUENCES,
    LEDGER_TABLES,
    PRUNING_FUNCTION,
    PRUNING_TABLES,
)


def settle_ownership() -> None:
    """Give the ledger to this session's role and all else to the application's.

    Does nothing where the settings have no owner. The session is the owner's: a superuser, or a
    member of the application's role. May be run at any time and again; only what is not right is
    touched, since giving a table waits for whoever uses it.
    """
    if not settings.DATABASE_OWNER:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        ((owner, schema),) = cursor.fetchall()
        _give(cursor, owner)
        _grant(cursor, schema)


def _give(cursor: CursorWrapper, owner: str) -> None:
    ledger = [*LEDGER_TABLES, *LEDGER_SEQUENCES]
    roles = {"owner": owner, "application": settings.APPLICATION_ROLE}
    cursor.execute(sql.STRAYS, roles | {"ledger": ledger})
    for kind, name in cursor.fetchall():
        role = owner if name in ledger else settings.APPLICATION_ROLE
        cursor.execute(sql.GIVE.format(kind=composed.SQL(kind), **_named(name=name, role=role)))
    cursor.execute(sql.IS_FUNCTION_OF, [owner, PRUNING_FUNCTION])
    if not cursor.fetchone()[0]:
        names = _named(name=PRUNING_FUNCTION, role=owner)
        cursor.execute(sql.GIVE.format(kind=composed.SQL("FUNCTION"), **names))


def _grant(cursor: CursorWrapper, schema: str) -> None:
    role = settings.APPLICATION_ROLE
    cursor.execute(sql.LET_MAKE.format(**_named(schema=schema, role=role)))
    for name in APPENDED_TABLES:
        cursor.execute(sql.LET_APPEND.format(**_named(name=name, role=role)))
    for name in PRUNING_TABLES:
        cursor.execute(sql.LET_READ.format(**_named(name=name, role=role)))
    cursor.execute(sql.LET_PRUNE.format(**_named(name=PRUNING_FUNCTION, role=role)))
    for name in LEDGER_SEQUENCES:
        cursor.execute(sql.LET_COUNT.format(**_named(name=name, role=role)))


def _named(**names: str) -> dict[str, composed.Identifier]:
    return {key: composed.Identifier(name) for key, name in names.items()}
