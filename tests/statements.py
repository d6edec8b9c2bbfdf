"""Which SQL constants a run of the tests has executed, where all of them must be (TEST_STATEMENTS).

Invariant: what counts is the text that reached the driver, whoever executed it.
"""

import re
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from tests.joins import constants

APPS = ("profiles", "consent", "ingestion", "segments")
PART = re.compile(r"\{(\w+)\}")
# What is never executed by itself, or only where a machine fails.
EXEMPT = {
    "PERMITTED": "a condition, which is part of every statement that selects people",
    "IS_MEMBER_STILL": "a part of REFRESH",
    "STAGE_ONE": "a part of STAGE",
}
executed: set[str] = set()


def record_statements() -> None:
    """Note from now on each statement that is given to the driver."""
    for kind in (psycopg.Cursor, psycopg.ServerCursor):
        kind.execute = _noting(kind.execute)  # type: ignore[method-assign]
    psycopg.Cursor.copy = _noting(psycopg.Cursor.copy)  # type: ignore[method-assign]


def statement_modules() -> list[str]:
    """The names of all modules with SQL constants of the four apps."""
    return sorted(
        ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
        for app in APPS
        for path in (Path(settings.BASE_DIR) / app).rglob("sql.py")
    )


def never_executed(elsewhere: Collection[str] = ()) -> list[str]:
    """The constants that no statement so far was made of, here or by another process."""
    here = set(executed_constants())
    return [name for name, _ in _all_constants() if name not in here and name not in elsewhere]


def executed_constants() -> list[str]:
    """The constants that statements of this process were made of."""
    texts = sorted(executed)
    return [name for name, text in _all_constants() if _is_executed(text, texts)]


def _all_constants() -> Iterator[tuple[str, str]]:
    for module in statement_modules():
        for name, text in constants(import_module(module)):
            if name not in EXEMPT:
                yield f"{module}.{name}", text


def _is_executed(constant: str, texts: list[str]) -> bool:
    if constant in executed:
        return True
    literals = PART.split(constant)[::2]
    pattern = re.compile(".*".join(map(re.escape, literals)), re.DOTALL)
    return len(literals) > 1 and any(pattern.search(text) for text in texts)


def _noting(method: Any) -> Any:
    def execute(cursor: Any, statement: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(statement, str | bytes):
            executed.add(statement if isinstance(statement, str) else statement.decode())
        return method(cursor, statement, *arguments, **options)

    return execute
