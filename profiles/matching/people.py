"""All values that people ever had, whichever source won, in DuckDB's memory to be compared.

Invariant: who is restricted (article 18) is not compared.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from itertools import islice
from typing import Any

import duckdb
import pyarrow
from django.db import connection, transaction
from django.db.models import Q

from profiles.lib import exact_json
from profiles.matching import duckdb_sql, sql
from profiles.matching.fields import Field, comparable, values_of
from profiles.matching.values import CONTACTS, special_keys, without_times
from profiles.models import Merge, Profile

_AT_ONCE = 20_000
_Stated = tuple[int, Field, str]


class People:
    """The people to compare, in DuckDB's memory, as they are when this is made.

    `changed` are those of whom something changed at `since` or later, everybody without it.
    `newest` is when the newest source record changed.
    """

    def __init__(self, *, since: datetime | None) -> None:
        self.duckdb = duckdb.connect(config={"threads": 2})
        self.duckdb.execute(duckdb_sql.PREPARE)
        self.changed: set[int] | None = None if since is None else _changed_otherwise(since)
        self.newest: datetime | None = None
        self._since = since
        self._load()

    def close(self) -> None:
        """Forget them."""
        self.duckdb.close()

    def _load(self) -> None:
        with transaction.atomic():
            restricted = {pk for (pk,) in _rows(sql.ALL_RESTRICTED)}
            stated = (row for row in self._stated() if row[0] not in restricted)
            while batch := list(islice(stated, _AT_ONCE)):
                self._store(batch)
        for statement in (
            duckdb_sql.MAKE_PEOPLE,
            duckdb_sql.MAKE_BLOCK_VALUES,
            duckdb_sql.MAKE_BLOCK_RULES,
            duckdb_sql.MAKE_KEYED,
            duckdb_sql.MAKE_COMPARED,
        ):
            self.duckdb.execute(statement)

    def _stated(self) -> Iterator[_Stated]:
        is_special = special_keys()
        for profile_id, traits, updated_at in _rows(sql.ALL_RECORDS):
            self._note(profile_id, updated_at)
            self.newest = max(self.newest or updated_at, updated_at)
            for field, text in values_of(without_times(exact_json.loads(traits)), is_special):
                yield profile_id, field, text
        for profile_id, key, value, locked_at in _rows(sql.ALL_LOCKS):
            self._note(profile_id, locked_at)
            for field, text in values_of({key: exact_json.loads(value or "null")}, is_special):
                yield profile_id, field, text
        for profile_id, namespace, value, since in _rows(sql.ALL_CONTACTS):
            # From the end of its day on: a row more is compared, and none too few.
            self._note(profile_id, datetime.combine(since, time.max, UTC))
            yield profile_id, CONTACTS[namespace], value

    def _note(self, profile_id: int, changed_at: datetime) -> None:
        if self.changed is not None and self._since and changed_at >= self._since:
            self.changed.add(profile_id)

    def _store(self, stated: Iterable[_Stated]) -> None:
        people: list[int] = []
        fields: list[str] = []
        values: list[str] = []
        for profile_id, field, text in stated:
            if value := comparable(field, text):
                people.append(profile_id)
                fields.append(field)
                values.append(value)
        arrays = [
            pyarrow.array(people, pyarrow.int64()),
            pyarrow.array(fields, pyarrow.string()),
            pyarrow.array(values, pyarrow.string()),
        ]
        self.duckdb.register("batch", pyarrow.table(arrays, ["profile", "field", "value"]))
        self.duckdb.execute(duckdb_sql.STORE_VALUES)


def _changed_otherwise(since: datetime) -> set[int]:
    """Return the profiles that a merge or its undoing changed."""
    merges = Merge.objects.filter(Q(merged_at__gte=since) | Q(undone_at__gte=since))
    survivors, uuids = set(), set()
    for survivor, uuid in merges.values_list("survivor_id", "absorbed_uuid"):
        survivors.add(survivor)
        uuids.add(uuid)
    return survivors | set(Profile.objects.filter(uuid__in=uuids).values_list("pk", flat=True))


def _rows(statement: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement as the server gives them: all would fill the memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
