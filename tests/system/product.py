"""The product as it runs: web, worker and beat as processes of their own, on the database of one test.

Invariant: every process is ended by the process group that was started here, never by a name.
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

from ingestion.models import InboxRow
from tests.config.programs import ROOT, free_port

QUEUES = "default,ingestion,segments,privacy"
PROGRAMS = {
    "web": ["gunicorn", "-c", "python:config.runtime.supervision.web", "config.wsgi"],
    "worker": [
        *("celery", "-A", "config", "worker", "-Q", QUEUES, "--concurrency", "2"),
        *("--without-gossip", "--without-mingle"),
    ],
    "beat": ["celery", "-A", "config", "beat"],
}
NO_ANSWER = (OSError, http.client.HTTPException)


class Answer(NamedTuple):
    """What the web said; the body is read as JSON where there is one."""

    status: int
    body: Any


def numbered(url: str, number: int) -> str:
    """The same Valkey, another of its databases."""
    place = url.partition("?")[0]
    if place.startswith("redis+socket:"):
        return f"{place}?virtual_host={number}"
    if place.startswith("unix:"):
        return f"{place}?db={number}"
    return urlsplit(place)._replace(path=f"/{number}").geturl()


def database_url(name: str) -> str:
    """The URL of a database on the server of the tests, which may listen on a socket only."""
    there = connection.settings_dict
    login = f"{quote(str(there['USER']), safe='')}:{quote(str(there['PASSWORD']), safe='')}"
    place = quote(str(there["HOST"]) or "localhost", safe="")
    return f"postgres://{login}@{place}:{there['PORT'] or 5432}/{name}"


def database_numbers() -> tuple[int, int]:
    """Two databases of the Valkey for this process of the test run: those of the queue and of the cache."""
    first = 2 + 2 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 7)
    return first, first + 1


def wait_until(holds: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def is_drained() -> bool:
    return not InboxRow.objects.exists()


class Product:
    """Programs that share a database, a queue and a directory for logs and mail."""

    def __init__(self, directory: Path, database: str, **more: str) -> None:
        queue, cache = database_numbers()
        self.directory = directory
        self.port = free_port()
        self.valkey = redis.Redis.from_url(numbered(settings.CACHE_URL, queue))
        self._cache = redis.Redis.from_url(numbered(settings.CACHE_URL, cache))
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        } | {
            "DATA_DIR": str(directory),
            "DATABASE_URL": database_url(database),
            "BROKER_URL": numbered(settings.BROKER_URL, queue),
            "CACHE_URL": numbered(settings.CACHE_URL, cache),
            "EMAIL_URL": f"filemail://{directory / 'mail'}",
            "PORT": str(self.port),
            **{
                name: getattr(settings, name)
                for name in ("SECRET_KEY", "DEDUPLICATION_KEY", "SUPPRESSION_KEY")
            },
        }
        self._environment |= more
        self.flush()

    def start(self, *names: str) -> None:
        """Start programs, and wait for the web if it is among them."""
        for name in names:
            command = [sys.executable, "-m", *PROGRAMS[name]]
            if name != "web":
                command += ["--loglevel", self._environment.get("LOG_LEVEL", "WARNING")]
            if name == "beat":
                command += ["--schedule", str(self.directory / "beat-schedule")]
            with (self.directory / f"{name}.log").open("ab") as log:
                self._programs[name] = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    process_group=0,
                )
        if "web" in names:
            wait_until(self.answers, seconds=30)

    def kill(self, name: str) -> None:
        """`kill -9` of a program and of all that it forked."""
        program = self._programs.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait(20)

    def stop(self) -> None:
        while self._programs:
            self.kill(next(iter(self._programs)))
        self.flush()
        self.valkey.close()
        self._cache.close()

    def flush(self) -> None:
        """Forget all that is queued, and all nudges that were sent."""
        self.valkey.flushdb()
        self._cache.flushdb()

    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def answers(self) -> bool:
        for program in self._programs.values():
            assert program.poll() is None, self.logs()
        try:
            return self.call("GET", "/healthz").status == 200
        except NO_ANSWER:
            return False

    def call(
        self, method: str, path: str, body: object = None, *, token: str = "", **headers: str
    ) -> Answer:
        """One request. Bytes go as they are, all else as JSON. Raises NO_ANSWER."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        said = {"Content-Type": "application/json"} | headers
        if token:
            said["Authorization"] = f"Bearer {token}"
        web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            web.request(method, path, sent, said)
            answer = web.getresponse()
            text = answer.read()
        finally:
            web.close()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return Answer(answer.status, json.loads(text) if is_json and text else text)

    def send(self, key: str, *messages: dict[str, Any]) -> Answer:
        """Messages as one batch, with a write key as SDKs give it."""
        basic = b64encode(f"{key}:".encode()).decode()
        return self.call(
            "POST", "/v1/batch", {"batch": list(messages)}, Authorization=f"Basic {basic}"
        )

    def send_until_taken(self, key: str, *messages: dict[str, Any], seconds: float = 60) -> None:
        """What an SDK does: the same batch again until it is acknowledged."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(*NO_ANSWER):
                if self.send(key, *messages).status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("nobody took the batch")
