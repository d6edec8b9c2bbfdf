"""The databases that are reached: how each is opened, and kept from what nobody asked for.

Invariant: a host is reached by an address that was checked, over TLS unless the settings trust it;
a file lies below the folder of the settings; every session has a time limit, and is read-only
unless it is to write.
"""

import sqlite3
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pymysql
from django.conf import settings
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from profiles.lib.databases.faults import SqlFault, WrongAddress
from profiles.lib.outgoing import CONNECT_SECONDS, checked_address, connect, is_trusted_host

TLS_MODES = ("verify-full", "require", "disable")
FILE_STEPS = 10_000
# Sessions of PostgreSQL: constants, with the time limit as a parameter. SQL of another database.
POSTGRESQL_SESSION = """
SELECT set_config('default_transaction_read_only', %s, false),
    set_config('statement_timeout', %s, false), set_config('TimeZone', 'UTC', false)
"""
# Sessions of MySQL and MariaDB, which name the time limit differently. SQL of another database.
MYSQL_READ_ONLY = "SET SESSION TRANSACTION READ ONLY"
MYSQL_UTC = "SET SESSION time_zone = '+00:00'"
MYSQL_LIMIT = "SET SESSION max_execution_time = %s"
MARIADB_LIMIT = "SET SESSION max_statement_time = %s"


class Session(NamedTuple):
    """How long one statement may take, in seconds, and whether it may write."""

    seconds: int
    may_write: bool = False


@dataclass(frozen=True, slots=True)
class Database:
    """One kind of database: SQLAlchemy's driver, its port, how it is opened, what EXPLAIN costs."""

    driver: str
    port: int
    open: Callable[[URL, Session], Any]
    cost: Callable[[Any], float | None] | None = None


def read_url(text: str) -> URL:
    """Return the address of a database, with its driver and port. Raises WrongAddress."""
    try:
        url = make_url(text)
        name = url.get_backend_name()
    except (ArgumentError, ValueError, TypeError):
        raise _wrong("not_a_url", "an address such as postgresql://user:password@host/db") from None
    if name not in DATABASES:
        raise _wrong("unknown_dialect", f"one of {', '.join(DATABASES)}")
    database = DATABASES[name]
    if name == "sqlite":
        _file_of(url)
    elif not url.host or not url.database or not 0 < (url.port or database.port) < 65_536:
        raise _wrong("not_a_url", "an address with a host, a port that exists and a database")
    _check_parameters(url, name)
    return url.set(drivername=database.driver, port=url.port or database.port or None)


def place_of(url: URL) -> str:
    """Return what of an address may be shown: dialect, host, port and database."""
    name = url.get_backend_name()
    where = f"{url.host}:{url.port}/" if url.host else ""
    return f"{name}: {where}{url.database}"[:255]


def database_of(url: URL) -> Database:
    return DATABASES[url.get_backend_name()]


def _wrong(code: str, detail: str) -> WrongAddress:
    return WrongAddress(code, detail)


def _check_parameters(url: URL, name: str) -> None:
    """Refuse parameters: drivers have some that name files, commands or other hosts."""
    allowed = {"sslmode"} if name != "sqlite" else set()
    if set(url.query) - allowed:
        raise _wrong("unknown_parameter", f"no parameter but {', '.join(allowed) or 'none'}")
    mode = url.query.get("sslmode")
    if mode is not None and mode not in TLS_MODES:
        raise _wrong("unknown_parameter", f"sslmode is one of {', '.join(TLS_MODES)}")
    if mode == "disable" and not _is_trusted(url):
        raise _wrong("needs_tls", "a host that is not trusted is reached over TLS")


def _is_trusted(url: URL) -> bool:
    port = url.port or DATABASES[url.get_backend_name()].port
    return is_trusted_host(str(url.host), port)


def _tls_mode(url: URL) -> str:
    return str(url.query.get("sslmode", "disable" if _is_trusted(url) else "verify-full"))


