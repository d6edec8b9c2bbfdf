"""What must be so before tables can be spread over a cluster.

Invariant: these only read.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from config.cluster import sql
from profiles.lib.cluster import has_citus


def cluster_faults() -> list[str]:
    """What stands in the way, each as a sentence that says what to do; none if nothing does."""
    if not has_citus():
        return ["The database has no Citus: CREATE EXTENSION citus, on every machine."]
    return list(_faults_of_machines())


def other_sessions() -> int:
    """How many other sessions use the database; web, workers and beat have some."""
    return int(_fetch(sql.OTHER_SESSIONS)[0][0])


def count_workers() -> int:
    return len(_fetch(sql.WORKERS))


def _faults_of_machines() -> Iterator[str]:
    ((group, is_known),) = _fetch(sql.COORDINATOR)
    if group != 0:
        yield "DATABASE_URL names a worker: it must be the coordinator, where the locks are."
        return
    if not is_known:
        yield "The workers do not know the coordinator: SELECT citus_set_coordinator_host(NAME)."
    if not count_workers():
        yield "There is no worker: SELECT citus_add_node(NAME, PORT) for each."
    for worker, found in _fetch(sql.DIFFERENCES):
        yield (
            f"Worker {worker} has {found}: it needs the versions of the coordinator, and "
            "timezone = 'UTC' in its configuration."
        )


def _fetch(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
