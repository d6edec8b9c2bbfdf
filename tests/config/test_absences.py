"""Tests that something is absent must not fail by chance."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.random_ids import without_ids

TESTS = Path(__file__).parents[1]
# Shorter ones than this are in one of a few thousand ids; longer ones in none that is ever made.
SHORT = re.compile(r"[0-9a-f]{2,6}")


def chances(code: str) -> Iterator[str]:
    """The comparisons that a random id can fail: a short hexadecimal word `not in` some text."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.NotIn):
            continue
        word, text = node.left, node.comparators[0]
        if not isinstance(word, ast.Constant) or f"{without_ids.__name__}(" in ast.unparse(text):
            continue
        value = word.value.decode() if isinstance(word.value, bytes) else word.value
        if isinstance(value, str) and SHORT.fullmatch(value):
            yield ast.unparse(node)


def test_no_random_id_fails_a_test() -> None:
    assert [
        (path.name, comparison)
        for path in TESTS.rglob("test_*.py")
        for comparison in chances(path.read_text())
    ] == []


def test_what_is_found_and_what_is_not() -> None:
    found = ['"ada" not in page', 'b"ada" not in data', '"ada" not in str(x)']
    assert [list(chances(f"assert {code}")) != [] for code in found] == [True] * 3
    fine = [
        '"ada" not in without_ids(page)',
        '"ada@" not in page',
        '"Zoe" not in page',
        "x not in y",
    ]
    assert [list(chances(f"assert {code}")) for code in fine] == [[]] * 4
    assert without_ids("ada 50424fa7-1ada-4440-a2ba-2670e1eb1c71") == "ada "