def _open_postgresql(url: URL, session: Session) -> Any:
    host, port = str(url.host), int(url.port or 5432)
    mode = _tls_mode(url)
    connection = psycopg.connect(
        host=host,
        # The address that was checked; the name remains for the certificate.
        hostaddr=checked_address(host, port),
        port=port,
        user=url.username,
        password=url.password,
        dbname=url.database,
        sslmode=mode,
        sslrootcert="system" if mode == "verify-full" else None,
        # Nothing of this machine's own is offered to the other side.
        sslcert="",
        sslkey="",
        passfile="/dev/null",
        gssencmode="disable",
        connect_timeout=CONNECT_SECONDS,
        autocommit=True,
    )
    read_only = "off" if session.may_write else "on"
    connection.execute(POSTGRESQL_SESSION, [read_only, f"{session.seconds}s"])
    connection.autocommit = False
    connection.read_only = not session.may_write
    return connection


def _open_mysql(url: URL, session: Session) -> Any:
    host, port = str(url.host), int(url.port or 3306)
    connection = pymysql.connect(
        host=host,
        port=port,
        user=url.username,
        password=url.password or "",
        database=url.database,
        charset="utf8mb4",
        ssl=_mysql_tls(_tls_mode(url)),
        # The other side may ask for no file of this machine.
        local_infile=False,
        read_timeout=session.seconds + 10,
        defer_connect=True,
    )
    connection.connect(connect(host, port))
    is_mariadb = "mariadb" in str(connection.get_server_info()).lower()
    with connection.cursor() as cursor:
        if not session.may_write:
            cursor.execute(MYSQL_READ_ONLY)
        cursor.execute(MYSQL_UTC)
        if is_mariadb:
            cursor.execute(MARIADB_LIMIT, [session.seconds])
        else:
            cursor.execute(MYSQL_LIMIT, [session.seconds * 1000])
    return connection


def _mysql_tls(mode: str) -> ssl.SSLContext | None:
    if mode == "disable":
        return None
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _open_sqlite(url: URL, session: Session) -> Any:
    path = _file_of(url)
    if not path.is_file():
        raise SqlFault("no_such_file")
    mode = "rw" if session.may_write else "ro"
    connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, check_same_thread=False)
    if not session.may_write:
        connection.execute("PRAGMA query_only = ON")
    deadline = time.monotonic() + session.seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, FILE_STEPS)
    return connection


def _file_of(url: URL) -> Path:
    """Return the file of an address. Raises WrongAddress for one outside of the folder."""
    if not settings.SQL_SQLITE_FOLDER:
        raise _wrong("no_folder", "SQLite files are read where SQL_SQLITE_FOLDER names a folder")
    folder = Path(settings.SQL_SQLITE_FOLDER).resolve()
    name = url.database or ""
    # Links are followed first: one may lead out of the folder.
    path = (folder / name).resolve() if name and "\0" not in name else folder
    if path == folder or not path.is_relative_to(folder) or url.host:
        raise _wrong("outside_of_folder", "a file below the folder of SQL_SQLITE_FOLDER")
    return path


def _postgresql_cost(plan: Any) -> float | None:
    return float(plan[0]["Plan"]["Total Cost"])


def _mysql_cost(plan: Any) -> float | None:
    block: Mapping[str, Any] = plan["query_block"]
    cost = block.get("cost_info", {}).get("query_cost", block.get("cost"))
    return None if cost is None else float(cost)


# Another dialect is one more entry, and its package in requirements.txt.
DATABASES: Mapping[str, Database] = {
    "postgresql": Database("postgresql+psycopg", 5432, _open_postgresql, _postgresql_cost),
    "mysql": Database("mysql+pymysql", 3306, _open_mysql, _mysql_cost),
    "mariadb": Database("mariadb+pymysql", 3306, _open_mysql, _mysql_cost),
    "sqlite": Database("sqlite", 0, _open_sqlite),
}
