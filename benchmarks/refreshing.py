"""How fast memberships follow what changed, against computing them all again."""

from itertools import count
from typing import Any

from django.db import connection

from benchmarks.store import timed
from profiles.lib.change_queue import mark_changed
from segments.models import Segment
from segments.services import create_segment, rebuild, refresh_changed, refresh_due

COUNT = 50
CITIES = ("Paris", "Lyon", "Lille", "Nantes", "Rennes")
SOME_PROFILES = """
SELECT id FROM profiles_profile ORDER BY md5(id::text || %s) LIMIT %s
"""
_rounds = count()


def make_segments() -> None:
    """Fifty live segments of ten kinds: traits, events ever and in windows, sums, lapsed, crossings."""
    for number, definition in enumerate(_definitions()):
        create_segment(
            key=f"bench-{number}",
            name=f"Bench {number}",
            definition=definition,
            status=Segment.Status.LIVE,
            author="bench",
        )


def refresh_everything() -> None:
    """Nothing is pending afterwards."""
    rebuild([f"bench-{number}" for number in range(COUNT)])
    while refresh_changed() or refresh_due():
        pass
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def changed_seconds(profiles: int) -> float:
    """Seconds to bring all segments up to date after so many random profiles changed."""
    with connection.cursor() as cursor:
        cursor.execute(SOME_PROFILES, [str(next(_rounds)), profiles])
        mark_changed(profile_id for (profile_id,) in cursor.fetchall())
    with timed() as took:
        while refresh_changed():
            pass
    return took[0]


def full_seconds() -> float:
    """Seconds to compute all memberships from nothing and write the difference."""
    with timed() as took:
        rebuild([f"bench-{number}" for number in range(COUNT)])
    return took[0]


def _definitions() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for step, city in enumerate(CITIES):
        recent = {"last": {"days": 7 * (step + 1)}}
        ordered = _event("Order Completed", "gte", 1)
        lives_here = {"type": "trait", "key": "city", "operator": "equals", "value": city}
        found += [
            lives_here,
            {"type": "trait", "key": "age_group", "operator": "gte", "value": 20 + 10 * step},
            _event("Order Completed", "gte", step + 1),
            _event("Product Viewed", "gte", step + 2, window=recent),
            _event("Order Completed", "gt", 150 * (step + 1), aggregate="sum", property="revenue"),
            _event(
                *("Order Completed", "gt", 100 * (step + 1)),
                aggregate="sum",
                property="revenue",
                window=recent,
            ),
            _both(ordered, {"type": "not", "child": ordered | {"window": recent}}),
            _both(lives_here, ordered),
            _event(
                *("Product Viewed", "gte", 2),
                window=recent,
                where={
                    "type": "property",
                    "key": "price",
                    "operator": "lt",
                    "value": 50 * (step + 1),
                },
            ),
            {
                "type": "at_least",
                "count": 2,
                "children": [
                    lives_here,
                    _event("Product Viewed", "gte", 3, window=recent),
                    {
                        "type": "trait",
                        "key": "newsletter",
                        "operator": "equals",
                        "value": True,
                    },
                ],
            },
        ]
    return found


def _event(name: str, operator: str, value: float, **more: Any) -> dict[str, Any]:
    return {"type": "event", "name": name, "operator": operator, "value": value} | more


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"type": "and", "children": [one, other]}
