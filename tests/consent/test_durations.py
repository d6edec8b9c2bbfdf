"""Calendar durations: due dates and validities."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.lib.durations import add_duration, parse_duration
from profiles.lib.calendar import add_months

moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-08-31", 13, "2027-09-30"),
        ("2028-02-29", 12, "2029-02-28"),
    ],
)
def test_months_are_clamped_to_the_end_of_the_month(start: str, months: int, end: str) -> None:
    begins = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert add_months(begins, months).date().isoformat() == end


def test_a_duration_has_years_months_weeks_and_days() -> None:
    begins = datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert add_duration(begins, "P13M") == datetime(2027, 2, 28, 8, tzinfo=UTC)
    assert add_duration(begins, "P1Y1M1W1D") == datetime(2027, 3, 8, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "P", "13M", "P0D", "PT5H", "P1.5Y", "P-1D", "p1d", "P1D "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


@given(moments, st.integers(0, 600))
def test_months_keep_the_day_or_are_the_last_of_a_shorter_month(
    begins: datetime, months: int
) -> None:
    end = add_months(begins, months)
    assert (end.year * 12 + end.month) - (begins.year * 12 + begins.month) == months
    assert end.day <= begins.day
    assert end.time() == begins.time()
