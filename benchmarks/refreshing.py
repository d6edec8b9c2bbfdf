"""The time to update memberships after changes, and to compute all of them again."""

from itertools import count
from typing import Any

from django.db import connection

from benchmarks.store import BENCHMARK, timed
from profiles.lib.change_queue import mark_changed
from segments.models import Segment
from segments.services import create_segment, rebuild, refresh_changed, refresh_due

SEGMENT_COUNT = 50
CITIES = ("Paris", "Lyon", "Lille", "Nantes", "Rennes")
# Returns the ids of some profiles, others for every salt but the same in every run. The ORM would
# need an expression for the digest, and random() would not repeat.
RANDOM_PROFILES = """
SELECT id FROM profiles_profile ORDER BY md5(id::text || %s) LIMIT %s
"""
_salts = count()


def make_segments() -> None:
    """Create fifty live segments of ten kinds: traits, events, windows, sums and combinations."""
    for number, definition in enumerate(_definitions()):
        create_segment(
            key=f"bench-{number}",
            name=f"Bench {number}",
            definition=definition,
            status=Segment.Status.LIVE,
            actor=BENCHMARK,
        )


def refresh_everything() -> None:
    """Build all segments, and refresh until nothing is pending."""
    rebuild([f"bench-{number}" for number in range(SEGMENT_COUNT)])
    while refresh_changed() or refresh_due():
        pass
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def changed_seconds(profiles: int) -> float:
    """Return the seconds to update all segments after so many random profiles changed."""
    with connection.cursor() as cursor:
        cursor.execute(RANDOM_PROFILES, [str(next(_salts)), profiles])
        mark_changed(profile_id for (profile_id,) in cursor.fetchall())
    with timed() as timing:
        while refresh_changed():
            pass
    return timing.seconds


def full_seconds() -> float:
    """Return the seconds to compute all memberships anew and write the difference."""
    with timed() as timing:
        rebuild([f"bench-{number}" for number in range(SEGMENT_COUNT)])
    return timing.seconds


def _definitions() -> list[dict[str, Any]]:
    definitions: list[dict[str, Any]] = []
    for step, city in enumerate(CITIES):
        recent = {"last": {"days": 7 * (step + 1)}}
        has_ordered = _event("Order Completed", "gte", 1)
        lives_in_city = {"type": "trait", "key": "city", "operator": "equals", "value": city}
        definitions += [
            lives_in_city,
            {"type": "trait", "key": "age_group", "operator": "gte", "value": 20 + 10 * step},
            _event("Order Completed", "gte", step + 1),
            _event("Product Viewed", "gte", step + 2, window=recent),
            _event("Order Completed", "gt", 150 * (step + 1), aggregate="sum", property="revenue"),
            _event(
                "Order Completed",
                "gt",
                100 * (step + 1),
                aggregate="sum",
                property="revenue",
                window=recent,
            ),
            _both(has_ordered, {"type": "not", "child": has_ordered | {"window": recent}}),
            _both(lives_in_city, has_ordered),
            _event(
                "Product Viewed",
                "gte",
                2,
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
                    lives_in_city,
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
    return definitions


def _event(name: str, operator: str, value: float, **more: Any) -> dict[str, Any]:
    return {"type": "event", "name": name, "operator": operator, "value": value} | more


def _both(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {"type": "and", "children": [left, right]}
