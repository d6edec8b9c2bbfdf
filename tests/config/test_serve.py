"""`manage.py serve` and other commands as processes: what they refuse, and whole runs."""

import http.client
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from config.personal_data import FOLDERS
from tests.config.programs import (
    end_all,
    free_port,
    kill,
    main_process,
    open_directory,
    run_python,
    running,
    start_python,
    wait_until,
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    """The data directory that the whole runs share."""
    with open_directory() as base:
        yield base / "var"


@pytest.fixture
def home() -> Iterator[Path]:
    """A data directory in which nothing was started yet."""
    with open_directory() as base:
        yield base / "var"


@pytest.fixture(autouse=True)
def _nothing_is_left(home: Path, shop: Path) -> Iterator[None]:
    yield
    end_all(home)
    end_all(shop)


def refusal(home: Path, command: str, **more: str) -> str:
    """Run a command that must fail, and return the one line that it prints."""
    result = run_python(home, "manage.py", command, **more)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert running(home) == {}
    return result.stderr


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("serve", "PORT", "70000"),
        ("serve", "DATABASE_URL", "nonsense"),
        ("migrate", "DATABASE_URL", "nonsense"),
        ("migrate", "BROKER_URL", "nonsense"),
        ("check", "TIME_ZONE", "Mars/Olympus"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(
    command: str, name: str, value: str, home: Path
) -> None:
    assert refusal(home, command, **{name: value}).startswith(f"Tessera: {name} must ")


def test_a_busy_port_is_refused_before_anything_is_started(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        line = refusal(home, "serve", PORT=port)
    assert line.startswith(f"Tessera: cannot listen on 127.0.0.1:{port}: ")
    assert "PORT=" in line
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_a_database_that_cannot_be_reached_is_told_in_one_line(command: str, home: Path) -> None:
    more = {"DATABASE_URL": "postgres://a:b@127.0.0.1:1/c", "BROKER_URL": settings.BROKER_URL}
    line = refusal(home, command, PORT=str(free_port()), **more)
    assert line.startswith("Tessera: the database cannot be reached: ")


def test_a_wrong_password_is_told_in_one_line_without_the_password(home: Path) -> None:
    server = connection.settings_dict
    host = quote(str(server["HOST"]), safe="")
    url = f"postgres://{server['USER']}:not-the-word@{host}:{server['PORT']}/postgres"
    line = refusal(home, "migrate", DATABASE_URL=url, BROKER_URL=settings.BROKER_URL)
    assert line.startswith("Tessera: the database cannot be reached: ")
    assert "password" in line
    assert "not-the-word" not in line


def test_a_broker_that_cannot_be_reached_is_told_in_one_line(home: Path) -> None:
    line = refusal(home, "serve", PORT=str(free_port()), BROKER_URL="redis://127.0.0.1:1/0")
    assert line.startswith("Tessera: the broker of BROKER_URL cannot be reached: ")


def get(port: int, path: str) -> tuple[int, bytes]:
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        web.request("GET", path)
        response = web.getresponse()
        return response.status, response.read()
    finally:
        web.close()


def is_ready(port: int) -> bool:
    try:
        return get(port, "/readyz")[0] == 200
    except OSError:
        return False


def serve(home: Path, port: int, *, demo: str = "0") -> tuple[subprocess.Popen[str], str]:
    """Start serve, and read its output up to the line that says how to stop it."""
    program = start_python(home, "manage.py", "serve", PORT=str(port), DEMO=demo)
    assert program.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = program.stdout.readline()
        assert line, printed
        printed += line
    return program, printed


def test_serve_from_the_first_start_to_the_last_stop(shop: Path) -> None:
    port = free_port()
    program, printed = serve(shop, port)
    assert "password" in printed
    assert f"http://localhost:{port}/admin/" in printed
    assert get(port, "/healthz") == (200, json.dumps({"status": "ok"}).encode())
    wait_until(lambda: is_ready(port))
    assert get(port, "/static/admin/css/base.css")[0] == 200

    again = run_python(shop, "manage.py", "serve", PORT=str(port))
    assert again.returncode == 1
    assert again.stderr.startswith(f"Tessera: already running here as process {program.pid};")

    with socket.socket() as other:
        # Nobody takes the port, also while the web server is started anew.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError):
            other.bind(("127.0.0.1", port))

    for word in ("celery -A config worker", "celery -A config beat", "gunicorn"):
        killed = main_process(shop, word)
        kill(killed)
        wait_until(lambda word=word, killed=killed: main_process(shop, word) not in (0, killed))
    wait_until(lambda: is_ready(port))
    assert [entry for entry in shop.iterdir() if not entry.name.startswith(tuple(FOLDERS))] == []

    program.terminate()
    assert program.wait(60) == 0
    assert running(shop) == {}

    program, printed = serve(shop, port)
    assert "password" not in printed
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 0
    assert running(shop) == {}


def test_the_demo_loads_beside_the_site_that_says_how_far_it_is(home: Path) -> None:
    port = free_port()
    program, _ = serve(home, port, demo="1")
    assert program.stdout is not None
    assert "Loading the demo" in "".join(program.stdout.readline() for _ in range(2))
    wait_until(lambda: "demo" in json.loads(get(port, "/readyz")[1]), seconds=240)
    progress = json.loads(get(port, "/readyz")[1])["demo"]
    assert 0 < progress["messages"] < progress["total"]
    assert get(port, "/admin/login/")[0] == 200

    program.terminate()
    assert program.wait(60) == 0
    assert running(home) == {}


def test_what_a_killed_serve_had_started_ends_by_itself(shop: Path) -> None:
    port = free_port()
    program, _ = serve(shop, port)
    kill(program.pid)
    program.wait()
    wait_until(lambda: not running(shop))
    assert not is_ready(port)
