"""Deadlines of reading: a client that sends slowly must not keep a thread of the web server.

A thread reads headers and bodies with a blocking socket. A watcher ends the reading of those that
take too long in all, and, while more than half of the threads read, of those that have to wait at
all. Ending it leaves the client's socket open for the answer.
"""

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gunicorn.workers.gthread import ThreadWorker

HEADER_SECONDS = 10.0
BODY_SECONDS = 10.0  # and a second for each 20 kB
BYTES_A_SECOND = 20_000
MAX_BODY_BYTES = 10 * 1024 * 1024
# Whoever sends at once, as a proxy that buffers does, is through before this.
GRACE_SECONDS = 0.03
_TICK_SECONDS = 0.01
_TIMED_OUT = ("408 Request Timeout", b"The body took too long to arrive.")
_TOO_LARGE = ("413 Content Too Large", b"A body has at most 10 MB.")
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class _Reading(NamedTuple):
    began: float
    deadline: float


class Watcher:
    """The sockets that are being read, and when their reading ends."""

    def __init__(self, *, threads: int) -> None:
        self._most = max(threads // 2, 1)
        self._readings: dict[socket.socket, _Reading] = {}
        self._lock = threading.Lock()

    def begin(self, connection: socket.socket, *, seconds: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._readings[connection] = _Reading(now, now + seconds)

    def end(self, connection: socket.socket) -> bool:
        """Whether the reading ended by itself, and not by its deadline."""
        with self._lock:
            return self._readings.pop(connection, None) is not None

    def watch(self) -> None:
        """End what is overdue, for ever."""
        while True:
            time.sleep(_TICK_SECONDS)
            self.end_overdue(now=time.monotonic())

    def end_overdue(self, *, now: float) -> None:
        with self._lock:
            overdue = {key for key, reading in self._readings.items() if reading.deadline < now}
            slow = [
                key
                for key, reading in self._readings.items()
                if key not in overdue and now - reading.began > GRACE_SECONDS
            ]
            # The first half may go on: dictionaries keep the order in which they began.
            overdue.update(slow[self._most :])
            for connection in overdue:
                del self._readings[connection]
        for connection in overdue:
            # Wakes the thread that reads. The client may have gone already.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


class TimedThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's worker with threads, with deadlines."""

    watcher: Watcher

    def init_process(self) -> None:
        self.watcher = watcher_of(self.cfg.threads)
        threading.Thread(target=self.watcher.watch, name="slow-clients", daemon=True).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        self.watcher.begin(conn.sock, seconds=HEADER_SECONDS)
        try:
            return super().handle(conn)
        finally:
            self.watcher.end(conn.sock)


_watchers: dict[int, Watcher] = {}  # one a process, by its number of threads


def watcher_of(threads: int) -> Watcher:
    """The watcher of this process."""
    return _watchers.setdefault(threads, Watcher(threads=threads))


class WholeBodies:
    """WSGI middleware that reads the whole body in time before the application sees the request.

    A chunked body gets its length here, since Django reads no further than that.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        is_chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        watcher = next(iter(_watchers.values()), None)
        connection = environ.get("gunicorn.socket")
        if watcher is None or connection is None:
            return self._application(environ, start_response)
        if length > MAX_BODY_BYTES:
            return _refuse(*_TOO_LARGE, start_response)
        # The headers are through; what follows has a deadline of its own.
        watcher.end(connection)
        if not length and not is_chunked:
            return self._application(environ, start_response)
        watcher.begin(connection, seconds=BODY_SECONDS + length / BYTES_A_SECOND)
        body = _read(environ["wsgi.input"], MAX_BODY_BYTES + 1 if is_chunked else length)
        if not watcher.end(connection) or body is None or len(body) < length:
            return _refuse(*_TIMED_OUT, start_response)
        if len(body) > MAX_BODY_BYTES:
            return _refuse(*_TOO_LARGE, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return self._application(environ, start_response)


def _read(stream: Any, size: int) -> bytes | None:
    try:
        body: bytes = stream.read(size)
    except (OSError, ValueError, RuntimeError):
        # The client went, or its chunks are none.
        return None
    except Exception as error:
        # Gunicorn's errors of parsing have no base of their own.
        if type(error).__module__.startswith("gunicorn."):
            return None
        raise
    return body


def _refuse(status: str, reason: bytes, start_response: StartResponse) -> Iterable[bytes]:
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(reason))),
        ("Connection", "close"),
    ]
    start_response(status, headers)
    return [reason]
