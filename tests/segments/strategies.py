"""Random definitions, biased towards the people of `drawn_people` so that leaves match."""

from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.oracles.segment_groups import GROUPS
from tests.segments.drawn_people import (
    KEYS,
    NAMES,
    PATTERNS,
    UNITS,
    ages,
    counts,
    date_pairs,
    durations,
    iso_dates,
    many,
    numbers,
    other_trait,
    scalars,
    texts,
)


def _ignoring(test: dict[str, Any], options: list[str]) -> dict[str, Any]:
    return {**test, **dict.fromkeys(options, True)}


def _tests_with(operators: list[str], operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(operators),
        operand,
    )


@cache  # Hypothesis checks a strategy at its first use, and that takes longer than a draw.
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
    inner += [step.get("where") for step in tree.get("steps", ())]
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

    return st.recursive(leaves, grow, max_leaves=max_leaves).filter(lambda tree: _depth(tree) < 10)


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
    *("sum", "net", "net", "avg", "min", "max", "distinct", "first_at", "last_at"),
    "days_between",
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
    if aggregate == "net":
        return leaf | {"name": draw(st.sampled_from(NAMES[:-1]))}
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
source_leaves = st.builds(
    lambda key, within: {"type": "source", "key": key, **within},
    st.sampled_from(["shop", "till", "crm", "nowhere"]),
    st.one_of(st.just({}), durations.map(lambda duration: {"seen_within": duration})),
)
stated_leaves = st.builds(
    lambda party, key, within: {"type": "stated", "party": party, **key, **within},
    st.sampled_from(["first", "zero", "third"]),
    st.sampled_from([{}, {"key": "t0"}, {"key": "t1"}, {"key": "t9"}]),
    st.one_of(st.just({}), durations.map(lambda duration: {"stated_within": duration})),
)
list_leaves = st.builds(
    lambda key: {"type": "list", "key": key}, st.sampled_from(["guests", "press", "nobody"])
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


@st.composite
def rank_leaves(draw: st.DrawFn) -> dict[str, Any]:
    leaf = {
        "type": "rank",
        "name": draw(st.sampled_from(NAMES)),
        "aggregate": draw(st.sampled_from(["count", "sum", "net", "min", "max", "distinct"])),
        "top": draw(st.sampled_from([1, 10, 25, Decimal("33.3"), 50, 100])),
    }
    if leaf["aggregate"] == "net":
        leaf["name"] = draw(st.sampled_from(NAMES[:-1]))
    elif leaf["aggregate"] != "count":
        leaf["property"] = draw(st.sampled_from(["revenue", "revenue", "a"]))
    if draw(st.booleans()):
        leaf["window"] = draw(windows)
    if draw(st.integers(0, 3)) == 0:
        leaf["where"] = draw(wheres)
    return leaf


rfm_leaves = st.builds(
    lambda key, names: {"type": "rfm", "key": key, "groups": names},
    st.sampled_from(["buyers", "lately", "net", "net", "never"]),
    st.lists(st.sampled_from(sorted(GROUPS)), min_size=1, max_size=4),
)
STAGES = ["returned", "new", "loyal", "active", "at_risk", "dormant"]


@st.composite
def life_cycle_leaves(draw: st.DrawFn) -> dict[str, Any]:
    leaf = {
        "type": "life_cycle",
        "name": draw(st.sampled_from(NAMES)),
        "stages": draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=3)),
    }
    if draw(st.integers(0, 3)) == 0:
        leaf["where"] = draw(wheres)
    return leaf


@st.composite
def session_leaves(draw: st.DrawFn) -> dict[str, Any]:
    leaf = {
        "type": "session",
        "aggregate": draw(st.sampled_from(["count", "sum", "avg", "max"])),
        "window": draw(
            st.one_of(
                durations.map(lambda duration: {"last": duration}),
                st.sampled_from(UNITS[:4]).map(lambda unit: {"this": unit}),
                st.sampled_from(UNITS[:4]).map(lambda unit: {"previous": unit}),
            )
        ),
        **draw(number_tests),
    }
    if leaf["aggregate"] != "count":
        leaf["property"] = draw(st.sampled_from(["duration", "pages"]))
    if draw(st.integers(0, 2)) == 0:
        leaf["where"] = draw(wheres)
    return leaf


measured_leaves = st.one_of(rank_leaves(), rfm_leaves, life_cycle_leaves())
segment_leaves = st.builds(
    lambda key, within: {"type": "segment", "key": key, **within},
    st.sampled_from(["one", "two"]),
    st.one_of(st.just({}), durations.map(lambda duration: {"entered_within": duration})),
)
trait_leaves = _tests_of(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test})
consent_leaves = st.booleans().map(
    lambda permitted: {"type": "consent", "purpose": "newsletter", "permitted": permitted}
)
account_tests = st.one_of(
    _tests_of(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test}),
    _tests_of(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test}),
    st.one_of(
        _tests_with(
            ["ends_with", "not_ends_with", "contains"], st.sampled_from(["acme", "x", "é"])
        ),
        st.builds(
            _ignoring,
            _tests_with(["ends_with", "contains"], st.sampled_from(["Acme", "GLOBEX"])),
            st.lists(st.sampled_from(["ignore_case", "ignore_accents"])),
        ),
        _tests_with(["matches", "not_matches"], st.sampled_from(["acme$", "^[1-3]", "é"])),
    ).map(lambda test: {"type": "key", **test}),
)
account_leaves = st.builds(
    lambda match, where: {"type": "account", "match": match, **where},
    st.sampled_from(["any", "all", "none"]),
    st.one_of(
        st.just({}),
        *[_groups(account_tests, 3).map(lambda where: {"where": where})] * 4,
    ),
)
plain_leaves = st.one_of(
    account_leaves,
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
    source_leaves | list_leaves | stated_leaves,
    measured_leaves,
    session_leaves(),
    st.just({"type": "everyone"}),
)
plain_trees = _groups(plain_leaves, 6)
trees = _groups(plain_leaves | segment_leaves, 6)
