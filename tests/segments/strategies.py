"""Random definitions, people and clocks, biased towards each other so that leaves match."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from profiles.lib.calendar import add_months
from tests.oracles.segments import NaiveEvent, NaivePerson, later_by
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
KEYS = ["a", "b", "c.d", "list", "born", r"e\.f"]
NAMES = ["Order Completed", "Viewed", "Never Seen", "*"]

BIRTHS = [
    str(add_months(clock.astimezone(PARIS).date(), -12 * years) + timedelta(days=step))
    for clock in CLOCKS
    for years in (0, 18, 19, 40, 41)
    for step in (-1, 0, 1)
]

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


@st.composite
def events(draw: st.DrawFn) -> NaiveEvent:
    properties = draw(documents(("a", "list", "born")))
    if draw(st.booleans()):
        properties["revenue"] = draw(numbers | texts)
    return NaiveEvent(
        draw(st.sampled_from(["Order Completed", "Order Completed", "Viewed"])),
        draw(edges()),
        draw(st.sampled_from(["track", "track", "page"])),
        properties,
        draw(documents(("a",))),
    )


people = st.builds(
    NaivePerson,
    traits=documents(),
    events=st.lists(events(), max_size=6),
    consents=st.fixed_dictionaries({}, optional={"newsletter": st.none() | edges()}),
    is_restricted=st.sampled_from([False] * 9 + [True]),
)


def _tests_with(operators: list[str], operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(operators),
        operand,
    )


def _tests(with_traits: bool) -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    """Tests by the key that they suit, and by "" those for any key."""

    def either(operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(operand, operand, other_trait) if with_traits else operand

    parts = ["contains", "starts_with", "ends_with"]
    cased = st.one_of(
        _tests_with(["equals", "not_equals"], either(texts)),
        _tests_with([*parts, *(f"not_{name}" for name in parts)], either(texts)),
        _tests_with(["in", "not_in"], st.lists(texts, min_size=1, max_size=3)),
        _tests_with(["matches", "not_matches"], st.sampled_from(PATTERNS)),
    )
    on_text = cased | st.builds(
        lambda test, fold: {**test, "ignore_case": fold}, cased, st.booleans()
    )
    on_number = st.one_of(
        _tests_with(["equals", "not_equals"], scalars),
        _tests_with(["gt", "gte", "lt", "lte"], either(numbers)),
        _tests_with(["between", "not_between"], _ordered(numbers)),
    )
    on_date = st.one_of(
        _tests_with(["before", "after"], either(dates.filter(_is_iso))),
        _tests_with(["in_last", "not_in_last"], durations),
        _tests_with(["age_between"], _ordered(st.sampled_from([0, 17, 18, 19, 39, 40, 150]))),
    )
    on_list = st.one_of(
        _tests_with(["includes", "not_includes"], scalars),
        _tests_with(["includes_any", "includes_all", "includes_none"], many),
        _tests_with(["length_gte", "length_lte", "length_equals"], counts),
    )
    on_any = st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}])
    return {
        "": st.one_of(on_any, on_text, on_number, on_date, on_list),
        "a": on_number,
        "b": on_text,
        "born": on_date,
        "list": on_list,
    }


@st.composite
def _tests_of(draw: st.DrawFn, keys: list[str], with_traits: bool) -> dict[str, Any]:
    """A key with a test, mostly one that suits the key."""
    key, tests = draw(st.sampled_from(keys)), _tests(with_traits)
    is_typical = draw(st.integers(0, 3)) > 0
    return {"key": key, **draw(tests.get(key, tests[""]) if is_typical else tests[""])}


def _is_iso(text: str) -> bool:
    refused = ("2026-02-30", "2026-3-5", "0999", "9999", "2026-03-15T24", "2026-03-15T12:00:60")
    return not text.startswith(refused) and "+15" not in text and not text.endswith("T")


def _ordered(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(ends, min_size=2, max_size=2).map(sorted)


def _groups(leaves: st.SearchStrategy[Any], max_leaves: int) -> st.SearchStrategy[dict[str, Any]]:
    def grow(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        lists = st.lists(children, min_size=1, max_size=3)
        return st.one_of(
            lists.map(lambda members: {"type": "and", "children": members}),
            lists.map(lambda members: {"type": "or", "children": members}),
            children.map(lambda child: {"type": "not", "child": child}),
            st.builds(_at_least, lists, st.integers(1, 3)),
        )

    return st.recursive(leaves, grow, max_leaves=max_leaves)


def _at_least(children: list[Any], count: int) -> dict[str, Any]:
    return {"type": "at_least", "count": min(count, len(children)), "children": children}


fields = st.builds(
    lambda kind, test: {"type": kind, **test},
    st.sampled_from(["property", "property", "context"]),
    _tests_of(["a", "list", "born", "revenue"], with_traits=False),
)
windows = st.one_of(
    durations.map(lambda duration: {"last": duration}),
    st.fixed_dictionaries({"from": dates.filter(_is_iso)}, optional={"to": dates.filter(_is_iso)}),
    dates.filter(_is_iso).map(lambda day: {"to": day}),
)
number_tests = st.one_of(
    st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
    st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(["gt", "gte", "lt", "lte", "equals", "not_equals"]),
        counts | numbers,
    ),
    _ordered(counts).map(lambda ends: {"operator": "between", "value": ends}),
)
moment_tests = st.one_of(
    st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
    st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(["before", "after"]),
        dates.filter(_is_iso),
    ),
    durations.map(lambda duration: {"operator": "in_last", "value": duration}),
    durations.map(lambda duration: {"operator": "not_in_last", "value": duration}),
)


@st.composite
def event_leaves(draw: st.DrawFn) -> dict[str, Any]:
    aggregate = draw(
        st.sampled_from(["count", "count", "sum", "sum", "min", "max", "first_at", "last_at"])
    )
    leaf = {"type": "event", "name": draw(st.sampled_from(NAMES)), "aggregate": aggregate}
    if aggregate in ("sum", "min", "max"):
        leaf["property"] = draw(st.sampled_from(["revenue", "a", "list"]))
    leaf |= draw(moment_tests if aggregate in ("first_at", "last_at") else number_tests)
    if draw(st.booleans()):
        leaf["window"] = draw(windows)
    if draw(st.integers(0, 2)) == 0:
        leaf["where"] = draw(_groups(fields, 4))
    if draw(st.integers(0, 3)) == 0:
        leaf["kind"] = draw(st.sampled_from(["track", "page", "screen"]))
    return leaf


trait_leaves = _tests_of(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test})
consent_leaves = st.booleans().map(
    lambda permitted: {"type": "consent", "purpose": "newsletter", "permitted": permitted}
)
plain_leaves = st.one_of(
    trait_leaves,
    trait_leaves,
    event_leaves(),
    event_leaves(),
    consent_leaves,
    st.just({"type": "everyone"}),
)
plain_trees = _groups(plain_leaves, 6)
trees = _groups(
    plain_leaves | st.sampled_from(["one", "two"]).map(lambda key: {"type": "segment", "key": key}),
    6,
)
