"""Starting the servers with their first user and stopping them with the last one.

Invariant: a process that joined holds a shared lock on `users.lock` until it ends, however it ends.
A server is stopped only by a process that holds `start.lock` and can make that lock exclusive.
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
    """The servers of one data directory. None stands for one whose URL is in the environment."""

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
        """Start what is not running, and use it until this process ends. Raises StartError."""
        # A forked child joins anew: the lock that it shares with its parent is not its own.
        if not self.is_needed or self._owner_pid == os.getpid():
            return
        self.data_directory.mkdir(parents=True, exist_ok=True)
        with signals.deferred(), locks.exclusively(self._start_lock):
            users_lock = locks.open_lock(self.data_directory / "users.lock")
            try:
                self._start()
            except BaseException:
                # One of the servers may have started.
                self._stop_unless_used(users_lock)
                raise
            locks.lock_shared(users_lock)
            self._users_lock, self._owner_pid = users_lock, os.getpid()
            atexit.register(self._leave_at_exit)

    def ensure(self) -> None:
        """Start again what died. The caller has joined. Raises StartError."""
        with locks.exclusively(self._start_lock):
            self._start()

    def leave(self) -> None:
        """Stop using the servers. The last user stops them."""
        # A forked child inherits the exit handler, but its parent still uses the servers.
        if self._users_lock is None or self._owner_pid != os.getpid():
            return
        users_lock, self._users_lock, self._owner_pid = self._users_lock, None, 0
        with signals.deferred(), locks.exclusively(self._start_lock):
            self._stop_unless_used(users_lock)

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

    def _stop_unless_used(self, users_lock: int) -> None:
        try:
            # Nobody can join in between, since joining takes `start.lock`, which the caller holds.
            if locks.try_exclusive(users_lock):
                for server in self._servers:
                    server.stop()
                remove_socket_directory(self.sockets)
        finally:
            os.close(users_lock)
