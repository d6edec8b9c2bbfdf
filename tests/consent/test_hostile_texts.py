"""Texts that are made to be slow to search, or to break the search: each is read in linear time."""

import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.suppression.forms import distinctive_among, is_distinctive, mentions, redacted
from tests.tries import tries

LARGEST = 32 * 1024
# A quadratic search of 32 KB takes seconds; a linear one some milliseconds.
MOST_SECONDS = 1.0
fragments = st.sampled_from(
    [
        *("x", "a.b", "@", "%40", "%2540", "%", "&#64;", "&commat;", "&", "&#", "0", "9", ";"),
        *(" ", "<", ">", "+", "00", "/", "?", "é", "＠", "\u3000", "\n", "-", "'", "[", "&amp"),
        *("mailto:", "tel:", "ada@example.net", "1234567890", "a-", "http://x/", "\\u0040", "{"),
    ]
)


# Fragments, each with how often it is repeated; the whole is repeated up to the largest message.
recipes = st.lists(st.tuples(fragments, st.sampled_from([1, 7, 300, LARGEST])), max_size=4)


def text_of(recipe: list[tuple[str, int]], is_tiled: bool) -> str:
    unit = "".join(fragment * times for fragment, times in recipe)[:LARGEST]
    return (unit[:40] * LARGEST)[:LARGEST] if is_tiled else unit


def seconds_of(search: Callable[[], object]) -> float:
    started = time.process_time()
    search()
    return time.process_time() - started


@settings(max_examples=tries(150), deadline=None)
@given(recipes, st.booleans(), st.sampled_from(["note", "phone", "url"]))
@example([("x", 20_000), ("%", 1)], False, "note")
@example([("@", 1), ("x", 20_000)], False, "note")
@example([("<", 1), (" ", 20_000), ("ada@example.net", 1)], False, "note")
@example([("&#", 1), ("9", 5_000), (";", 1)], False, "note")
@example([("&#x", 1), ("f", 5_000), (";@", 1)], False, "note")
@example([("&#", 1), ("0", 5_000), ("64;", 1)], False, "note")
def test_no_text_is_slow_to_search_or_breaks_the_search(
    recipe: list[tuple[str, int]], is_tiled: bool, key: str
) -> None:
    text = text_of(recipe, is_tiled)
    suppressed = {"email:ada@example.net", "token:" + "x" * 20}
    assert seconds_of(lambda: mentions({key: text}, region="FR")) < MOST_SECONDS
    assert seconds_of(lambda: redacted({key: [text]}, suppressed, region="FR")) < MOST_SECONDS


# Patterns that begin at every letter find the same, slowly: the oracle.
AT = r"(?:@|＠|%(?:25)?40|&#0*64;|&#[xX]0*40;|&commat;)"
ENTITY = r"&#?\w{1,8};"
SLOW = [
    re.compile(rf"[^\s<>\"(),;:&?=/\\\[\]@＠]+{AT}[^\s<>\"(),;:&?=/\\\[\]@＠]+"),
    re.compile(rf"(?:[\w.!#$%*+/?^`{{|}}~'-]|{ENTITY})+?{AT}(?:[\w.%-]|{ENTITY})+", re.ASCII),
]
SPELLINGS = ["ada@example.net", "ada%40example.net", "ada%2540example.net", "ada&#64;example.net"]
around = st.text(st.sampled_from("a.b x,;:<>()[]\"'/?=&%4@é\n-+0"), max_size=12)


@settings(max_examples=tries(1_000), deadline=None)
@given(around, st.sampled_from(SPELLINGS), around)
def test_an_address_is_found_wherever_a_pattern_from_every_letter_finds_it(
    before: str, spelling: str, after: str
) -> None:
    text = before + spelling + after
    found: set[Any] = mentions(text, region="FR") if is_distinctive(text) else set()
    for pattern in SLOW:
        for match in pattern.finditer(text):
            plain = html.unescape(match.group().replace("%2540", "@").replace("%40", "@"))
            if plain.rstrip(".,;:!?'\"-") == "ada@example.net":
                assert "email:ada@example.net" in found


@pytest.mark.parametrize("spelling", [*SPELLINGS, "Ada <ada@example.net>", "&#0000000064;"])
def test_the_spellings_are_found(spelling: str) -> None:
    text = spelling.replace("&#0000000064;", "ada&#0000000064;example.net")
    assert "email:ada@example.net" in mentions(text, region="FR")


@settings(max_examples=tries(500), deadline=None)
@given(st.lists(recipes.map(lambda recipe: text_of(recipe, False)[:200]), max_size=6))
def test_texts_that_are_looked_at_together_are_told_apart_as_each_alone(texts: list[str]) -> None:
    assert distinctive_among(texts) == [text for text in texts if is_distinctive(text)]


plain_parts = st.text(st.sampled_from("ab9._-"), min_size=1, max_size=8)


@settings(max_examples=tries(500), deadline=None)
@given(plain_parts, plain_parts, st.sampled_from(["org", "xn--p1ai", "com-", "co.uk"]))
def test_a_plain_address_is_found_as_within_a_text(left: str, right: str, end: str) -> None:
    address = f"{left}@{right}.{end}"
    alone = {ref for ref in mentions(address, region="FR") if ref.startswith("email:")}
    # Behind a blank it is searched for sign by sign.
    within = {ref for ref in mentions(f" {address}", region="FR") if ref.startswith("email:")}
    assert alone == within
