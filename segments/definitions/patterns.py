"""Having PostgreSQL compile the patterns of a definition before it is saved.

The parser knows the subset; only the engine itself knows what it bears.
"""

from collections.abc import Iterable

from django.db import DataError, OperationalError, connection

from profiles.lib.database import time_limit
from profiles.lib.faults import fault_of
from segments.definitions import sql
from segments.language.nodes import (
    AccountKeyLeaf,
    EventLeaf,
    FieldLeaf,
    IdentifierLeaf,
    Matches,
    TraitLeaf,
)
from segments.language.operands import Fault, join_path

# Far above what any pattern of the subset should take.
COMPILE_SECONDS = 1


def pattern_faults(placed_leaves: Iterable[tuple[str, object]]) -> list[Fault]:
    """Return a fault for each pattern that PostgreSQL does not compile.

    `placed_leaves` are leaves with their paths.
    """
    patterns = [
        (join_path(path, "value"), leaf.test.pattern)
        for path, leaf in placed_leaves
        if isinstance(leaf, TraitLeaf | FieldLeaf | EventLeaf | IdentifierLeaf | AccountKeyLeaf)
        and isinstance(leaf.test, Matches)
    ]
    # One statement where all is well, which it nearly always is.
    if not patterns or _compiles([pattern for _, pattern in patterns]):
        return []
    detail = "The database cannot compile this pattern; a simpler one or smaller repeats help."
    return [
        Fault(path, "pattern", detail) for path, pattern in patterns if not _compiles([pattern])
    ]


def _compiles(patterns: list[str]) -> bool:
    try:
        with time_limit(COMPILE_SECONDS), connection.cursor() as cursor:
            cursor.execute(sql.COMPILE_PATTERNS, [patterns])
    except (DataError, OperationalError) as error:
        # An outage says nothing about a pattern.
        fault_of(error)
        return False
    return True
