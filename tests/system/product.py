"""The running product: web, worker and beat as processes, on the database of one test.

Invariant: every process is ended by the process group that was started here, never by its name.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import redis
from django.conf import settings
from django.db import connection

from config.checks import SHARED_KEYS
from ingestion.models import InboxRow
from tests.config.programs import ROOT, free_port

QUEUES = "default,ingestion,segments,privacy"
PROGRAMS = {
    "web": ["gunicorn", "-c", "python:config.runtime.supervision.web", "config.wsgi"],
    "worker": [
        "celery",
        "-A",
        "config",
        "worker",
        "-Q",
        QUEUES,
        "--concurrency",
        "2",
        "--without-gossip",
        "--without-mingle",
    ],
    "beat": ["celery", "-A", "config", "beat"],
}
# What a request raises while the web server is down.
NO_RESPONSE = (OSError, http.client.HTTPException)


class Response(NamedTuple):
    """A response. Its body is parsed if it is JSON, and bytes if not."""

    status: int
    body: Any


def with_database_number(url: str, number: int) -> str:
    """Return the URL of another database of the same Valkey."""
    server = url.partition("?")[0]
    if server.startswith("redis+socket:"):
        return f"{server}?virtual_host={number}"
    if server.startswith("unix:"):
        return f"{server}?db={number}"
    return urlsplit(server)._replace(path=f"/{number}").geturl()


def database_url(name: str) -> str:
    """Return the URL of a database on the server of the tests."""
    server = connection.settings_dict
    login = f"{quote(str(server['USER']), safe='')}:{quote(str(server['PASSWORD']), safe='')}"
    # The host may be the directory of a socket, with slashes.
    host = quote(str(server["HOST"]) or "localhost", safe="")
    return f"postgres://{login}@{host}:{server['PORT'] or 5432}/{name}"


def database_numbers() -> tuple[int, int]:
    """Return the numbers of Valkey's databases for the queue and the cache of this test process."""
    # 0 and 1 are those of the tests themselves. Valkey has 16.
    first = 2 + 2 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 7)
    return first, first + 1


def wait_until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)


def is_drained() -> bool:
    return not InboxRow.objects.exists()


class Product:
    """Programs that share a database, a queue and a directory for logs and mail."""

    def __init__(self, directory: Path, database: str, **more: str) -> None:
        queue, cache = database_numbers()
        self.directory = directory
        self.port = free_port()
        self.valkey = redis.Redis.from_url(with_database_number(settings.CACHE_URL, queue))
        self.cache = redis.Redis.from_url(with_database_number(settings.CACHE_URL, cache))
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        } | {
            "DATA_DIR": str(directory),
            "DATABASE_URL": database_url(database),
            "BROKER_URL": with_database_number(settings.BROKER_URL, queue),
            "CACHE_URL": with_database_number(settings.CACHE_URL, cache),
            "EMAIL_URL": f"filemail://{directory / 'mail'}",
            "PORT": str(self.port),
            # Those of the tests, whose digests must be found again.
            **{name: getattr(settings, name) for name in SHARED_KEYS},
        }
        self.environment |= more
        self.flush()

    def start(self, *names: str) -> None:
        """Start programs, and wait until the web server answers if it is one of them."""
        for name in names:
            command = [sys.executable, "-m", *PROGRAMS[name]]
            if name != "web":
                command += ["--loglevel", self.environment.get("LOG_LEVEL", "WARNING")]
            if name == "beat":
                command += ["--schedule", str(self.directory / "beat-schedule")]
            with (self.directory / f"{name}.log").open("ab") as log:
                self._programs[name] = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
        if "web" in names:
            wait_until(self.is_answering, seconds=30)

    def kill(self, name: str) -> None:
        """Kill a program and all that it forked with `kill -9`."""
        program = self._programs.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait(20)

    def stop(self) -> None:
        """Kill all programs, and empty the queue and the cache."""
        while self._programs:
            self.kill(next(iter(self._programs)))
        self.flush()
        self.valkey.close()
        self.cache.close()

    def flush(self) -> None:
        """Delete everything that is queued, and the record of sent nudges."""
        self.valkey.flushdb()
        self.cache.flushdb()

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def is_answering(self) -> bool:
        """Return whether the web server answers. Fails if a program has ended."""
        for program in self._programs.values():
            assert program.poll() is None, self.logs()
        try:
            return self.call("GET", "/healthz").status == 200
        except NO_RESPONSE:
            return False

    def call(
        self, method: str, path: str, body: object = None, *, token: str = "", **headers: str
    ) -> Response:
        """Send one request. A body that is not bytes is sent as JSON. Raises NO_RESPONSE."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        all_headers = {"Content-Type": "application/json"} | headers
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            web.request(method, path, payload, all_headers)
            response = web.getresponse()
            text = response.read()
        finally:
            web.close()
        is_json = "json" in response.headers.get("Content-Type", "")
        return Response(response.status, json.loads(text) if is_json and text else text)

    def send(self, key: str, *messages: dict[str, Any]) -> Response:
        """Send messages as one batch, with the write key in the form that SDKs use."""
        basic = b64encode(f"{key}:".encode()).decode()
        return self.call(
            "POST", "/v1/batch", {"batch": list(messages)}, Authorization=f"Basic {basic}"
        )

    def send_until_accepted(self, key: str, *messages: dict[str, Any], seconds: float = 60) -> None:
        """Send the same batch until it is acknowledged, as an SDK does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(*NO_RESPONSE):
                if self.send(key, *messages).status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the batch was not accepted in time")
