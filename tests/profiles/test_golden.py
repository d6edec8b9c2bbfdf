"""Golden traits equal those of the naive oracle, whatever the order of the statements."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from profiles.traits.golden import Contact, Lock, Policy, Statement, golden_traits
from tests.oracles import traits as oracle

KEYS = ("city", "score", "email", "phone")
ADDRESSES = ("ada@example.org", "eve@example.org", "+33612345678")
values = st.sampled_from([None, "Lyon", "Rome", 1, True, ["a"], {"a": 1}, " Ada@Example.org "])
empty_values = st.sampled_from(["", " ", [], {}, 0, False])
statements = st.builds(
    Statement,
    value=values | empty_values,
    at=st.integers(0, 2),
    arrival=st.integers(0, 2),
    trust=st.integers(1, 3),
    source_id=st.integers(1, 2),
    source_priority=st.integers(0, 2),
    identifier_id=st.just(1),
)
contacts = st.builds(
    Contact,
    namespace=st.sampled_from(("email", "phone")),
    value=st.sampled_from(ADDRESSES),
    is_vouched=st.booleans(),
    since=st.sampled_from((date(2026, 1, 1), date(2026, 1, 2))),
)
locks = st.builds(Lock, value=values | st.sampled_from(ADDRESSES), at=st.just(1))


@given(
    stated=st.dictionaries(st.sampled_from(KEYS), st.lists(statements, min_size=1, max_size=5)),
    locked=st.dictionaries(st.sampled_from(KEYS), locks),
    policies=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(Policy)),
    held=st.lists(contacts, max_size=4, unique_by=lambda contact: contact[:2]),
    computed=st.dictionaries(st.sampled_from(("score", "spent")), st.none() | st.integers(0, 2)),
    dice=st.randoms(use_true_random=False),
)
def test_golden_traits_equal_the_oracle_in_every_order(
    stated: dict[str, list[Statement]],
    locked: dict[str, Lock],
    policies: dict[str, Policy],
    held: list[Contact],
    computed: dict[str, Any],
    dice: Any,
) -> None:
    expected = oracle.golden(stated, locked, policies, held, computed)
    for each in (*stated.values(), held):
        dice.shuffle(each)
    assert golden_traits(stated, locked, policies, held, computed) == expected
