"""Doing as the owner of the database what the application, whose rights tests have, may not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def owner_cursor() -> Iterator[Any]:
    """Give a cursor with the rights of the owner, such as to end the sessions of others."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        yield cursor
        cursor.execute("RESET ROLE")
