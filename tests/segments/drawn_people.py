"""Random people, events and clocks, biased towards the edges of what definitions ask."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import strategies as st

from profiles.lib.calendar import add_months
from segments.compiler import EventNameRef
from tests.oracles.segment_dates import later_by
from tests.oracles.segment_worlds import NaiveAccount, NaiveEvent, NaivePerson
from tests.segments.worlds import PARIS

# Ends of months, of years, and the two nights of the year that Paris changes its clocks.
CLOCKS = [
    datetime(2026, 3, 15, 12, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 2, 28, 10, 0, tzinfo=UTC),
    datetime(2024, 2, 29, 22, 30, tzinfo=UTC),
    datetime(2026, 3, 31, 22, 0, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 0, tzinfo=UTC),
]
DURATIONS = [
    {"minutes": 1},
    {"hours": 1},
    {"hours": 24},
    {"days": 1},
    {"days": 30},
    {"weeks": 1},
    {"months": 1},
    {"months": 6},
    {"years": 1},
]
TEXTS = [
    "",
    "fr",
    "FR",
    "é",
    "É",
    "İx",
    "ix",
    "ß",
    "a.b",
    "abc",
    "ABC",
    "5",
    "true",
    "a\nb",
    "Straße 12",
    "e\u0301",
    "Åbc",
    "Ǖ ֙א",
    "e",
]
NUMBERS = [0, 1, Decimal("1.0"), 5, -1, Decimal("0.1"), Decimal("0.10"), 3, Decimal("1E+3"), 10**20]
DATES = [
    "2026-03-15",
    "2008-02-29",
    "2007-02-28",
    "2007-03-01",
    "1986-03-15",
    "2026-02-30",
    "2026-3-5",
    "2026-03-29",
    "2026-03-29T02:30",
    "2026-10-25T02:30:00",
    "2026-10-25T01:30:00Z",
    "2026-03-15T12:00:00Z",
    "2026-03-15 13:00",
    "2026-03-15T13:00:00.000001+01:00",
    "2026-03-15T13:00:00+0100",
    "2026-02-28T10:00:00Z",
    "0999-01-01",
    "9999-01-01",
    "1000-01-01",
    "2026-03-15T24:00",
    "2026-03-15T12:00:60Z",
    "2026-04-01",
    "2040-01-01",
    "2026-03-15T12:00:00+15:00",
    "2026-01-31",
    "2025-02-28",
    "2026-03-15T",
]
PATTERNS = [
    "^a",
    "b$",
    r"\d",
    "[a-c]+$",
    "(FR|fr)",
    "a.b",
    r"a\.b",
    "^[^a]",
    "x{1,2}$",
    r"^\w*$",
    r"\s",
    "É",
    "[A-C]",
]
SCALARS = [*TEXTS, *NUMBERS, True, False]
ZONES = ["America/New_York", "Asia/Kolkata", "UTC"]
UNITS = ["day", "week", "month", "quarter", "year"]
KEYS = ["a", "b", "c.d", "list", "born", r"e\.f"]
NAMES = ["Order Completed", "Viewed", "Never Seen", "*"]

BIRTHS = [
    str(add_months(clock.astimezone(PARIS).date(), -12 * years) + timedelta(days=step))
    for clock in CLOCKS
    for years in (0, 18, 19, 40, 41)
    for step in (-1, 0, 1)
]

# Event names as the compiler knows them, for what needs no database.
REFS = {
    ("track", "Order Completed"): EventNameRef(1, "revenue"),
    ("track", "Viewed"): EventNameRef(2, "revenue", "Order Completed"),
    ("page", "Viewed"): EventNameRef(3, "revenue"),
}
texts, numbers = st.sampled_from(TEXTS), st.sampled_from(NUMBERS)
scalars, durations = st.sampled_from(SCALARS), st.sampled_from(DURATIONS)
clocks = st.sampled_from(CLOCKS)


@st.composite
def edges(draw: st.DrawFn) -> datetime:
    """An instant on the edge of some window at some clock, or a microsecond beside it."""
    now = draw(clocks)
    unit, count = next(iter(draw(durations).items()))
    moment = later_by(now, {unit: -count}, PARIS) if draw(st.booleans()) else now
    return moment + draw(
        st.sampled_from([timedelta(microseconds=step) for step in (-1, 0, 1)])
        | st.integers(-3 * 86400, 3 * 86400).map(lambda seconds: timedelta(seconds=seconds))
    )


dates = st.one_of(
    st.sampled_from(DATES), st.sampled_from(BIRTHS), edges().map(lambda edge: edge.isoformat())
)


def _is_iso(text: str) -> bool:
    refused = ("2026-02-30", "2026-3-5", "0999", "9999", "2026-03-15T24", "2026-03-15T12:00:60")
    return not text.startswith(refused) and "+15" not in text and not text.endswith("T")


iso_dates = dates.filter(_is_iso)
# Sorted as texts, so that two dates are in order; times may still come the other way round.
date_pairs = st.lists(iso_dates, min_size=2, max_size=2).map(sorted)
ages = st.sampled_from([0, 17, 18, 19, 39, 40, 150])
lists = st.lists(scalars | st.just(["abc"]) | st.just({"d": 1}), max_size=3)
values = st.one_of(
    scalars, dates, lists, st.none(), st.fixed_dictionaries({}, optional={"d": scalars})
)
many = st.lists(scalars, min_size=1, max_size=3)
counts = st.integers(min_value=0, max_value=4)
other_trait = st.sampled_from(KEYS).map(lambda key: {"trait": key})
# Most values have the type that most tests of their key are for.
TYPICAL = {"a": numbers, "b": texts, "c": values, "list": lists, "born": dates}


@st.composite
def documents(draw: st.DrawFn, keys: tuple[str, ...] = ("a", "b", "c", "list", "born")) -> Any:
    document = {}
    for key in keys:
        kind = draw(st.integers(0, 5))
        if kind:
            document[key] = draw(values if kind == 1 else TYPICAL[key])
    if draw(st.booleans()):
        document["e.f"] = draw(scalars)
    return document


items = st.lists(st.one_of(documents(("a", "born")), documents(("a", "born")), scalars), max_size=3)
skus = st.sampled_from(["A", "B", 1, Decimal("1.0"), True, None, ["A"]])
arrivals = count(1)


@st.composite
def events(draw: st.DrawFn) -> NaiveEvent:
    properties = draw(documents(("a", "list", "born")))
    if draw(st.booleans()):
        properties["revenue"] = draw(numbers | texts)
    if draw(st.integers(0, 2)) == 0:
        properties["items"] = draw(items)
    if draw(st.booleans()):
        properties["sku"] = draw(skus)
        properties["lines"] = [{"sku": draw(skus)} for _ in range(draw(st.integers(0, 2)))]
    context = draw(documents(("a",)))
    if draw(st.booleans()):
        context["timezone"] = draw(st.sampled_from([*ZONES, "Nowhere", "CET", 5]))
    return NaiveEvent(
        draw(st.sampled_from(["Order Completed", "Order Completed", "Viewed"])),
        draw(edges()),
        draw(st.sampled_from(["track", "track", "page"])),
        properties,
        context,
        next(arrivals),
        draw(st.sampled_from(["shop", "shop", "till"])),
    )


identifier_numbers = count(1)
account_numbers = count(1)
# Unique, as identifiers are.
addresses = st.sampled_from(["@gmail.com", "@Example.org", "é@x.fr", "@b"]).map(
    lambda end: f"{next(identifier_numbers)}{end}"
)
places = st.fixed_dictionaries(
    {},
    optional={
        "lat": st.sampled_from([Decimal("45.76"), 46, -90, 91, "45", Decimal("1E-400")]),
        "lon": st.sampled_from([Decimal("4.84"), 5, 180, -180, -200, None]),
    },
)


@st.composite
def placed_documents(draw: st.DrawFn) -> Any:
    traits = draw(documents())
    if draw(st.booleans()):
        traits["home"] = draw(places)
    return traits


accounts = st.builds(
    lambda end, traits, is_vouched, is_member_vouched: NaiveAccount(
        # Unique, as accounts are.
        f"{next(account_numbers)}-{end}",
        traits,
        is_vouched,
        is_vouched and is_member_vouched,
    ),
    st.sampled_from(["acme", "ACME", "globéx", "b"]),
    documents(),
    st.booleans(),
    st.booleans(),
)
people = st.builds(
    NaivePerson,
    accounts=st.lists(accounts, max_size=2),
    lists=st.sets(st.sampled_from(["guests", "press"])),
    traits=placed_documents(),
    identifiers=st.fixed_dictionaries(
        {},
        optional={"email": st.lists(addresses, max_size=2), "crm": st.lists(addresses, max_size=1)},
    ),
    records=st.fixed_dictionaries(
        {},
        optional={
            "crm": st.lists(edges(), min_size=1, max_size=2),
            "bought": st.lists(edges(), min_size=1, max_size=1),
            "till": st.lists(edges(), min_size=1, max_size=2),
        },
    ),
    entered=st.fixed_dictionaries({}, optional={"one": edges(), "two": edges()}),
    events=st.lists(events(), max_size=6),
    consents=st.fixed_dictionaries({}, optional={"newsletter": st.none() | edges()}),
    is_restricted=st.sampled_from([False] * 9 + [True]),
)
