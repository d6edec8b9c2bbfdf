"""Whatever is in a file that people write, it is read or refused, and nothing else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.lib.documents import NotADocument, read_document

MISLEADING = [
    "a: " + "9" * 5000,
    "a: 2026-13-45",
    "a: 2026-01-01T00:00:00+99:99",
    "a: !!int ''",
    "a: !!float x",
    "a: !!bool maybe",
    "a: !!timestamp x",
    "a: !!binary 'x'",
    "a: !!python/name:os.system",
    "? [a]\n: 1",
    "[" * 100_000,
    '{"a":' * 100_000,
    "a: *nobody",
    "a: \0",
    "a: \ud800",
]
TAGS = ("", "!!int ", "!!float ", "!!bool ", "!!timestamp ", "!!set ", "!!omap ", "!!pairs ")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("aé\U0001f600"), inner),
)  # fmt: skip


@pytest.mark.parametrize("text", MISLEADING, ids=range(len(MISLEADING)))
def test_what_only_looks_like_a_document_is_refused(text: str):
    with pytest.raises(NotADocument, match="neither JSON nor YAML"):
        read_document(text)


@given(st.sampled_from(TAGS), st.text("0123456789-+:.eExXbo_ \n[]{}&*'\"Tz", max_size=30))
def test_any_text_is_read_or_refused(tag: str, text: str):
    with suppress(NotADocument):
        read_document(f"a: {tag}{text}")


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(content: bytes):
    with suppress(NotADocument):
        read_document(content)


@given(PLAIN, st.booleans())
def test_json_is_read_as_json(value: Any, is_ascii: bool):
    assert read_document(json.dumps(value, ensure_ascii=is_ascii)) == value


def test_the_line_of_a_fault_is_named():
    with pytest.raises(NotADocument, match="in line 3"):
        read_document("a: 1\nb: 2\nc: [")
