"""Random parts of definitions: tests of values, groups of tests, filters of events and windows."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.segments.drawn_people import (
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


def ignoring(test: dict[str, Any], options: list[str]) -> dict[str, Any]:
    return {**test, **dict.fromkeys(options, True)}


def compared(operators: list[str], operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
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
        compared(["equals", "not_equals"], either(texts)),
        compared([*parts, *(f"not_{name}" for name in parts)], either(texts)),
        compared(["in", "not_in"], st.lists(texts, min_size=1, max_size=3)),
    )
    patterned = compared(["matches", "not_matches"], st.sampled_from(PATTERNS))
    on_text = st.one_of(
        cased,
        patterned,
        st.builds(ignoring, patterned, st.just(["ignore_case"])),
        st.builds(ignoring, cased, st.lists(st.sampled_from(["ignore_case", "ignore_accents"]))),
    )
    on_number = st.one_of(
        compared(["equals", "not_equals"], scalars),
        compared(["gt", "gte", "lt", "lte"], either(numbers)),
        compared(["between", "not_between"], ordered(numbers)),
        compared(["in", "not_in"], st.lists(texts | numbers, min_size=1, max_size=4)),
    )
    on_date = st.one_of(
        compared(["before", "after", "on"], either(iso_dates)),
        compared(["between", "not_between"], date_pairs),
        compared(["in_last", "not_in_last", "in_next", "not_in_next"], durations),
        compared(["more_than_ago", "anniversary_in_next"], durations),
        compared(["this", "previous"], st.sampled_from(UNITS)),
        compared(["age_between"], ordered(ages)),
        compared(["age_gte", "age_lte"], ages),
    )
    on_list = st.one_of(
        compared(["includes", "not_includes"], scalars),
        compared(["includes_any", "includes_all", "includes_none"], many),
        compared(["length_gte", "length_lte", "length_equals"], counts),
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
def keyed_tests(draw: st.DrawFn, keys: list[str], with_traits: bool) -> dict[str, Any]:
    """A key with a test, mostly one that suits the key."""
    key, tests = draw(st.sampled_from(keys)), _tests(with_traits)
    is_typical = draw(st.integers(0, 3)) > 0
    return {"key": key, **draw(tests.get(key, tests[""]) if is_typical else tests[""])}


def _seconds(duration: dict[str, int]) -> float:
    (unit, number), *_ = duration.items()
    return number * {"minutes": 1, "hours": 60, "days": 1440, "weeks": 10080, "months": 43829}.get(
        unit, 525949
    )


def ordered(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(ends, min_size=2, max_size=2).map(sorted)


def _depth(tree: Any) -> int:
    """How deep a tree is, groups and leaves inside `where` counted."""
    inner = [tree.get("child"), tree.get("where"), *tree.get("children", ())]
    inner += [step.get("where") for step in tree.get("steps", ())]
    return 1 + max((_depth(child) for child in inner if child), default=0)


def groups(leaves: st.SearchStrategy[Any], max_leaves: int) -> st.SearchStrategy[dict[str, Any]]:
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
    keyed_tests(["a", "list", "born", "revenue"], with_traits=False),
)
element_fields = keyed_tests(["a", "born"], with_traits=False).map(
    lambda test: {"type": "property", **test}
)
any_elements = groups(element_fields, 3).map(
    lambda where: {"type": "any", "key": "items", "where": where}
)
time_parts = st.builds(
    lambda part, test, zone: {"type": "time", "part": part, **test, **zone},
    st.sampled_from(["hour", "weekday", "month"]),
    st.one_of(
        compared(["in", "not_in"], st.lists(st.integers(0, 23), min_size=1, max_size=8)),
        compared(["gte", "lt", "equals", "not_equals"], st.integers(0, 23)),
        compared(["between", "not_between"], ordered(st.integers(0, 23))),
    ),
    st.sampled_from([{}, {"zone": "event"}, {"zone": "store"}]),
)
wheres = groups(st.one_of(fields, fields, any_elements, time_parts), 4)
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
    ordered(counts).map(lambda ends: {"operator": "between", "value": ends}),
    compared(["in", "not_in"], st.lists(counts | numbers, min_size=1, max_size=3)),
)
moment_tests = st.one_of(
    st.sampled_from([{"operator": "exists"}, {"operator": "not_exists"}]),
    compared(["before", "after", "on"], iso_dates),
    compared(["between", "not_between"], date_pairs),
    compared(["in_last", "not_in_last", "more_than_ago"], durations),
    compared(["this", "previous"], st.sampled_from(UNITS)),
)
