"""The demo's segments, as a shop would define them.

Invariant: each has members in the demo, and refers only to segments before it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Definition = Mapping[str, Any]


class DemoSegment(NamedTuple):
    """One segment. Its members may be exported for `purpose`, or not at all if that is empty."""

    key: str
    name: str
    description: str
    definition: Definition
    purpose: str = ""


def all_of(*children: Definition) -> Definition:
    return {"type": "and", "children": list(children)}


def not_(child: Definition) -> Definition:
    return {"type": "not", "child": child}


def event(
    name: str,
    operator: str,
    value: int | list[int],
    *,
    days: int | None = None,
    **fields: object,
) -> Definition:
    """Compare how often a person did something, in the last days or ever, or an aggregate of it."""
    window = {} if days is None else {"window": {"last": {"days": days}}}
    return {
        "type": "event",
        "name": name,
        "operator": operator,
        "value": value,
        **window,
        **fields,
    }


def has_ordered(*, days: int | None = None) -> Definition:
    """Match people with an order in the last days, or ever."""
    return event("Order Completed", "gte", 1, days=days)


def trait(key: str, operator: str, *value: object) -> Definition:
    """Compare a trait with the value; `exists` and `not_exists` take none."""
    return {
        "type": "trait",
        "key": key,
        "operator": operator,
        **({"value": value[0]} if value else {}),
    }


def in_segment(key: str) -> Definition:
    return {"type": "segment", "key": key}


def permits(purpose: str) -> Definition:
    return {"type": "consent", "purpose": purpose, "permitted": True}


LYON_AREA = ["Lyon", "Villeurbanne", "Vénissieux", "Caluire-et-Cuire", "Bron"]
IS_MOBILE = {"type": "context", "key": "userAgentData.mobile", "operator": "equals", "value": True}

# Whose groups and stages are segments, too.
FAMILIES: tuple[dict[str, Any], ...] = (
    {
        "kind": "rfm",
        "key": "buyers",
        "name": "Buyers",
        "event": "Order Completed",
    },
    {
        "kind": "life_cycle",
        "key": "life-cycle",
        "name": "Life-cycle",
        "event": "Order Completed",
    },
)
SEGMENTS = (
    DemoSegment(
        "active-buyers",
        "Active buyers",
        "Ordered in the last 90 days.",
        has_ordered(days=90),
        "recommendations",
    ),
    DemoSegment(
        "lapsed",
        "Lapsed customers",
        "Ordered before, but not in the last 180 days.",
        all_of(has_ordered(), not_(has_ordered(days=180))),
    ),
    DemoSegment(
        "one-time-buyers",
        "One-time buyers",
        "Ordered exactly once.",
        event("Order Completed", "equals", 1),
    ),
    DemoSegment(
        "loyal",
        "Loyal customers",
        "Ordered five times or more.",
        event("Order Completed", "gte", 5),
    ),
    DemoSegment(
        "big-spenders",
        "Big spenders",
        "Spent 100 dollars or more in the last year.",
        event("Order Completed", "gte", 100, days=365, aggregate="net"),
    ),
    DemoSegment(
        "vip",
        "Best customers",
        "Loyal and big spenders.",
        all_of(in_segment("loyal"), in_segment("big-spenders")),
        "recommendations",
    ),
    DemoSegment(
        "came-back",
        "Came back",
        "Ordered in the last 30 days, for the first time in 180 days, "
        "and not for the first time ever.",
        all_of(
            has_ordered(days=30),
            event("Order Completed", "equals", 1, days=180),
            event("Order Completed", "gte", 2),
        ),
    ),
    DemoSegment(
        "new-sign-ups",
        "New sign-ups",
        "Signed up in the last 30 days and did not order yet.",
        all_of(event("Signed Up", "gte", 1, days=30), not_(has_ordered())),
    ),
    DemoSegment(
        "window-shoppers",
        "Window shoppers",
        "Looked at three records or more in the last 30 days and ordered none.",
        all_of(event("Product Viewed", "gte", 3, days=30), not_(has_ordered(days=30))),
        "recommendations",
    ),
    DemoSegment(
        "abandoned-basket",
        "Abandoned basket",
        "Put something into the basket in the last 7 days and did not order.",
        all_of(event("Product Added", "gte", 1, days=7), not_(has_ordered(days=7))),
    ),
    DemoSegment(
        "mobile-visitors",
        "Mobile visitors",
        "Came by telephone in the last 90 days.",
        event("*", "gte", 1, days=90, where=IS_MOBILE),
    ),
    DemoSegment(
        "anonymous-visitors",
        "Anonymous visitors",
        "Visited in the last 30 days; neither an address nor an order tells who they are.",
        all_of(
            event("Category", "gte", 1, days=30, kind="page"),
            trait("email", "not_exists"),
            not_(has_ordered()),
        ),
    ),
    DemoSegment(
        "newsletter-readers",
        "Newsletter readers",
        "Opened an issue in the last 30 days and permit the newsletter.",
        all_of(event("Email Opened", "gte", 1, days=30), permits("newsletter")),
        "newsletter",
    ),
    DemoSegment(
        "may-be-mailed",
        "May be mailed",
        "Has an address and permits the newsletter.",
        all_of(trait("email", "exists"), permits("newsletter")),
        "newsletter",
    ),
    DemoSegment(
        "advertising-audience",
        "Advertising audience",
        "Active buyers who permit targeted advertising.",
        all_of(in_segment("active-buyers"), permits("targeted_advertising")),
        "targeted_advertising",
    ),
    DemoSegment(
        "lyon-area",
        "Around Lyon",
        "Lives in Lyon or a town beside it.",
        trait("city", "in", LYON_AREA),
    ),
    DemoSegment(
        "men-30-40-tennis",
        "Men from 30 to 40 who like tennis",
        "A crossing of age, gender and taste; whoever turns 41 leaves it on their birthday.",
        all_of(
            trait("gender", "equals", "male"),
            trait("birth_date", "age_between", [30, 40]),
            trait("interests", "includes", "tennis"),
        ),
    ),
    DemoSegment(
        "fading-gold",
        "Fading gold",
        "Holds a gold or platinum card and did not order in the last 90 days.",
        all_of(
            trait("loyalty_tier", "in", ["gold", "platinum"]),
            not_(in_segment("active-buyers")),
        ),
    ),
)
