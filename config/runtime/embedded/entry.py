"""What entry points call to join the embedded servers, and to report what is wrong in one line."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from functools import cache
from types import FrameType

from config.runtime.embedded.account import StartError
from config.runtime.embedded.lifecycle import Embedded
from config.runtime.embedded.postgres import Passwords, Postgres
from config.runtime.embedded.valkey import Valkey

# Commands that use neither database nor broker. `serve` joins itself, after checking its port.
COMMANDS_WITHOUT_SERVERS = {
    "--help",
    "--version",
    "-h",
    "collectstatic",
    "diffsettings",
    "help",
    "makemessages",
    "serve",
    "startapp",
    "version",
}
WATCH_SECONDS = 1.0
# Classes of SQLSTATE that are about the connection, not about a statement: connection exception,
# authorization, unknown database, resources, operator intervention.
CONNECTION_STATES = ("08", "28", "3D", "53", "57")


@cache
def servers() -> Embedded:
    """Return the servers of the configured data directory."""
    from django.conf import settings

    sockets = settings.SOCKET_DIR
    return Embedded(
        settings.DATA_DIR,
        sockets,
        postgres=Postgres(settings.DATA_DIR, sockets, _passwords())
        if settings.USES_EMBEDDED_DATABASE
        else None,
        valkey=Valkey(sockets) if settings.USES_EMBEDDED_BROKER else None,
    )


def _passwords() -> Passwords:
    from django.conf import settings

    return Passwords(
        owner=settings.DATABASE_OWNER["PASSWORD"],
        application=settings.DATABASES["default"]["PASSWORD"],
    )


def join() -> None:
    """Start the embedded servers if need be, and use them until this process ends.

    Raises StartError.
    """
    servers().join()


def leave() -> None:
    """Stop using the servers now. The last user stops them."""
    servers().leave()


def join_for_command(arguments: list[str]) -> None:
    """Join the servers, unless the management command needs none."""
    command = arguments[0] if arguments else "help"
    if command in COMMANDS_WITHOUT_SERVERS or {"--help", "-h"} & set(arguments):
        return
    exit_on_signals()
    join()


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this process by `sys.exit`.

    So its exit handlers run, one of which leaves the servers.
    """
    # Python sets signal handlers in the main thread only.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _exit)
        # nohup ignores SIGHUP, so that the terminal may close.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, _exit)


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def report_start_errors() -> Iterator[None]:
    """Exit with one line and status 1 if a setting is wrong or a server cannot be reached."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import NotSupportedError, OperationalError

    try:
        yield
    except (StartError, ImproperlyConfigured, NotSupportedError) as error:
        sys.exit(f"Tessera: {_one_line(error)}")
    except PermissionError as error:
        sys.exit(f"Tessera: no permission for {error.filename}")
    except OperationalError as error:
        # A statement that failed is a defect, which needs its traceback.
        if not _is_about_connection(error):
            raise
        sys.exit(f"Tessera: the database cannot be reached: {_one_line(error)}")


def _is_about_connection(error: Exception) -> bool:
    # Without an answer of a server there is no SQLSTATE.
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(CONNECTION_STATES)


def _one_line(error: Exception) -> str:
    """Return the last line of the message that is not a hint."""
    # libpq lists every address that it tried, each with a hint that is indented by a tab.
    lines = [
        line.strip(" -")
        for line in str(error).splitlines()
        if line.strip() and not line.startswith("\t")
    ]
    return lines[-1] if lines else type(error).__name__


def watch() -> None:
    """Keep both servers running until a stop signal, and start again what dies."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    join()
    while not stopping.wait(WATCH_SECONDS):
        try:
            servers().ensure()
        except StartError as error:
            # The next round tries again.
            sys.stderr.write(f"Tessera: {error}\n")
