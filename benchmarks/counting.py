"""The time to count five kinds of segments, beside SQL written by hand and beside DuckDB.

All three count the same rows, and must come to the same number: else nothing is compared.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection, transaction

from benchmarks.store import timed
from profiles.lib.database import database_now
from segments.compiler import compile_everyone, fill
from segments.definitions.live import make_context
from segments.definitions.sql import COUNT_MATCHING
from segments.language.parser import parse
from segments.lib.sql import RAISE_WORK_MEM

ORDERS = {"type": "event", "name": "Order Completed"}
IN_90_DAYS = {"window": {"last": {"days": 90}}}
DEFINITIONS: Mapping[str, dict[str, Any]] = {
    "three traits": {
        "type": "and",
        "children": [
            {"type": "trait", "key": "city", "operator": "equals", "value": "Paris"},
            {"type": "trait", "key": "age_group", "operator": "gte", "value": 40},
            {"type": "trait", "key": "newsletter", "operator": "equals", "value": True},
        ],
    },
    "3 orders and over 200 in 90 days": {
        "type": "and",
        "children": [
            ORDERS | IN_90_DAYS | {"operator": "gte", "value": 3},
            ORDERS
            | IN_90_DAYS
            | {"aggregate": "sum", "property": "revenue", "operator": "gt", "value": 200},
        ],
    },
    "lapsed for 180 days": {
        "type": "and",
        "children": [
            ORDERS | {"operator": "gte", "value": 1},
            ORDERS | {"operator": "equals", "value": 0, "window": {"last": {"days": 180}}},
        ],
    },
    "viewed twice below 100 in 30 days": {
        "type": "event",
        "name": "Product Viewed",
        "operator": "gte",
        "value": 2,
        "window": {"last": {"days": 30}},
        "where": {"type": "property", "key": "price", "operator": "lt", "value": 100},
    },
    "20 events ever": {"type": "event", "name": "*", "operator": "gte", "value": 20},
}

# What somebody would write who knows PostgreSQL and this schema. The times are bounds, so that all
# count the same instant. Not ORM: it is what the ORM and the compiler are measured against.
BY_HAND: Mapping[str, str] = {
    "three traits": """
SELECT count(*) FROM profiles_profile
WHERE NOT is_restricted AND traits @> '{"city": "Paris", "newsletter": true}'
    AND jsonb_typeof(traits -> 'age_group') = 'number' AND (traits ->> 'age_group')::numeric >= 40
""",
    "3 orders and over 200 in 90 days": """
SELECT count(*) FROM (
    SELECT e.profile_id FROM profiles_event e JOIN profiles_eventname n ON n.id = e.name_id
    WHERE n.kind = 'track' AND n.name = 'Order Completed'
        AND e."timestamp" > %(now)s::timestamptz - interval '2160 hours'
        AND e."timestamp" <= %(now)s::timestamptz
    GROUP BY e.profile_id HAVING count(*) >= 3 AND sum(e.value) > 200
) AS buyers JOIN profiles_profile p ON p.id = buyers.profile_id AND NOT p.is_restricted
""",
    "lapsed for 180 days": """
SELECT count(*) FROM profiles_eventstat s
JOIN profiles_eventname n ON n.id = s.name_id AND n.kind = 'track' AND n.name = 'Order Completed'
JOIN profiles_profile p ON p.id = s.profile_id AND NOT p.is_restricted
WHERE s.last_at <= %(now)s::timestamptz - interval '4320 hours'
""",
    "viewed twice below 100 in 30 days": """
SELECT count(*) FROM (
    SELECT e.profile_id FROM profiles_event e JOIN profiles_eventname n ON n.id = e.name_id
    WHERE n.kind = 'track' AND n.name = 'Product Viewed'
        AND e."timestamp" > %(now)s::timestamptz - interval '720 hours'
        AND e."timestamp" <= %(now)s::timestamptz
        AND jsonb_typeof(e.properties -> 'price') = 'number'
        AND (e.properties ->> 'price')::numeric < 100
    GROUP BY e.profile_id HAVING count(*) >= 2
) AS viewers JOIN profiles_profile p ON p.id = viewers.profile_id AND NOT p.is_restricted
""",
    "20 events ever": """
SELECT count(*) FROM (
    SELECT profile_id FROM profiles_eventstat GROUP BY profile_id HAVING sum(count) >= 20
) AS busy JOIN profiles_profile p ON p.id = busy.profile_id AND NOT p.is_restricted
""",
}
# The same over columns, in DuckDB's dialect.
IN_DUCKDB: Mapping[str, str] = {
    "three traits": """
SELECT count(*) FROM person WHERE city = 'Paris' AND age_group >= 40 AND newsletter
""",
    "3 orders and over 200 in 90 days": """
