"""Checks of the settings and of the PostgreSQL version, beyond those of Django."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.base.base import BaseDatabaseWrapper

OLDEST_POSTGRES = 15
CONNECTIONS_OF_A_WORKER = 2  # its task, and the heartbeat of what the task leased
# Beat with its alarm, commands, and those that PostgreSQL reserves for its superuser.
OTHER_CONNECTIONS = 10
SHARED_KEYS = ("SECRET_KEY", "DEDUPLICATION_KEY", "SUPPRESSION_KEY", "ADDRESS_KEY", "SIGNING_KEY")


def check_settings(**_: object) -> list[checks.CheckMessage]:
    """Return `tessera.E001` to `E005` for values that are well-formed but impossible."""
    errors: list[checks.CheckMessage] = []
    if not _is_site_url(settings.PUBLIC_URL):
        hint = "Such as https://cdp.example.org"
        errors.append(
            checks.Error("PUBLIC_URL is not the address of a site.", hint=hint, id="tessera.E001")
        )
    if settings.WEEK_STARTS_ON > 6:
        hint = "Monday is 0 and Sunday is 6."
        errors.append(checks.Error("WEEK_STARTS_ON is not a day.", hint=hint, id="tessera.E002"))
    if settings.DEFAULT_PHONE_REGION not in phonenumbers.SUPPORTED_REGIONS:
        hint = "Two capital letters, such as FR."
        errors.append(
            checks.Error("DEFAULT_PHONE_REGION is unknown.", hint=hint, id="tessera.E003")
        )
    if settings.SEGMENT_RECOMPUTE_HOUR > 23:
        hint = "From 0 to 23."
        errors.append(
            checks.Error("SEGMENT_RECOMPUTE_HOUR is no hour.", hint=hint, id="tessera.E004")
        )
    if not _are_thresholds(settings.MATCH_PROPOSE_PERCENT, settings.MATCH_ACCEPT_PERCENT):
        hint = "From 1 to 100, the second no less than the first; 0 accepts nothing by itself."
        errors.append(
            checks.Error(
                "MATCH_PROPOSE_PERCENT and MATCH_ACCEPT_PERCENT do not fit.",
                hint=hint,
                id="tessera.E005",
            )
        )
    return errors


def _are_thresholds(propose: int, accept: int) -> bool:
    return propose <= 100 and (accept == 0 or propose <= accept <= 100)


def check_shared_keys(**_: object) -> list[checks.CheckMessage]:
    """Return `tessera.W001` for each key that lies in a file of this machine only.

    Registered for `check --deploy`.
    """
    # The embedded database serves this machine alone, so its keys need not be shared.
    if settings.USES_EMBEDDED_DATABASE:
        return []
    hint = (
        "Set it to the same value on every machine, and keep a copy: "
        "DATA_DIR/secrets has the one in use."
    )
    return [
        checks.Warning(f"{name} is not in the environment.", hint=hint, id="tessera.W001")
        for name in SHARED_KEYS
        if not os.environ.get(name)
    ]


def check_special_keys(**_: object) -> list[checks.CheckMessage]:
    """Return `tessera.W003` where the keys of special traits lie on this machine only.

    Registered for `check --deploy`.
    """
    if settings.USES_EMBEDDED_DATABASE or os.environ.get("SPECIAL_KEYS_FOLDER"):
        return []
    hint = "Name a folder that web and all workers share, and that no backup of the database has."
    message = "SPECIAL_KEYS_FOLDER is not set."
    return [checks.Warning(message, hint=hint, id="tessera.W003")]


def check_connections(databases: Sequence[str] | None = None, **_: object) -> list[Any]:
    """Return `tessera.W002` where the programs may need more connections than the database bears.

    Run with the checks of databases, as by `migrate`, since it asks the server.
    """
    if not databases or DEFAULT_DB_ALIAS not in databases:
        return []
    needed = (
        settings.WEB_WORKERS * settings.WEB_THREADS
        + CONNECTIONS_OF_A_WORKER * settings.WORKER_PROCESSES
        + OTHER_CONNECTIONS
    )
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        most = int(cursor.fetchone()[0])
    if needed <= most:
        return []
    hint = (
        f"WEB_WORKERS x WEB_THREADS + {CONNECTIONS_OF_A_WORKER} x WORKER_PROCESSES + "
        f"{OTHER_CONNECTIONS} are {needed}. Set max_connections of PostgreSQL to {needed} or more, "
        f"set WEB_THREADS lower, or put PgBouncer between."
    )
    message = f"The database bears {most} connections, and the programs may need {needed}."
    return [checks.Warning(message, hint=hint, id="tessera.W002")]


def refuse_old_postgres(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Raise ImproperlyConfigured if a new connection leads to a PostgreSQL that is too old."""
    # The server sends its version when connecting, so that this costs no query.
    version = connection.connection.info.server_version // 10_000
    if version < OLDEST_POSTGRES:
        raise ImproperlyConfigured(
            f"DATABASE_URL names a PostgreSQL {version}; {OLDEST_POSTGRES} or later is needed."
        )


def _is_site_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # Links are made by adding a path to it.
    is_plain = parts.path in ("", "/") and not parts.query
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain
