"""The canonical spelling: what comes back from jsonb hashes as what went in."""

import json
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.lib.digests import canonical_json, event_digest, keyed_digest
from tests.tries import tries

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | texts
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@pytest.mark.django_db
def test_a_value_hashes_the_same_after_the_database_had_it() -> None:
    @settings(max_examples=tries(150), deadline=None)
    @given(st.dictionaries(texts, values, max_size=4))
    def comes_back(value: dict) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT (%s::jsonb)::text", [json.dumps(value)])
            again = json.loads(cursor.fetchone()[0])
        assert canonical_json(again) == canonical_json(value)

    comes_back()


def test_different_values_are_spelled_differently() -> None:
    spelled = [
        canonical_json(value)
        for value in (1, "1", True, None, [1], {"a": 1}, {"a": "1"}, {"number": "1"}, 1.5, -1, {})
    ]
    assert len(set(spelled)) == len(spelled)
    assert canonical_json(1.0) == canonical_json(1) == canonical_json(Decimal("1.00"))
    assert canonical_json(-0.0) == canonical_json(0)


def test_a_digest_changes_with_salt_row_and_evidence() -> None:
    digests = {
        event_digest("s", {"a": 1}, {}),
        event_digest("t", {"a": 1}, {}),
        event_digest("s", {"a": 2}, {}),
        event_digest("s", {"a": 1}, {"b": 1}),
    }
    assert len(digests) == 4


def test_words_cannot_run_into_each_other() -> None:
    assert keyed_digest("k", "ab", "c") != keyed_digest("k", "a", "bc")
