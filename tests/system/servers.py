"""RabbitMQ and PgBouncer, started for the tests on loopback, each with files of its own.

Invariant: a server is ended by the process group that was started here.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.config.programs import free_port
from tests.system.product import wait_until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
SECONDS_TO_START = 60
POOL = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
ignore_startup_parameters = options,extra_float_digits
"""


def has_rabbitmq() -> bool:
    return RABBITMQ.exists()


def pgbouncer_program() -> str | None:
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextmanager
def rabbitmq(directory: Path) -> Iterator[str]:
    """Run RabbitMQ and give its URL."""
    port, distribution, names = free_port(), free_port(), free_port()
    # The node tells nobody its name, so that no name server of the machine has to run.
    alone = f"-start_epmd false -erl_epmd_port {names}"
    environment = {
        "HOME": str(directory),
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "no-settings"),
        "RABBITMQ_CONFIG_FILE": str(directory / "no-configuration"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": alone,
    }
    (directory / "plugins").write_text("[].\n")
    with _running([str(RABBITMQ)], port, directory, environment):
        yield f"amqp://guest:guest@127.0.0.1:{port}//"


@contextmanager
def pgbouncer(directory: Path) -> Iterator[str]:
    """Run PgBouncer before the server of the tests, and give the URL without its database."""
    server, port = connection.settings_dict, free_port()
    program = pgbouncer_program()
    assert program is not None
    configuration = directory / "pgbouncer.ini"
    configuration.write_text(
        POOL.format(
            host=server["HOST"] or "localhost",
            port=server["PORT"] or 5432,
            user=server["USER"],
            password=server["PASSWORD"],
            listen_port=port,
        )
    )
    command = [program, str(configuration)]
    if os.geteuid() == 0:
        # It refuses to run as root.
        shutil.chown(configuration, "postgres")
        for parent in (directory, *directory.parents[:2]):
            parent.chmod(0o755)
        command[1:1] = ["-u", pwd.getpwnam("postgres").pw_name]
    with _running(command, port, directory, {}):
        yield f"postgres://{server['USER']}:pooled@127.0.0.1:{port}"


@contextmanager
def _running(
    command: Sequence[str], port: int, directory: Path, environment: Mapping[str, str]
) -> Iterator[None]:
    with (directory / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"]} | dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )

    def is_listening() -> bool:
        assert server.poll() is None, (directory / "server.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        wait_until(is_listening, seconds=SECONDS_TO_START)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)
