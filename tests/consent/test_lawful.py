"""Since when a purpose is not lawful: never where the gate permits it, and always where not."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consent.ledger.fold import StateRow
from consent.ledger.gate import GateTerms, is_permitted
from consent.models import LegalBasis, State
from consent.retention.lawful import PurposeGate, end_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TIMES = st.integers(-50, 50).map(lambda days: NOW + timedelta(days=days))
PAST = st.integers(-50, 0).map(lambda days: NOW + timedelta(days=days))
TERMS = st.builds(
    GateTerms, st.sampled_from(LegalBasis.values), st.booleans(), st.integers(1, 3), st.booleans()
)
ROWS = st.builds(
    StateRow,
    state=st.sampled_from(State.values),
    version=st.integers(0, 3),
    decided_at=st.one_of(st.none(), PAST),
    valid_until=st.one_of(st.none(), TIMES),
    is_objected=st.booleans(),
    objected_at=st.one_of(st.none(), PAST),
)


@given(TERMS, ROWS, PAST)
def test_a_purpose_has_an_end_just_where_the_gate_is_closed(
    terms: GateTerms, row: StateRow, changed_at: datetime
) -> None:
    end = end_of(PurposeGate(terms, changed_at), row, now=NOW)
    assert (end is None) == is_permitted(terms, row, is_restricted=False, at=NOW)
    assert end in (None, "never") or end <= NOW