SELECT count(*) FROM (
    SELECT profile_id FROM event WHERE name = 'Order Completed'
        AND happened_at > $now::timestamptz - INTERVAL 2160 HOUR
        AND happened_at <= $now::timestamptz
    GROUP BY profile_id HAVING count(*) >= 3 AND sum(revenue) > 200
) JOIN person ON id = profile_id
""",
    "lapsed for 180 days": """
SELECT count(*) FROM (
    SELECT profile_id FROM event WHERE name = 'Order Completed' AND happened_at <= $now::timestamptz
    GROUP BY profile_id HAVING max(happened_at) <= $now::timestamptz - INTERVAL 4320 HOUR
) JOIN person ON id = profile_id
""",
    "viewed twice below 100 in 30 days": """
SELECT count(*) FROM (
    SELECT profile_id FROM event WHERE name = 'Product Viewed' AND price < 100
        AND happened_at > $now::timestamptz - INTERVAL 720 HOUR AND happened_at <= $now::timestamptz
    GROUP BY profile_id HAVING count(*) >= 2
) JOIN person ON id = profile_id
""",
    "20 events ever": """
SELECT count(*) FROM (
    SELECT profile_id FROM event WHERE happened_at <= $now::timestamptz
    GROUP BY profile_id HAVING count(*) >= 20
) JOIN person ON id = profile_id
""",
}
# Writes out what DuckDB reads. Not ORM: COPY.
COPY_PEOPLE = """
COPY (SELECT id, traits ->> 'city', traits ->> 'age_group', traits ->> 'newsletter'
    FROM profiles_profile WHERE NOT is_restricted) TO STDOUT (FORMAT csv)
"""
COPY_EVENTS = """
COPY (SELECT e.profile_id, n.name, e."timestamp", e.value, e.properties ->> 'price'
    FROM profiles_event e JOIN profiles_eventname n ON n.id = e.name_id) TO STDOUT (FORMAT csv)
"""
READ_PEOPLE = """
CREATE TABLE person AS SELECT * FROM read_csv($path, header = false, columns = {
    'id': 'BIGINT', 'city': 'VARCHAR', 'age_group': 'DECIMAL(18, 4)', 'newsletter': 'BOOLEAN'})
"""
READ_EVENTS = """
CREATE TABLE event AS SELECT * FROM read_csv($path, header = false, columns = {
    'profile_id': 'BIGINT', 'name': 'VARCHAR', 'happened_at': 'TIMESTAMPTZ',
    'revenue': 'DECIMAL(18, 4)', 'price': 'DECIMAL(18, 4)'})
"""
Counter = Callable[[str], int]


class Unequal(Exception):
    """Two ways to count the same people came to different numbers."""


@contextmanager
def counters() -> Iterator[dict[str, Counter]]:
    """Yield the three ways to count a kind, by name, over the rows that there are now."""
    now = database_now()
    with duckdb.connect() as columns:
        _copy(columns, COPY_PEOPLE, READ_PEOPLE)
        _copy(columns, COPY_EVENTS, READ_EVENTS)
        yield {
            "compiled": lambda kind: _count_compiled(kind, now),
            "by hand": lambda kind: _count_by_hand(kind, now),
            "duckdb": lambda kind: _count_in_duckdb(columns, kind, now),
        }


def seconds_of(ways: Mapping[str, Counter], kind: str) -> dict[str, float]:
    """Return the seconds that each way takes to count a kind. Raises Unequal."""
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    for name, count in ways.items():
        with timed() as timing:
            counts[name] = count(kind)
        seconds[name] = timing.seconds
    if len(set(counts.values())) > 1:
        raise Unequal(f"{kind}: {counts}")
    return seconds


def _count_compiled(kind: str, now: datetime) -> int:
    context = make_context({}, now=now)
    condition = compile_everyone(parse(DEFINITIONS[kind]), context)
    statement = fill(COUNT_MATCHING, condition=condition)
    # In a transaction, as previews are, which the setting is for.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAISE_WORK_MEM)
        cursor.execute(statement.text, statement.params)
        return int(cursor.fetchone()[0])


def _count_by_hand(kind: str, now: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RAISE_WORK_MEM)
        cursor.execute(BY_HAND[kind], {"now": now})
        return int(cursor.fetchone()[0])


def _count_in_duckdb(columns: duckdb.DuckDBPyConnection, kind: str, now: datetime) -> int:
    statement = IN_DUCKDB[kind]
    # It takes no parameter that a statement has not.
    parameters = {"now": now.isoformat()} if "$now" in statement else None
    row = columns.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0


def _copy(columns: duckdb.DuckDBPyConnection, copy: str, read: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rows.csv")
        with path.open("wb") as file, connection.cursor() as cursor, cursor.copy(copy) as rows:
            for part in rows:
                file.write(part)
        columns.execute(read, {"path": str(path)})
