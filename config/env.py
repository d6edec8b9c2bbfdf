"""Functions that read settings from environment variables.

Invariant: an absent or empty variable takes the default, and an invalid one raises
ImproperlyConfigured with the name of the variable.
"""

import os
import re
import secrets
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
import limits
from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}
DATABASE_SCHEMES = {"postgres", "postgresql"}
BROKER_SCHEMES = {"redis", "rediss", "redis+socket", "amqp", "amqps"}
PICTURES = (".svg", ".png", ".webp", ".jpg")
FILE_MAIL_SCHEME = "filemail://"


def env_text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in TRUE_WORDS | FALSE_WORDS:
        return value in TRUE_WORDS
    raise ImproperlyConfigured(f"{name} must be 1 or 0, true or false, yes or no, on or off.")


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not value.lstrip("-").isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}.")
    return int(value)


def env_int_within(name: str, default: int, *, most: int) -> int:
    """Read a whole number from 0 to `most`."""
    number = env_int(name, default)
    if number > most:
        raise ImproperlyConfigured(f"{name} must be at most {most}.")
    return number


def env_list(name: str, default: list[str]) -> list[str]:
    """Read a comma-separated list; empty items are left out."""
    items = [item.strip() for item in os.environ.get(name, "").split(",")]
    return [item for item in items if item] or default


def env_rate(name: str, default: str) -> str:
    """Read a rate such as 10/15 minutes; `none` gives an empty text, which is no limit."""
    text = env_text(name, default)
    if text == "none":
        return ""
    try:
        limits.parse(text)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be a rate such as 10/15 minutes, or none."
        ) from error
    return text


def env_colour(name: str) -> str:
    """Read a colour such as #0b6b70; empty where there is none."""
    colour = env_text(name)
    if colour and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ImproperlyConfigured(f"{name} must be a colour such as #0b6b70.")
    return colour


def env_picture(name: str) -> str:
    """Read the path of a picture that a page can show; empty where there is none."""
    path = env_text(name)
    if path and Path(path).suffix.lower() not in PICTURES:
        raise ImproperlyConfigured(f"{name} must be a file that ends in {', '.join(PICTURES)}.")
    if path and not Path(path).is_file():
        raise ImproperlyConfigured(f"{name} names a file that is not there.")
    return path


def env_database(name: str) -> dict[str, Any] | None:
    """Return the DATABASES entry of a postgres:// URL, or None if the variable is not set."""
    url = env_text(name)
    if not url:
        return None
    message = f"{name} must look like postgres://user:password@host:5432/name"
    try:
        is_known = urlsplit(url).scheme in DATABASE_SCHEMES
        entry: dict[str, Any] = environ.Env.db_url_config(url) if is_known else {}
    except (ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(message) from error
    if not entry.get("NAME"):
        raise ImproperlyConfigured(message)
    # The host may be the directory of a Unix socket, with its slashes quoted: %2Frun%2Fpostgresql.
    return entry | {"HOST": unquote(entry.get("HOST", ""))}


def env_owner(name: str, application: str) -> dict[str, Any]:
    """Return what a connection of the tables' owner has otherwise; empty without the variable."""
    entry = env_database(name) or {}
    if entry.get("OPTIONS"):
        raise ImproperlyConfigured(f"{name} has no options: those of DATABASE_URL hold for both.")
    if entry and not (application and entry.get("USER")):
        raise ImproperlyConfigured(f"With {name}, both URLs must name their user.")
    return {key: entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT") if key in entry}


def env_broker(name: str, default: str) -> str:
    """Read the URL of a Valkey, Redis or RabbitMQ server."""
    url = env_text(name, default)
    # Only what users wrote is checked.
    if url == default:
        return url
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in BROKER_SCHEMES and bool(parts.hostname or parts.path)
        # Reading the port raises ValueError where it is no number.
        is_known = is_known and parts.port != 0
    except ValueError:
        is_known = False
    if not is_known:
        raise ImproperlyConfigured(
            f"{name} must look like redis://:password@host:6379/0 or amqp://user:password@host:5672//"
        )
    return url


def env_time_zone(name: str, default: str) -> str:
    """Read the name of a zone of the IANA time zone database."""
    zone = env_text(name, default)
    try:
        zoneinfo.ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone such as Europe/Paris.") from error
    return zone


def env_email(name: str, default: str) -> Mapping[str, Any]:
    """Return Django's EMAIL_ settings of a URL such as smtp+tls://user:password@host:587.

    filemail:///var/mail writes messages into files in /var/mail.
    """
    url = env_text(name, default)
    try:
        settings: dict[str, Any] = environ.Env.email_url_config(url)
    except (KeyError, ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} is not a mail URL.") from error
    if url.startswith(FILE_MAIL_SCHEME):
        # django-environ drops the first slash, and would take a plus for a space.
        settings["EMAIL_FILE_PATH"] = url.removeprefix(FILE_MAIL_SCHEME)
        settings["EMAIL_BACKEND"] = "consent.customers.mail.FileBackend"
    return settings


def env_secret(name: str, directory: Path) -> str:
    """Read a secret from the variable, or from a file in `directory` that is made on first use.

    A made secret has 256 random bits.
    """
    if value := env_text(name):
        return value
    path = directory / name.lower()
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_once(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()


def _write_once(path: Path, value: str) -> None:
    """Write a file that only its owner can read, unless the file exists."""
    draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value)
    try:
        # A link is atomic: of two first starts at once the second keeps the secret of the first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
