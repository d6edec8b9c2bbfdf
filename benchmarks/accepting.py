"""The rate at which batches are accepted over HTTP and committed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection

from benchmarks.store import DATABASE, timed
from benchmarks.world import BATCH

CLIENTS = 4
WORKERS = 2


def accept_rate(port: int, key: str, bodies: list[bytes]) -> float:
    """Send all batches, and return the events per second until the last response.

    A batch is answered after its commit. The inbox is empty afterwards.
    """
    requests = [_request(key, body) for body in bodies]
    with timed() as timing, ThreadPoolExecutor(CLIENTS) as clients:
        responses = list(clients.map(lambda request: _send(port, request), requests))
    rejected = [response for response in responses if not response.startswith(b"HTTP/1.1 200")]
    if rejected:
        raise RuntimeError(f"not accepted: {rejected[0][:200]!r}")
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE ingestion_inboxrow")
    return len(bodies) * BATCH / timing.seconds


@contextmanager
def web_server(database_url: str) -> Iterator[int]:
    """Run gunicorn with the product's settings, and give its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi",
            "--config",
            "python:config.runtime.supervision.web",
            "--bind",
            f"127.0.0.1:{port}",
        ],
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "LOG_LEVEL": "ERROR",
            "WEB_WORKERS": str(WORKERS),
            # The rate limit must not be what is measured.
            "TRACKING_MESSAGES_PER_MINUTE": str(10**9),
        },
    )
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the web server of {DATABASE} did not start")


def _request(key: str, body: bytes) -> bytes:
    # By hand: a client library would take a share of the processors that the server needs.
    head = (
        "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _send(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(request)
        parts = []
        while part := client.recv(65_536):
            parts.append(part)
    return b"".join(parts)
