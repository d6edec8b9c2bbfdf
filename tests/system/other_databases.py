"""Other databases for tests, reached over TCP: one of the same PostgreSQL, and a MariaDB."""

import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from tempfile import TemporaryDirectory

import psycopg
import pymysql
import pytest
from django.db import connection
from psycopg import sql

PASSWORD = "a password: 100 %"
START_SECONDS = 60


@contextmanager
def postgresql() -> Iterator[tuple[str, int]]:
    """Make another database on the server of the tests; give its name and a port for it."""
    name = f"{connection.settings_dict['NAME']}_other"
    settings = connection.get_connection_params()
    with closing(psycopg.connect(**_plain(settings, "postgres"), autocommit=True)) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with _relay(_server_address(settings)) as port:
                yield name, port
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            server.execute(drop)


def connect_postgresql(name: str) -> psycopg.Connection[tuple[object, ...]]:
    settings = _plain(connection.get_connection_params(), name)
    return psycopg.connect(**settings, autocommit=True)


@contextmanager
def mariadb() -> Iterator[int]:
    """Start a MariaDB with a database `shop` and a user `reader`, and give its port."""
    server, install = shutil.which("mariadbd", path=_PATH), shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("MariaDB is not installed.")
    with _folder_of_mysql() as folder:
        options = [
            f"--datadir={folder}/rows",
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
        ]
        user = ["--user=mysql"] if os.getuid() == 0 else []
        setup = [install, "--no-defaults", "--auth-root-authentication-method=normal", options[0]]
        subprocess.run([*setup, *user], check=True, capture_output=True)
        port = _free_port()
        network = [f"--port={port}", "--bind-address=127.0.0.1", "--skip-log-bin"]
        command = [server, "--no-defaults", *options, *user, *network]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with closing(_when_ready(f"{folder}/socket", process)) as root, root.cursor() as cursor:
                cursor.execute("CREATE DATABASE shop")
                # Of this host: a new server also has a user without a name there, who goes before.
                cursor.execute("CREATE USER reader@localhost IDENTIFIED BY %s", [PASSWORD])
                cursor.execute("GRANT ALL ON shop.* TO reader@localhost")
            yield port
        finally:
            process.terminate()
            process.wait(30)


def connect_mariadb(port: int) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    return pymysql.connect(
        host="127.0.0.1",
        port=port,
        user="reader",
        password=PASSWORD,
        database="shop",
        autocommit=True,
    )


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def _plain(settings: dict[str, object], name: str) -> dict[str, object]:
    wanted = ("host", "port", "user", "password")
    return {key: settings[key] for key in wanted if settings.get(key)} | {"dbname": name}


def _server_address(settings: dict[str, object]) -> str | tuple[str, int]:
    host, port = str(settings.get("host") or "localhost"), int(str(settings.get("port") or 5432))
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


@contextmanager
def _relay(target: str | tuple[str, int]) -> Iterator[int]:
    """Pass connections to a port on to an address, which may be a socket in the file system."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept_all, args=(listener, target), daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept_all(listener: socket.socket, target: str | tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            near = listener.accept()[0]
            far = socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET)
            far.connect(target)
            threading.Thread(target=_pass_on, args=(near, far), daemon=True).start()


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def _folder_of_mysql() -> Iterator[str]:
    """Make a folder in which the server can write, which refuses to run as root."""
    # Not one of pytest's, which are below a folder that is closed to others.
    with TemporaryDirectory(prefix="tessera-mariadb-") as folder:
        if os.getuid() == 0:
            account = pwd.getpwnam("mysql")
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _when_ready(
    path: str, process: "subprocess.Popen[bytes]"
) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    deadline = time.monotonic() + START_SECONDS
    while not _answers(path):
        assert process.poll() is None, "MariaDB does not start"
        assert time.monotonic() < deadline, "MariaDB does not answer"
        time.sleep(0.2)
    return pymysql.connect(unix_socket=path, user="root")


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
