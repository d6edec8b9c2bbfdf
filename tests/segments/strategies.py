"""Random definitions, people and clocks, biased towards each other so that leaves match."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
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
    )


identifier_numbers = count(1)
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


people = st.builds(
    NaivePerson,
    traits=placed_documents(),
    identifiers=st.fixed_dictionaries(
        {},
        optional={"email": st.lists(addresses, max_size=2), "crm": st.lists(addresses, max_size=1)},
    ),
    entered=st.fixed_dictionaries({}, optional={"one": edges(), "two": edges()}),
    events=st.lists(events(), max_size=6),
    consents=st.fixed_dictionaries({}, optional={"newsletter": st.none() | edges()}),
    is_restricted=st.sampled_from([False] * 9 + [True]),
)


def _ignoring(test: dict[str, Any], options: list[str]) -> dict[str, Any]:
    return {**test, **dict.fromkeys(options, True)}


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
    )
    patterned = _tests_with(["matches", "not_matches"], st.sampled_from(PATTERNS))
    on_text = st.one_of(
        cased,
        patterned,
        st.builds(_ignoring, patterned, st.just(["ignore_case"])),
        st.builds(_ignoring, cased, st.lists(st.sampled_from(["ignore_case", "ignore_accents"]))),
    )
    on_number = st.one_of(
        _tests_with(["equals", "not_equals"], scalars),
        _tests_with(["gt", "gte", "lt", "lte"], either(numbers)),
        _tests_with(["between", "not_between"], _ordered(numbers)),
        _tests_with(["in", "not_in"], st.lists(texts | numbers, min_size=1, max_size=4)),
    )
    on_date = st.one_of(
        _tests_with(["before", "after", "on"], either(iso_dates)),
        _tests_with(["between", "not_between"], date_pairs),
        _tests_with(["in_last", "not_in_last", "in_next", "not_in_next"], durations),
        _tests_with(["more_than_ago", "anniversary_in_next"], durations),
        _tests_with(["this", "previous"], st.sampled_from(UNITS)),
        _tests_with(["age_between"], _ordered(ages)),
        _tests_with(["age_gte", "age_lte"], ages),
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


def _seconds(duration: dict[str, int]) -> float:
    (unit, number), *_ = duration.items()
    return number * {"minutes": 1, "hours": 60, "days": 1440, "weeks": 10080, "months": 43829}.get(
        unit, 525949
    )


def _ordered(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(ends, min_size=2, max_size=2).map(sorted)


def _depth(tree: Any) -> int:
    """How deep a tree is, groups and leaves inside `where` counted."""
    inner = [tree.get("child"), tree.get("where"), *tree.get("children", ())]
    return 1 + max((_depth(child) for child in inner if child), default=0)


def _groups(leaves: st.SearchStrategy[Any], max_leaves: int) -> st.SearchStrategy[dict[str, Any]]:
    def grow(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        lists = st.lists(children, min_size=1, max_size=3)
        return st.one_of(
            lists.map(lambda members: {"type": "and", "children": members}),
            lists.map(lambda members: {"type": "or", "children": members}),
            children.map(lambda child: {"type": "not", "child": child}),
            st.builds(_at_least, lists, st.integers(1, 3)),
        )

    return st.recursive(leaves, grow, max_leaves=max_leaves).filter(lambda tree: _depth(tree) <= 10)


def _at_least(children: list[Any], count: int) -> dict[str, Any]:
    return {"type": "at_least", "count": min(count, len(children)), "children": children}


fields = st.builds(
    lambda kind, test: {"type": kind, **test},
    st.sampled_from(["property", "property", "context"]),
    _tests_of(["a", "list", "born", "revenue"], with_traits=False),
)
element_fields = _tests_of(["a", "born"], with_traits=False).map(
    lambda test: {"type": "property", **test}
)
any_elements = _groups(element_fields, 3).map(
    lambda where: {"type": "any", "key": "items", "where": where}
)
time_parts = st.builds(
    lambda part, test, zone: {"type": "time", "part": part, **test, **zone},
    st.sampled_from(["hour", "weekday", "month"]),
    st.one_of(
        _tests_with(["in", "not_in"], st.lists(st.integers(0, 23), min_size=1, max_size=8)),
        _tests_with(["gte", "lt", "equals", "not_equals"], st.integers(0, 23)),
        _tests_with(["between", "not_between"], _ordered(st.integers(0, 23))),
    ),
    st.sampled_from([{}, {"zone": "event"}, {"zone": "store"}]),
)
wheres = _groups(st.one_of(fields, fields, any_elements, time_parts), 4)
windows = st.one_of(
    durations.map(lambda duration: {"last": duration}),
    st.lists(durations, min_size=2, max_size=2)
    .map(lambda pair: sorted(pair, key=_seconds, reverse=True))
    .filter(lambda pair: _seconds(pair[0]) > _seconds(pair[1]))
    .map(lambda pair: {"between_ago": pair}),
    st.sampled_from(UNITS).map(lambda unit: {"this": unit}),
    st.sampled_from(UNITS).map(lambda unit: {"previous": unit}),
    st.fixed_dictionaries({"from": iso_dates}, optional={"to": iso_dates}),
    iso_dates.map(lambda day: {"to": day}),
)
number_tests = st.one_of(
    st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
    st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(["gt", "gte", "lt", "lte", "equals", "not_equals"]),
        counts | numbers,
    ),
    _ordered(counts).map(lambda ends: {"operator": "between", "value": ends}),
    _tests_with(["in", "not_in"], st.lists(counts | numbers, min_size=1, max_size=3)),
)
moment_tests = st.one_of(
    st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
    _tests_with(["before", "after", "on"], iso_dates),
    _tests_with(["between", "not_between"], date_pairs),
    _tests_with(["in_last", "not_in_last", "more_than_ago"], durations),
    _tests_with(["this", "previous"], st.sampled_from(UNITS)),
)
CHOOSING = ["first", "last", "most_frequent"]
AGGREGATES = [
    *("sum", "avg", "min", "max", "distinct", "first_at", "last_at", "days_between"),
    *CHOOSING,
]


@st.composite
def event_leaves(draw: st.DrawFn) -> dict[str, Any]:
    aggregate = draw(st.sampled_from(["count"] * 3 + AGGREGATES))
    leaf = {"type": "event", "name": draw(st.sampled_from(NAMES)), "aggregate": aggregate}
    if aggregate in CHOOSING:
        test = draw(_tests_of(["a", "list", "born", "revenue"], with_traits=False))
        leaf |= {"property": test.pop("key"), **test}
    elif aggregate in ("first_at", "last_at"):
        leaf |= draw(moment_tests)
    else:
        leaf |= draw(number_tests)
    if aggregate in ("sum", "avg", "min", "max", "distinct"):
        leaf["property"] = draw(st.sampled_from(["revenue", "a", "list"]))
    if draw(st.booleans()):
        leaf["window"] = draw(windows)
    if draw(st.integers(0, 2)) == 0:
        leaf["where"] = draw(wheres)
    if draw(st.integers(0, 3)) == 0:
        leaf["kind"] = draw(st.sampled_from(["track", "page", "screen"]))
    return leaf


def _steps(draw: st.DrawFn, number: int, of_first: str | None) -> dict[str, Any]:
    step: dict[str, Any] = {"name": draw(st.sampled_from(NAMES))}
    if draw(st.integers(0, 4)) == 0:
        step["where"] = draw(fields)
    if draw(st.integers(0, 4)) == 0:
        step["kind"] = draw(st.sampled_from(["track", "page"]))
    if number:
        step["within"] = draw(durations)
        if of_first is not None and draw(st.integers(0, 2)):
            step["same"] = {"property": draw(st.sampled_from(SAME)), "of_first": of_first}
    return step


SAME = ["sku", "lines[].sku", "a"]


@st.composite
def sequence_leaves(draw: st.DrawFn) -> dict[str, Any]:
    of_first = draw(st.sampled_from([None, *SAME]))
    steps = [_steps(draw, number, of_first) for number in range(draw(st.integers(2, 3)))]
    if draw(st.booleans()):
        steps[-1]["absent"] = draw(st.booleans())
    leaf = {"type": "sequence", "steps": steps}
    if draw(st.booleans()):
        leaf["window"] = draw(windows)
    return leaf


@st.composite
def regular_leaves(draw: st.DrawFn) -> dict[str, Any]:
    of = draw(st.integers(1, 6))
    leaf = {
        "type": "regular",
        "name": draw(st.sampled_from(NAMES)),
        "period": draw(st.sampled_from(UNITS)),
        "at_least": draw(st.integers(1, of)),
        "of": of,
    }
    if draw(st.booleans()):
        leaf["where"] = draw(fields)
    return leaf


identifier_leaves = st.builds(
    lambda namespace, test: {"type": "identifier", "namespace": namespace, **test},
    st.sampled_from(["email", "crm", "phone"]),
    st.one_of(
        st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
        _tests_with(
            ["ends_with", "not_ends_with", "contains", "not_contains"],
            st.sampled_from(["@gmail.com", "1", "@b", "é@x.fr", "z"]),
        ),
        st.builds(
            _ignoring,
            _tests_with(["ends_with"], st.sampled_from(["@EXAMPLE.org", "e@x.fr"])),
            st.lists(st.sampled_from(["ignore_case", "ignore_accents"])),
        ),
        _tests_with(["matches", "not_matches"], st.sampled_from([r"^\d@", "com$", "[0-4]@"])),
        _tests_with(["in", "not_in", "equals", "not_equals"], st.just("1@b")).map(
            lambda test: test | ({"value": ["1@b"]} if "in" in test["operator"] else {})
        ),
    ),
)
bucket_leaves = st.builds(
    lambda salt, ends: {"type": "bucket", "salt": salt, "from": ends[0], "to": ends[1]},
    st.sampled_from(["a", "été"]),
    st.sampled_from([(0, 50), (50, 100), (Decimal("12.5"), Decimal("33.3")), (0, 100)]),
)
geo_leaves = st.builds(
    lambda km, of: {"type": "geo", "key": "home", "within_km": km, "of": of},
    st.sampled_from([0, 1, 20, 600, 5000, 20_100]),
    st.sampled_from([[Decimal("45.76"), Decimal("4.84")], [-90, 0], [46, -175]]),
)
segment_leaves = st.builds(
    lambda key, within: {"type": "segment", "key": key, **within},
    st.sampled_from(["one", "two"]),
    st.one_of(st.just({}), durations.map(lambda duration: {"entered_within": duration})),
)
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
    sequence_leaves(),
    sequence_leaves(),
    regular_leaves(),
    identifier_leaves,
    bucket_leaves | geo_leaves,
    st.just({"type": "everyone"}),
)
plain_trees = _groups(plain_leaves, 6)
trees = _groups(plain_leaves | segment_leaves, 6)
