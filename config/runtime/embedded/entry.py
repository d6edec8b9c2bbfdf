"""What entry points call: join the servers that the settings ask for, and say in one line what is wrong."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from types import FrameType

from config.runtime.embedded.account import StartError
from config.runtime.embedded.lifecycle import Embedded
from config.runtime.embedded.postgres import Postgres
from config.runtime.embedded.valkey import Valkey

# Commands that touch neither database nor broker; `serve` joins after it has looked at its port.
COMMANDS_WITHOUT_SERVERS = {
    *("collectstatic", "diffsettings", "help", "makemessages", "serve", "startapp"),
    *("version", "--version", "--help", "-h"),
}
WATCH_SECONDS = 1.0
# The classes of SQLSTATE that speak of a connection, and not of a statement.
CONNECTION_STATES = ("08", "28", "3D", "53", "57")


@cache
def servers() -> Embedded:
    """The servers of the configured data directory."""
    from django.conf import settings

    sockets = settings.SOCKET_DIR
    password = str(settings.DATABASES["default"].get("PASSWORD", ""))
    return Embedded(
        settings.DATA_DIR,
        sockets,
        postgres=Postgres(settings.DATA_DIR, sockets, password)
        if settings.USES_EMBEDDED_DATABASE
        else None,
        valkey=Valkey(sockets) if settings.USES_EMBEDDED_BROKER else None,
    )


def join() -> None:
    """Start or join the embedded servers, until this process ends. Raises StartError."""
    servers().join()


def leave() -> None:
    """Stop being a user now; the last one stops the servers."""
    servers().leave()


def join_for_command(arguments: list[str]) -> None:
    """`join`, unless the management command needs no server."""
    command = arguments[0] if arguments else "help"
    if command in COMMANDS_WITHOUT_SERVERS or {"--help", "-h"} & set(arguments):
        return
    end_by_exit()
    join()


def end_by_exit() -> None:
    """TERM and a closed terminal end a command through its exit handlers, so that it leaves the servers."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _exit)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, _exit)


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Wrong configuration and unreachable servers end in one line and status 1, not in a traceback."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import NotSupportedError, OperationalError

    try:
        yield
    except (StartError, ImproperlyConfigured, NotSupportedError) as error:
        sys.exit(f"Tessera: {_one_line(error)}")
    except PermissionError as error:
        sys.exit(f"Tessera: no permission for {error.filename}")
    except OperationalError as error:
        if not _is_about_connecting(error):
            raise
        sys.exit(f"Tessera: the database cannot be reached: {_one_line(error)}")


def _is_about_connecting(error: Exception) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(CONNECTION_STATES)


def _one_line(error: Exception) -> str:
    """libpq lists every address that it tried, each with an indented hint; the last address says enough."""
    lines = [
        line.strip(" -")
        for line in str(error).splitlines()
        if line.strip() and not line.startswith("\t")
    ]
    return lines[-1] if lines else type(error).__name__


def watch() -> None:
    """Keep both servers up until told to stop; what dies is started again, and again if that fails."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    join()
    while not stopping.wait(WATCH_SECONDS):
        try:
            servers().ensure()
        except StartError as error:
            sys.stderr.write(f"Tessera: {error}\n")
