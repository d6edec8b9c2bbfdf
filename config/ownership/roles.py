"""The two roles: the application's, and the owner's, who migrates."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from config.ownership import sql
from consent.services import LEDGER_TABLES


@contextmanager
def as_owner() -> Iterator[None]:
    """Let statements run as the owner; without one in the settings, as who runs them anyway."""
    owner = settings.DATABASE_OWNER
    former = {name: connection.settings_dict[name] for name in owner}
    connection.close()
    connection.settings_dict.update(owner)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(former)


def ledger_is_protected() -> bool:
    """Whether the application's role is neither owner of the ledger nor may become it."""
    with connection.cursor() as cursor:
        cursor.execute(sql.MAY_BE_OWNER, [LEDGER_TABLES])
        ((may_be_owner,),) = cursor.fetchall()
    return not may_be_owner
