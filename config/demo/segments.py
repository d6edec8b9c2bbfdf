"""The demo's segments: questions that a shop asks of its customers, each with some members in the demo.

Invariant: a segment leans only on those before it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Definition = Mapping[str, Any]


class DemoSegment(NamedTuple):
    """One segment; `purpose` is what its members may leave the system for, empty where it is internal."""

    key: str
    name: str
    description: str
    definition: Definition
    purpose: str = ""


def every(*children: Definition) -> Definition:
    return {"type": "and", "children": list(children)}


def neither(child: Definition) -> Definition:
    return {"type": "not", "child": child}


def times(
    name: str,
    operator: str,
    count: int | list[int],
    *,
    days: int | None = None,
    **fields: object,
) -> Definition:
    """How often somebody did something, in the last days or ever."""
    window = {} if days is None else {"window": {"last": {"days": days}}}
    return {
        "type": "event",
        "name": name,
        "operator": operator,
        "value": count,
        **window,
        **fields,
    }


def order_count(*, days: int | None = None) -> Definition:
    return times("Order Completed", "gte", 1, days=days)


def trait(key: str, operator: str, *value: object) -> Definition:
    return {
        "type": "trait",
        "key": key,
        "operator": operator,
        **({"value": value[0]} if value else {}),
    }


def within_segment(key: str) -> Definition:
    return {"type": "segment", "key": key}


def consent_leaf(purpose: str) -> Definition:
    return {"type": "consent", "purpose": purpose, "permitted": True}


AROUND_LYON = ["Lyon", "Villeurbanne", "Vénissieux", "Caluire-et-Cuire", "Bron"]
IS_MOBILE = {"type": "context", "key": "userAgentData.mobile", "operator": "equals", "value": True}

SEGMENTS = (
    DemoSegment(
        "active-buyers",
        "Active buyers",
        "Ordered in the last 90 days.",
        order_count(days=90),
        "recommendations",
    ),
    DemoSegment(
        "lapsed",
        "Lapsed customers",
        "Ordered before, but not in the last 180 days.",
        every(order_count(), neither(order_count(days=180))),
    ),
    DemoSegment(
        "one-time-buyers",
        "One-time buyers",
        "Ordered exactly once.",
        times("Order Completed", "equals", 1),
    ),
    DemoSegment(
        "loyal",
        "Loyal customers",
        "Ordered five times or more.",
        times("Order Completed", "gte", 5),
    ),
    DemoSegment(
        "big-spenders",
        "Big spenders",
        "Spent 100 dollars or more in the last year.",
        times("Order Completed", "gte", 100, days=365, aggregate="sum", property="revenue"),
    ),
    DemoSegment(
        "vip",
        "Best customers",
        "Loyal and big spenders.",
        every(within_segment("loyal"), within_segment("big-spenders")),
        "recommendations",
    ),
    DemoSegment(
        "came-back",
        "Came back",
        "Ordered in the last 30 days, for the first time in 180 days, and not for the first time ever.",
        every(
            order_count(days=30),
            times("Order Completed", "equals", 1, days=180),
            times("Order Completed", "gte", 2),
        ),
    ),
    DemoSegment(
        "new-sign-ups",
        "New sign-ups",
        "Signed up in the last 30 days and did not order yet.",
        every(times("Signed Up", "gte", 1, days=30), neither(order_count())),
    ),
    DemoSegment(
        "window-shoppers",
        "Window shoppers",
        "Looked at three records or more in the last 30 days and ordered none.",
        every(times("Product Viewed", "gte", 3, days=30), neither(order_count(days=30))),
        "recommendations",
    ),
    DemoSegment(
        "abandoned-basket",
        "Abandoned basket",
        "Put something into the basket in the last 7 days and did not order.",
        every(times("Product Added", "gte", 1, days=7), neither(order_count(days=7))),
    ),
    DemoSegment(
        "mobile-visitors",
        "Mobile visitors",
        "Came by telephone in the last 90 days.",
        times("*", "gte", 1, days=90, where=IS_MOBILE),
    ),
    DemoSegment(
        "anonymous-visitors",
        "Anonymous visitors",
        "Visited in the last 30 days; neither an address nor an order tells who they are.",
        every(
            times("Category", "gte", 1, days=30, kind="page"),
            trait("email", "not_exists"),
            neither(order_count()),
        ),
    ),
    DemoSegment(
        "newsletter-readers",
        "Newsletter readers",
        "Opened an issue in the last 30 days and permit the newsletter.",
        every(times("Email Opened", "gte", 1, days=30), consent_leaf("newsletter")),
        "newsletter",
    ),
    DemoSegment(
        "may-be-mailed",
        "May be mailed",
        "Has an address and permits the newsletter.",
        every(trait("email", "exists"), consent_leaf("newsletter")),
        "newsletter",
    ),
    DemoSegment(
        "advertising-audience",
        "Advertising audience",
        "Active buyers who permit targeted advertising.",
        every(within_segment("active-buyers"), consent_leaf("targeted_advertising")),
        "targeted_advertising",
    ),
    DemoSegment(
        "lyon-area",
        "Around Lyon",
        "Lives in Lyon or a town beside it.",
        trait("city", "in", AROUND_LYON),
    ),
    DemoSegment(
        "men-30-40-tennis",
        "Men from 30 to 40 who like tennis",
        "A crossing of age, gender and taste; whoever turns 41 leaves it on his birthday.",
        every(
            trait("gender", "equals", "male"),
            trait("birth_date", "age_between", [30, 40]),
            trait("interests", "includes", "tennis"),
        ),
    ),
    DemoSegment(
        "fading-gold",
        "Fading gold",
        "Holds a gold or platinum card and did not order in the last 90 days.",
        every(
            trait("loyalty_tier", "in", ["gold", "platinum"]),
            neither(within_segment("active-buyers")),
        ),
    ),
)
