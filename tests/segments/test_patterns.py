"""The subset of regular expressions: both engines read it alike, and anything else is refused."""

import re

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.language.patterns import PatternError, canonical_pattern, simple_lower
from tests.tries import tries

ATOMS = [
    "a",
    "B",
    "é",
    "É",
    ".",
    r"\.",
    r"\d",
    r"\W",
    r"\s",
    "[a-c]",
    "[^a]",
    r"[\d\-_]",
    "[A-C]",
    "-",
    "/",
    r"\\",
    " ",
]
atoms = st.sampled_from(ATOMS)
repeats = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{0,}"])
pieces = st.builds(str.__add__, atoms, repeats)
branches = st.lists(pieces, min_size=1, max_size=3).map("".join)
groups = st.lists(branches, min_size=1, max_size=2).map(lambda parts: f"({'|'.join(parts)})")
patterns = st.builds(
    lambda head, parts, tail: head + "".join(parts) + tail,
    st.sampled_from(["", "^"]),
    st.lists(branches | groups, min_size=1, max_size=3),
    st.sampled_from(["", "$"]),
)
subjects = st.text("aAbBcCéÉ1_-. /\\\n", max_size=6)


@pytest.mark.django_db
def test_both_engines_read_a_pattern_alike() -> None:
    @settings(max_examples=tries(300), deadline=None, suppress_health_check=list(HealthCheck))
    @given(patterns, st.lists(subjects, min_size=1, max_size=8), st.booleans())
    def check(pattern: str, texts: list[str], lower: bool) -> None:
        canonical = canonical_pattern(pattern, lower=lower)
        texts = [simple_lower(text) for text in texts] if lower else texts
        # Python's $ also matches before a newline at the end, PostgreSQL's does not.
        python_pattern = re.compile(
            re.sub(
                r"\\.|\$",
                lambda match: r"\Z" if match[0] == "$" else match[0],
                canonical,
                flags=re.DOTALL,
            ),
            re.DOTALL,
        )
        with connection.cursor() as cursor:
            cursor.execute(
                'SELECT t COLLATE "C" ~ %s FROM unnest(%s::text[]) WITH ORDINALITY x (t, n)'
                " ORDER BY n",
                [canonical, texts],
            )
            assert [matches for (matches,) in cursor.fetchall()] == [
                python_pattern.search(text) is not None for text in texts
            ]

    check()


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "a**",
        "a+?",
        "(?=a)",
        "(?i)a",
        "(?P<n>a)",
        r"\1",
        r"\b",
        "(a",
        "a)",
        "[a",
        "[]",
        "a|",
        "(|a)",
        "{2}",
        "a{2",
        "a{x}",
        "a{3,2}",
        "a{0}",
        "a{300}",
        "(a{100}){100}",
        "[z-a]",
        "[[:alpha:]]",
        "^*",
        "a" * 201,
        "***=a",
        "]",
    ],
)
def test_what_is_outside_the_subset_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        canonical_pattern(pattern)


def test_ranges_that_case_would_tear_apart_are_refused() -> None:
    assert canonical_pattern("[A-C]", lower=True) == "[a-c]"
    for pattern in ("[A-z]", "[À-Ö]", "[!-~]"):
        with pytest.raises(PatternError):
            canonical_pattern(pattern, lower=True)


@pytest.mark.django_db
def test_lower_case_is_that_of_the_database() -> None:
    letters = "".join(map(chr, [*range(0x20, 0x24F), *range(0x386, 0x52F), 0x130, 0x1E9E, 0x3A3]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower(%s COLLATE segments_simple)", [letters])
        assert cursor.fetchone()[0] == simple_lower(letters)
