"""Random definitions, biased towards the people of `drawn_people` so that leaves match."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.oracles.segment_groups import GROUPS
from tests.segments.drawn_parts import (
    compared,
    fields,
    groups,
    ignoring,
    keyed_tests,
    moment_tests,
    number_tests,
    wheres,
    windows,
)
from tests.segments.drawn_people import KEYS, NAMES, UNITS, durations

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
        test = draw(keyed_tests(["a", "list", "born", "revenue"], with_traits=False))
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
        compared(
            ["ends_with", "not_ends_with", "contains", "not_contains"],
            st.sampled_from(["@gmail.com", "1", "@b", "é@x.fr", "z"]),
        ),
        st.builds(
            ignoring,
            compared(["ends_with"], st.sampled_from(["@EXAMPLE.org", "e@x.fr"])),
            st.lists(st.sampled_from(["ignore_case", "ignore_accents"])),
        ),
        compared(["matches", "not_matches"], st.sampled_from([r"^\d@", "com$", "[0-4]@"])),
        compared(["in", "not_in", "equals", "not_equals"], st.just("1@b")).map(
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
trait_leaves = keyed_tests(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test})
consent_leaves = st.booleans().map(
    lambda permitted: {"type": "consent", "purpose": "newsletter", "permitted": permitted}
)
account_tests = st.one_of(
    keyed_tests(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test}),
    keyed_tests(KEYS, with_traits=True).map(lambda test: {"type": "trait", **test}),
    st.one_of(
        compared(["ends_with", "not_ends_with", "contains"], st.sampled_from(["acme", "x", "é"])),
        st.builds(
            ignoring,
            compared(["ends_with", "contains"], st.sampled_from(["Acme", "GLOBEX"])),
            st.lists(st.sampled_from(["ignore_case", "ignore_accents"])),
        ),
        compared(["matches", "not_matches"], st.sampled_from(["acme$", "^[1-3]", "é"])),
    ).map(lambda test: {"type": "key", **test}),
)
account_leaves = st.builds(
    lambda match, where: {"type": "account", "match": match, **where},
    st.sampled_from(["any", "all", "none"]),
    st.one_of(
        st.just({}),
        *[groups(account_tests, 3).map(lambda where: {"where": where})] * 4,
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
plain_trees = groups(plain_leaves, 6)
trees = groups(plain_leaves | segment_leaves, 6)
