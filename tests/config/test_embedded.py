"""Starting and stopping the embedded servers by several processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.runtime.embedded import socket_directory
from config.runtime.embedded.account import Account, StartError, is_reachable, make_socket_directory
from config.runtime.embedded.installation import cluster_directory
from config.runtime.embedded.memory import available_mebibytes, memory_settings
from config.runtime.embedded.numbers import is_stale
from tests.config.programs import (
    MEMBER,
    end,
    end_all,
    kill,
    main_process,
    open_directory,
    run_python,
    running,
    start_member,
    start_python,
    wait_until,
)

# A program whose forked child ends before it uses the database.
FORKING = """
import os, django
from config.runtime import embedded
embedded.join()
child = os.fork()
if child == 0:
    raise SystemExit(0)
os.waitpid(child, 0)
django.setup()
from django.db import connection
connection.cursor().execute("SELECT 1")
print("still up")
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The data directory that all tests of this module share, one after the other."""
    with open_directory() as base:
        yield base / "data"


@pytest.fixture(autouse=True)
def _nothing_is_left(home: Path) -> Iterator[None]:
    yield
    end_all(home)


def connect(
    home: Path, password: str | None = None, user: str = "tessera"
) -> "psycopg.Connection[Any]":
    password = password or (home / "secrets" / "postgres_password").read_text(encoding="ascii")
    return psycopg.connect(
        host=str(socket_directory(home)), user=user, dbname="tessera", password=password
    )


def query_value(home: Path, statement: str) -> str:
    with connect(home) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return str(row[0])


def test_the_last_one_out_stops_the_servers_and_leaves_nothing(home: Path) -> None:
    first, second = start_member(home), start_member(home)
    assert end(first) == 0
    assert query_value(home, "SELECT 'up'") == "up"
    assert end(second) == 0
    assert running(home) == {}
    assert not socket_directory(home).exists()


def test_the_cluster_is_private_durable_and_of_one_locale(home: Path) -> None:
    member = start_member(home)
    assert query_value(home, "SHOW fsync") == "on"
    assert query_value(home, "SHOW full_page_writes") == "on"
    assert query_value(home, "SHOW synchronous_commit") == "on"
    assert query_value(home, "SHOW listen_addresses") == ""
    assert query_value(home, "SHOW timezone") == "UTC"
    assert query_value(home, "SHOW log_parameter_max_length_on_error") == "0"
    locale = (
        "SELECT concat(datlocprovider, ' ', datlocale) FROM pg_database WHERE datname = 'tessera'"
    )
    assert query_value(home, locale) == "b C.UTF-8"
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(home, "guessed")
    end(member)


def test_a_cluster_of_an_older_version_gets_the_role_of_the_application(home: Path) -> None:
    member = start_member(home)
    with connect(home) as superuser:
        superuser.execute("DROP ROLE tessera_app")
    end(member)
    ((home / "postgres").resolve() / "application-role").unlink()
    member = start_member(home)
    password = (home / "secrets" / "postgres_app_password").read_text(encoding="ascii")
    with connect(home, password, user="tessera_app") as session:
        rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = user"
        assert session.execute(rights).fetchone() == (False, False, False)
    end(member)


def test_a_failing_statement_leaves_no_word_in_the_log(home: Path) -> None:
    member = start_member(home)
    with connect(home) as connection, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connection.execute("SELECT %s::int", ["ada@example.org"])
    end(member)
    cluster = (home / "postgres").resolve()
    assert b"ada@example.org" not in (cluster / "server.log").read_bytes()


def test_a_member_that_was_killed_counts_no_more(home: Path) -> None:
    killed, last = start_member(home), start_member(home)
    kill(killed.pid)
    killed.wait()
    end(last)
    assert running(home) == {}


def test_a_command_told_to_end_leaves_the_servers(home: Path) -> None:
    member = start_member(home)
    member.terminate()
    assert member.wait(30) == 128 + signal.SIGTERM
    assert running(home) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_no_server(number: int, home: Path) -> None:
    member = start_python(home, "-c", MEMBER)
    wait_until(lambda: main_process(home, "pg_ctl") or main_process(home, "bin/postgres"))
    os.killpg(member.pid, number)
    assert member.wait(30) != 0
    assert running(home) == {}


def test_a_forked_child_that_ends_stops_nothing(home: Path) -> None:
    result = run_python(home, "-c", FORKING, DJANGO_SETTINGS_MODULE="config.settings")
    assert (result.stdout, result.stderr) == ("still up\n", "")
    assert running(home) == {}


def test_a_start_after_everything_was_killed_recovers_what_was_committed(home: Path) -> None:
    member = start_member(home)
    with connect(home) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in running(home):
        kill(pid)
    member.wait()
    wait_until(lambda: not running(home))
    after = start_member(home)
    assert query_value(home, "SELECT answer FROM kept") == "42"
    end(after)


def test_servers_whose_last_user_was_killed_serve_the_next_one(home: Path) -> None:
    member = start_member(home)
    postgres = main_process(home, "bin/postgres")
    kill(member.pid)
    member.wait()
    after = start_member(home)
    assert main_process(home, "bin/postgres") == postgres
    end(after)
    assert running(home) == {}


def postgres_answers(home: Path) -> bool:
    try:
        connect(home).close()
    except psycopg.OperationalError:
        return False
    return True


def has_joined(pid: int) -> bool:
    """Return whether the process has `users.lock` open, and `start.lock` no longer."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    names = {os.path.basename(os.path.realpath(file)) for file in files}
    return "users.lock" in names and "start.lock" not in names


