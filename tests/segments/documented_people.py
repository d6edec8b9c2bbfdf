"""Made people, each of whom is in some example of docs/segments.md."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.factories import NOW
from tests.oracles.segment_worlds import NaiveAccount, NaiveEvent, NaivePerson


def bought(day: str, **properties: Any) -> NaiveEvent:
    """An order at 19:00 in Paris, in winter."""
    moment = datetime.fromisoformat(f"{day}T18:00:00").replace(tzinfo=UTC)
    return NaiveEvent("Order Completed", moment, properties=properties)


def viewed(day: str, **properties: Any) -> NaiveEvent:
    """A look at a product, two hours before an order of that day."""
    moment = datetime.fromisoformat(f"{day}T16:00:00").replace(tzinfo=UTC)
    return NaiveEvent("Product Viewed", moment, properties=properties)


def did(name: str, day: str, *, kind: str = "track", **properties: Any) -> NaiveEvent:
    """Another event of a day, at noon."""
    moment = datetime.fromisoformat(f"{day}T11:00:00").replace(tzinfo=UTC)
    return NaiveEvent(name, moment, kind, properties=properties)


NIGHT = datetime(2026, 3, 10, 19, 0, tzinfo=UTC)
BOOTS = {"sku": "B-43", "category": "Hiking Shoes", "size": 43}
SHOE, SOCK = {"category": "Shoes", "price": 120}, {"category": "Socks", "price": 130}
PEOPLE = {
    "nobody": NaivePerson(),
    "employee": NaivePerson(accounts=[NaiveAccount("acme", {"plan": "pro", "seats": 12})]),
    "tester": NaivePerson(accounts=[NaiveAccount("test-7", {"plan": "pro", "seats": 12})]),
    "employee of a former customer": NaivePerson(
        accounts=[
            NaiveAccount("initech", {"plan": "pro", "seats": 12}),
            NaiveAccount("globex", {"ended_on": "2025-12-31"}),
        ]
    ),
    "guest": NaivePerson(lists={"guests"}),
    "guest who buys": NaivePerson(lists={"guests"}, events=[bought("2026-03-01", revenue=20)]),
    "belgian": NaivePerson(
        traits={"address": {"country": "BE"}}, events=[bought("2026-03-01", revenue=250)]
    ),
    "colleague": NaivePerson(
        traits={"address": {"country": "FR"}, "staff": True},
        events=[bought("2026-03-01", revenue=250)],
    ),
    "walker": NaivePerson(events=[bought("2026-01-10", products=[SOCK, SHOE], brand="A")]),
    "sock lover": NaivePerson(events=[bought("2026-01-10", products=[SOCK], brand="A")]),
    "collector": NaivePerson(
        events=[
            bought("2025-10-10", revenue=100, brand="A"),
            bought("2025-11-10", revenue=70, brand="B"),
            bought("2025-12-10", revenue=90, brand="C"),
        ]
    ),
    "spring": NaivePerson(
        events=[
            bought("2026-01-20", campaign="spring sale"),
            bought("2026-01-25", campaign="Newsletter"),
        ]
    ),
    "Zoé": NaivePerson(traits={"firstName": "Zoé", "birthday": "2000-03-20"}),
    "Zoe": NaivePerson(
        traits={
            "firstName": "Zoe",
            "birthday": "2000-08-20",
            "contract": {"ends_on": "2026-03-31"},
        }
    ),
    "hiker who bought": NaivePerson(
        events=[viewed("2026-03-01", **BOOTS), bought("2026-03-02", products=[BOOTS])]
    ),
    "hiker who bought another pair": NaivePerson(
        events=[viewed("2026-03-01", **BOOTS), bought("2026-03-02", products=[{"sku": "B-44"}])]
    ),
    "subscriber": NaivePerson(
        identifiers={"email": ["ada@gmail.com"]},
        events=[bought(day) for day in ("2025-11-20", "2025-12-20", "2026-02-20")],
    ),
    "neighbours": NaivePerson(traits={"home": {"lat": Decimal("45.7667"), "lon": Decimal("4.88")}}),
    "parisian": NaivePerson(traits={"home": {"lat": Decimal("48.8566"), "lon": Decimal("2.3522")}}),
    "tennis player": NaivePerson(
        traits={
            "gender": "male",
            "birthday": "1990-05-05",
            "interests": ["chess", "tennis"],
            "staff": True,
        }
    ),
    "evening visitor": NaivePerson(
        events=[
            NaiveEvent("Home", NIGHT + timedelta(minutes=minutes), "page")
            for minutes in (0, 4, 12, 60)
        ]
    ),
    "searcher": NaivePerson(
        events=[did("Products Searched", "2026-03-12", query="Hiking shoes 43")]
    ),
    "searcher who bought": NaivePerson(
        events=[
            did("Products Searched", "2026-03-12", query="hiking boots"),
            bought("2026-03-12", revenue=90),
        ]
    ),
    "mobile visitor": NaivePerson(
        events=[
            did("Home", f"2026-03-0{day}", kind="page", device=device)
            for day, device in enumerate(("mobile", "mobile", "desktop", "mobile", "mobile"), 1)
        ]
    ),
    "exporter": NaivePerson(
        events=[
            did("Feature Used", day, feature="export")
            for day in ("2026-02-17", "2026-02-24", "2026-03-03")
        ]
    ),
    "texter": NaivePerson(
        events=[
            did("Message Opened", "2026-03-01", channel=channel)
            for channel in ("sms", "email", "sms")
        ],
        consents={"newsletter": None},
    ),
    "weekend buyer": NaivePerson(events=[bought("2026-01-17", revenue=15)]),
    "organic champion": NaivePerson(
        traits={"values": ["organic"]},
        events=[bought("2026-03-14", revenue=300) for _ in range(8)],
    ),
    "dormant": NaivePerson(events=[bought("2025-06-10", revenue=5)]),
    "child": NaivePerson(traits={"firstName": "Zoé", "birthday": "2012-03-20"}),
    "told": NaivePerson(records={"crm": [NOW - timedelta(days=30)]}),
    "told and bought": NaivePerson(
        records={"crm": [NOW - timedelta(days=30)], "bought": [NOW - timedelta(days=5)]}
    ),
}
