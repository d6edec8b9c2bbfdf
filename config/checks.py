"""System checks of the settings: what Django itself would find out too late, or never."""

import os
from urllib.parse import urlsplit

import phonenumbers
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

OLDEST_POSTGRES = 15
KEYS = ("SECRET_KEY", "DEDUPLICATION_KEY", "SUPPRESSION_KEY")


def check_settings(**_: object) -> list[checks.CheckMessage]:
    """`tessera.E001` to `E003`: a value that is well-formed, but not a possible one."""
    found: list[checks.CheckMessage] = []
    if not _is_site(settings.PUBLIC_URL):
        hint = "Such as https://cdp.example.org"
        found.append(
            checks.Error("PUBLIC_URL is not the address of a site.", hint=hint, id="tessera.E001")
        )
    if settings.WEEK_STARTS_ON > 6:
        hint = "Monday is 0 and Sunday is 6."
        found.append(checks.Error("WEEK_STARTS_ON is not a day.", hint=hint, id="tessera.E002"))
    if settings.DEFAULT_PHONE_REGION not in phonenumbers.SUPPORTED_REGIONS:
        hint = "Two capital letters, such as FR."
        found.append(checks.Error("DEFAULT_PHONE_REGION is unknown.", hint=hint, id="tessera.E003"))
    return found


def check_shared_keys(**_: object) -> list[checks.CheckMessage]:
    """`tessera.W001` with --deploy: keys kept in a file of this machine, while the database may serve many."""
    if settings.USES_EMBEDDED_DATABASE:
        return []
    hint = "Set it to the same value on every machine, and keep a copy: DATA_DIR/secrets has the one in use."
    return [
        checks.Warning(f"{name} is not in the environment.", hint=hint, id="tessera.W001")
        for name in KEYS
        if not os.environ.get(name)
    ]


def refuse_old_postgres(connection: BaseDatabaseWrapper, **_: object) -> None:
    """On every new connection; the driver knows the version without asking."""
    version = connection.connection.info.server_version // 10_000
    if version < OLDEST_POSTGRES:
        raise ImproperlyConfigured(
            f"DATABASE_URL names a PostgreSQL {version}; {OLDEST_POSTGRES} or later is needed."
        )


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = parts.path in ("", "/") and not parts.query
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain
