"""Leaves by which somebody would ask for what a mask hides, one way or more for each kind."""

from typing import Any


def trait(key: str, operator: str, value: Any = None) -> dict[str, Any]:
    leaf = {"type": "trait", "key": key, "operator": operator}
    return leaf if value is None else leaf | {"value": value}


def event(**fields: Any) -> dict[str, Any]:
    return {"type": "event", "name": "Order Completed", "operator": "gte", "value": 1} | fields


def where(key: str, operator: str = "starts_with", value: str = "a") -> dict[str, Any]:
    return event(where={"type": "property", "key": key, "operator": operator, "value": value})


# One way or more to ask each kind of leaf for what a mask hides.
ORACLES = [
    trait("email", "starts_with", "ada"),
    trait("email", "exists"),
    trait("phone", "ends_with", "7"),
    trait("backup_email", "contains", "a"),
    trait("First Name", "equals", "Ada"),
    trait("iban", "starts_with", "FR76"),
    trait("religion", "exists"),
    trait("badge", "starts_with", "B-7"),
    trait("diet", "equals", "kosher"),
    trait("city", "equals", {"trait": "email"}),
    trait("city", "contains", "ada.secret@"),
    event(name="Invited ada.secret@example.org"),
    event(aggregate="min", property="email", operator="gt", value=1),
    event(aggregate="last", property="email", operator="starts_with", value="ada"),
    event(aggregate="distinct", property="phone", operator="gte", value=1),
    {"type": "identifier", "namespace": "email", "operator": "ends_with", "value": "example.org"},
    {"type": "identifier", "namespace": "user_id", "operator": "exists"},
    {"type": "stated", "party": "zero", "key": "email"},
    {"type": "geo", "key": "address", "within_km": 1, "of": [45, 5]},
    {
        "type": "regular",
        "name": "Order Completed",
        "period": "week",
        "at_least": 1,
        "of": 2,
        "where": where("email")["where"],
    },
    {
        "type": "sequence",
        "steps": [
            {"name": "Order Completed"},
            {
                "name": "Order Completed",
                "within": {"days": 3},
                "same": {"property": "email", "of_first": "email"},
            },
        ],
    },
    event(where={"type": "any", "key": "guests", "where": where("email")["where"]}),
    event(where={"type": "any", "key": "email", "where": where("name")["where"]}),
    {
        "type": "session",
        "operator": "gte",
        "value": 1,
        "window": {"last": {"days": 30}},
        "where": where("email")["where"],
    },
    {
        "type": "rank",
        "top": 10,
        "name": "Order Completed",
        "aggregate": "sum",
        "property": "phone",
    },
    {"type": "rank", "top": 10, "name": "Order Completed", "where": where("email")["where"]},
    {
        "type": "life_cycle",
        "name": "Order Completed",
        "stages": ["new"],
        "where": where("email")["where"],
    },
    {
        "type": "account",
        "match": "any",
        "where": {"type": "trait", "key": "email", "operator": "starts_with", "value": "ada"},
    },
    {
        "type": "account",
        "match": "none",
        "where": {"type": "key", "operator": "equals", "value": "ada.secret@example.org"},
    },
    {"type": "rfm", "key": "callers", "groups": ["champions"]},
]
