"""The databases of the tests where DATABASE_URL names the coordinator of a Citus cluster.

A database of a cluster is one on each machine. `script/test-cluster` says what runs there.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from config.cluster.steps import all_steps

# Fewer than a real store would have: every shard costs time in every test.
SHARDS = 4
SECONDS_TO_BE_LEFT = 30
_CREATE = sql.SQL("CREATE DATABASE {}")
_COPY = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
_DROP = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
_REACH = sql.SQL("ALTER DATABASE {} SET citus.propagate_set_commands = 'local'")
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
_WORKERS = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0 AND isactive ORDER BY 2"
_COORDINATOR = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = 0"
Machine = tuple[str, int]

is_asked_for = bool(os.environ.get("TEST_CLUSTER"))


def make_database(name: str) -> None:
    """Make an empty database on all machines, in which they know each other."""
    coordinator, workers = _machines()
    machines = [coordinator, *workers]
    _on_all(machines, _DROP.format(sql.Identifier(name)))
    _on_all(machines, _CREATE.format(sql.Identifier(name)))
    for machine in machines:
        with _connect(machine, name) as session:
            session.execute("CREATE EXTENSION citus")
    with _connect(coordinator, name) as session:
        session.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
        for worker in workers:
            session.execute("SELECT citus_add_node(%s, %s)", worker)


def spread() -> None:
    """Spread the tables of the database at hand."""
    for step in all_steps(SHARDS):
        if not step.is_done():
            step.run()


def copy_database(template: str, name: str) -> None:
    """Copy a database on all machines."""
    coordinator, workers = _machines()
    for machine in [coordinator, *workers]:
        with _connect(machine, "postgres") as session:
            session.execute(_DROP.format(sql.Identifier(name)))
            _copy(session, template, name)
    with _connect(coordinator, "postgres") as session:
        session.execute(_REACH.format(sql.Identifier(name)))


def drop_database(name: str) -> None:
    coordinator, workers = _machines()
    _on_all([coordinator, *workers], _DROP.format(sql.Identifier(name)))


def _copy(session: "psycopg.Connection[tuple[object, ...]]", template: str, name: str) -> None:
    # A template has no session, and each machine's own daemon comes back after a moment.
    deadline = time.monotonic() + SECONDS_TO_BE_LEFT
    while True:
        session.execute(_END_SESSIONS, [template])
        try:
            session.execute(_COPY.format(sql.Identifier(name), sql.Identifier(template)))
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _machines() -> tuple[Machine, list[Machine]]:
    """The coordinator and the workers, as the database of DATABASE_URL knows them."""
    server = connection.settings_dict
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url.partition("?")[0], autocommit=True) as session:
        workers = session.execute(_WORKERS).fetchall()
        known = session.execute(_COORDINATOR).fetchone()
    return known or (server["HOST"], int(server["PORT"] or 5432)), workers


def _on_all(machines: list[Machine], statement: sql.Composed) -> None:
    for machine in machines:
        with _connect(machine, "postgres") as session:
            session.execute(statement)


@contextmanager
def _connect(machine: Machine, name: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    server = settings.DATABASES["default"]
    host, port = machine
    with psycopg.connect(
        host=host,
        port=port,
        dbname=name,
        user=server["USER"],
        password=server["PASSWORD"] or None,
        autocommit=True,
    ) as session:
        yield session
