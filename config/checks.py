"""Checks of the settings and of the PostgreSQL version, beyond those of Django."""

import os
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

OLDEST_POSTGRES = 15
SHARED_KEYS = ("SECRET_KEY", "DEDUPLICATION_KEY", "SUPPRESSION_KEY", "ADDRESS_KEY", "SIGNING_KEY")


def check_settings(**_: object) -> list[checks.CheckMessage]:
    """Return `tessera.E001` to `E004` for values that are well-formed but impossible."""
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
    return errors


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