def valkey_answers(home: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(socket_directory(home) / "valkey.sock")) == 0


@pytest.mark.parametrize(
    ("word", "answers"), [("bin/postgres", postgres_answers), ("valkey-server", valkey_answers)]
)
def test_the_watcher_starts_a_killed_server_again(
    word: str, answers: Callable[[Path], bool], home: Path
) -> None:
    watcher = start_python(home, "-m", "config.runtime.embedded")
    wait_until(lambda: has_joined(watcher.pid))
    killed = main_process(home, word)
    kill(killed)
    wait_until(lambda: main_process(home, word) not in (0, killed))
    wait_until(lambda: answers(home))
    watcher.terminate()
    assert watcher.wait(30) == 0
    assert running(home) == {}


def test_a_socket_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    planted = tmp_path / "planted"
    planted.symlink_to(target)
    with pytest.raises(StartError, match="belongs to somebody else"):
        make_socket_directory(planted, Account(os.geteuid(), os.getegid(), is_other=False))


def test_a_pid_file_is_stale_unless_its_program_has_the_number(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    assert not is_stale(pid_file, "postgres")
    pid_file.write_text(f"{os.getpid()}\n/somewhere\n", encoding="utf-8")
    assert is_stale(pid_file, "postgres")

    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    pid_file.write_text(f"{zombie.pid}\n", encoding="utf-8")
    assert is_stale(pid_file, Path(sys.executable).resolve().name)
    zombie.wait()
    assert is_stale(pid_file, "postgres")

    lookalike = tmp_path / "postgres"
    lookalike.symlink_to("/bin/sleep")
    with subprocess.Popen([lookalike, "30"]) as alive:
        pid_file.write_text(f"{alive.pid}\n", encoding="utf-8")
        assert not is_stale(pid_file, "postgres")
        alive.kill()


def test_what_lies_below_a_private_home_is_out_of_reach_of_another_user(tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "below").mkdir(parents=True)
    private.chmod(0o700)
    stranger = Account(os.geteuid() + 7919, os.getegid() + 7919, is_other=True)
    assert not is_reachable(private / "below", stranger)
    assert is_reachable(private / "below", Account(os.geteuid(), os.getegid(), is_other=False))


def test_the_link_to_a_cluster_elsewhere_is_followed(tmp_path: Path) -> None:
    (tmp_path / "postgres").symlink_to("/var/lib/tessera/0123/postgres")
    stranger = Account(os.geteuid() + 7919, os.getegid() + 7919, is_other=True)
    assert cluster_directory(tmp_path, stranger) == Path("/var/lib/tessera/0123/postgres")


@given(st.integers(min_value=256, max_value=1_000_000))
def test_postgresql_takes_at_most_a_quarter_of_the_memory_for_its_buffers(mebibytes: int) -> None:
    amounts = {
        name: int(amount.removesuffix("MB")) for name, amount in memory_settings(mebibytes).items()
    }
    assert amounts["shared_buffers"] <= mebibytes / 4
    assert amounts["effective_cache_size"] <= mebibytes / 2
    assert amounts["maintenance_work_mem"] + 2 * amounts["work_mem"] <= mebibytes / 4
    assert min(amounts.values()) >= 2


def test_this_machine_has_memory() -> None:
    assert available_mebibytes() > 64
