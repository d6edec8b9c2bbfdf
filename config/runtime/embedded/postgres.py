"""The embedded PostgreSQL: making its cluster and roles, starting and stopping it.

Invariant: the log contains no statement and no parameter, since those hold personal data. Settings
that make commits durable keep their defaults.
"""

import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.pq import PGconn, Ping

from config.runtime.embedded.account import StartError, postgres_account
from config.runtime.embedded.installation import cluster_directory, installation
from config.runtime.embedded.memory import (
    available_mebibytes,
    memory_settings,
    shared_memory_settings,
)
from config.runtime.embedded.numbers import is_stale

START_SECONDS = 60
PID_FILE = "postmaster.pid"
# From PostgreSQL's message: "pre-existing shared memory block (key …) is still in use".
MEMORY_IN_USE = "pre-existing shared memory block"
FIXED_SETTINGS = {
    # Empty: the server listens on its socket only.
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    # Events lie in a partition per month, and a statement may lock all of them.
    "max_locks_per_transaction": "256",
    "max_wal_size": "4GB",
    "checkpoint_completion_target": "0.9",
    # The planner's default is for spinning disks.
    "random_page_cost": "1.1",
    "jit": "off",
    # These keep personal data out of the log.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Passwords:
    """Those of the two roles: `tessera`, the superuser, and `tessera_app`, the application's."""

    owner: str = field(repr=False)
    application: str = field(repr=False)


class Postgres:
    """The server of the cluster that belongs to one data directory."""

    def __init__(self, data_directory: Path, sockets: Path, passwords: Passwords) -> None:
        self.data_directory = data_directory
        self.sockets = sockets
        self.passwords = passwords

    def is_up(self) -> bool:
        """Return whether the server accepts connections, also the application's.

        Waits while it starts or recovers. Raises StartError if it is the server of a data directory
        that has been removed.
        """
        deadline = time.monotonic() + START_SECONDS
        while (answer := self._ping()) == Ping.REJECT and time.monotonic() < deadline:
            time.sleep(0.05)
        if answer == Ping.OK and not (self._cluster() / "PG_VERSION").exists():
            raise StartError(
                "the PostgreSQL of a removed DATA_DIR still runs; "
                "it ends by itself within a minute."
            )
        return answer == Ping.OK and self._role_file().exists()

    def start(self) -> None:
        """Make what there is not of cluster, server and roles; return when the server answers.

        Raises StartError.
        """
        if self._ping() != Ping.OK:
            self._start_cluster(self._cluster())
        self._make_application_role()

    def _start_cluster(self, cluster: Path) -> None:
        if not (cluster / "PG_VERSION").exists():
            self._make_cluster(cluster)
        # A killed server leaves its files. PostgreSQL would refuse to start if their PID is another
        # program's by now.
        for pid_file in (cluster / PID_FILE, self.sockets / ".s.PGSQL.5432.lock"):
            if is_stale(pid_file, "postgres"):
                pid_file.unlink()
        self._start_server(cluster)

    def stop(self) -> None:
        """Close all connections and stop the server."""
        pid_file = self._cluster() / PID_FILE
        if not pid_file.exists() or is_stale(pid_file, "postgres"):
            return
        stop = ("pg_ctl", "stop", "-w", "-D", self._cluster(), "-m")
        try:
            self._run_tool(*stop, "fast")
        except StartError:
            # The shutdown hangs. After an immediate one, the next start recovers.
            self._run_tool(*stop, "immediate")

    def _ping(self) -> Ping:
        return Ping(PGconn.ping(f"host={self.sockets} dbname=postgres".encode()))

    def _cluster(self) -> Path:
        return cluster_directory(self.data_directory, postgres_account())

    def _start_server(self, cluster: Path) -> None:
        settings = self._settings().items()
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings)
        log = cluster / "server.log"
        deadline = time.monotonic() + START_SECONDS
        while True:
            log_size = log.stat().st_size if log.exists() else 0
            start = ("pg_ctl", "start", "-w", "-t", str(START_SECONDS))
            try:
                self._run_tool(*start, "-D", cluster, "-l", log, "-o", options)
                return
            except StartError as error:
                reason = _first_fatal_message(log, log_size) or str(error)
            # After kill -9, the children of the killed server hold its memory for a moment.
            if MEMORY_IN_USE not in reason or time.monotonic() > deadline:
                raise StartError(f"PostgreSQL did not start: {reason}")
            time.sleep(0.2)

    def _settings(self) -> dict[str, str]:
        memory = memory_settings(available_mebibytes()) | shared_memory_settings()
        return FIXED_SETTINGS | memory | {"unix_socket_directories": str(self.sockets)}

    def _make_application_role(self) -> None:
        """Make the role that is neither superuser nor owner of the ledger.

        Clusters of older versions have none, so this is no part of making a cluster.
        """
        with psycopg.connect(
            host=str(self.sockets),
            dbname="postgres",
            user="tessera",
            password=self.passwords.owner,
            autocommit=True,
        ) as session:
            if not session.execute("SELECT FROM pg_roles WHERE rolname = 'tessera_app'").rowcount:
                session.execute("CREATE ROLE tessera_app LOGIN")
            # Not by a statement, which would hold the password.
            session.pgconn.change_password(b"tessera_app", self.passwords.application.encode())
        self._role_file().touch(mode=0o600)
        postgres_account().give(self._role_file())

    def _role_file(self) -> Path:
        # In the cluster, so that a cluster that was put back from elsewhere has its own.
        return self._cluster() / "application-role"

    def _make_cluster(self, cluster: Path) -> None:
        account = postgres_account()
        # Made beside the final place and renamed, so that a cluster that exists is complete.
        draft = cluster.with_name(f"{cluster.name}.making")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        account.give(draft)
        self._initialise(draft)
        draft.rename(cluster)

    def _initialise(self, cluster: Path) -> None:
        password_file = self.sockets / "initial-password"
        password_file.write_text(self.passwords.owner, encoding="utf-8")
        postgres_account().give(password_file)
        try:
            self._run_tool(
                "initdb",
                "--pgdata",
                cluster,
                "--username=tessera",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        finally:
            password_file.unlink(missing_ok=True)
        # By the single-user server, so that a start has nothing left to do.
        statement = b"CREATE DATABASE tessera;\n"
        self._run_tool("postgres", "--single", "-D", cluster, "postgres", stdin=statement)

    def _run_tool(self, tool: str, *arguments: str | Path, stdin: bytes = b"") -> None:
        """Run one of PostgreSQL's programs. Raises StartError with the last line of its output."""
        account = postgres_account()
        program = installation(account) / "bin" / tool
        # Not into a pipe: the server inherits the output, so that a pipe would have no end.
        with (self.sockets / f"{tool}.log").open("w+", encoding="utf-8") as output:
            result = subprocess.run(
                [str(program), *map(str, arguments)],
                check=False,
                input=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.sockets,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                user=account.uid if account.is_other else None,
                group=account.gid if account.is_other else None,
                extra_groups=[] if account.is_other else None,
                # Ctrl-C at the terminal would end the program and leave the server.
                process_group=0,
            )
            if result.returncode:
                output.seek(0)
                lines = [line.strip() for line in output if line.strip()]
                reason = lines[-1] if lines else f"exit code {result.returncode}"
                raise StartError(f"PostgreSQL: {tool} failed: {reason}")


def _first_fatal_message(log: Path, offset: int) -> str:
    """Return the first FATAL message after `offset` bytes of the log, or an empty string."""
    added = log.read_bytes()[offset:] if log.exists() else b""
    _, _, message = added.decode(errors="replace").partition("FATAL:")
    return message.strip().partition("\n")[0]
