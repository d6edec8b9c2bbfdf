"""What it costs to look for erased people: the same traffic with and without a full list."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from benchmarks.store import drain_seconds
from consent.services import find_suppressed, suppress
from profiles.lib.batches import batches

SUPPRESSED_PEOPLE = 100_000
# Make an empty list, and exchange it for the one in use, which writes no rows. They are no models.
MAKE_OTHER = "CREATE TABLE bench_other (LIKE consent_suppression INCLUDING ALL)"
EXCHANGE = """
ALTER TABLE consent_suppression RENAME TO bench_third;
ALTER TABLE bench_other RENAME TO consent_suppression;
ALTER TABLE bench_third RENAME TO bench_other;
"""


def suppress_people() -> None:
    """Suppress an account and an address of each person, and set the list aside."""
    for numbers in batches(range(SUPPRESSED_PEOPLE), 10_000):
        references = [
            reference
            for number in numbers
            for reference in (f"user_id:gone-{number}", f"email:gone{number}@mail.example.org")
        ]
        with transaction.atomic():
            suppress(references, request_id=None)
    _execute(MAKE_OTHER, EXCHANGE, "ANALYZE bench_other")


@contextmanager
def full_list() -> Iterator[None]:
    """Have everybody suppressed while the block lasts."""
    _execute(EXCHANGE)
    _read_list()
    yield
    _execute(EXCHANGE)
    _read_list()


def drain_cpu_seconds() -> float:
    """Drain the inbox, and return the processor seconds of the workers.

    What others do on the machine is not in them, and 5 % is less than what that does to a clock.
    """
    before = _children_seconds()
    drain_seconds()
    return _children_seconds() - before


def _read_list() -> None:
    # Once, as a process that has run for a while: the forked workers have it from here.
    find_suppressed(["user_id:nobody"])


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
