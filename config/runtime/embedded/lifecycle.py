"""Who starts the servers and who stops them.

Invariant: a process that joined holds a shared lock on `users.lock` for as long as it lives, however it dies; only who can
turn that into an exclusive lock, while holding `start.lock`, stops a server.
"""

import atexit
import os
import sys
from pathlib import Path

from config.runtime.embedded import locks, signals
from config.runtime.embedded.account import (
    StartError,
    make_socket_directory,
    postgres_account,
    remove_socket_directory,
)
from config.runtime.embedded.postgres import Postgres
from config.runtime.embedded.valkey import Valkey


class Embedded:
    """The servers of one data directory; either may be absent, because the environment names another."""

    def __init__(
        self,
        data_directory: Path,
        sockets: Path,
        *,
        postgres: Postgres | None,
        valkey: Valkey | None,
    ) -> None:
        self.data_directory = data_directory
        self.sockets = sockets
        self._servers = [server for server in (postgres, valkey) if server is not None]
        self._users_lock: int | None = None
        self._owner_pid = 0

    @property
    def is_needed(self) -> bool:
        return bool(self._servers)

    def join(self) -> None:
        """Start what is not running and stay a user of it until this process ends. Raises StartError."""
        if not self.is_needed or self._owner_pid == os.getpid():
            return
        self.data_directory.mkdir(parents=True, exist_ok=True)
        with signals.deferred(), locks.exclusively(self._start_lock):
            users_lock = locks.open_lock(self.data_directory / "users.lock")
            try:
                self._start()
            except BaseException:
                self._stop_unless_shared(users_lock)
                raise
            locks.lock_shared(users_lock)
            self._users_lock, self._owner_pid = users_lock, os.getpid()
            atexit.register(self._leave_at_exit)

    def ensure(self) -> None:
        """Start again what died; for the watcher, which is a user already. Raises StartError."""
        with locks.exclusively(self._start_lock):
            self._start()

    def leave(self) -> None:
        """Stop being a user; the last one stops the servers. A forked child never does."""
        if self._users_lock is None or self._owner_pid != os.getpid():
            return
        users_lock, self._users_lock, self._owner_pid = self._users_lock, None, 0
        with signals.deferred(), locks.exclusively(self._start_lock):
            self._stop_unless_shared(users_lock)

    def _leave_at_exit(self) -> None:
        try:
            self.leave()
        except StartError as error:
            sys.stderr.write(f"Tessera: {error}\n")

    @property
    def _start_lock(self) -> Path:
        return self.data_directory / "start.lock"

    def _start(self) -> None:
        make_socket_directory(self.sockets, postgres_account())
        for server in self._servers:
            if not server.is_up():
                server.start()

    def _stop_unless_shared(self, users_lock: int) -> None:
        try:
            if locks.try_exclusive(users_lock):
                for server in self._servers:
                    server.stop()
                remove_socket_directory(self.sockets)
        finally:
            os.close(users_lock)
