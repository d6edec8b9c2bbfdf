"""The meaning of dates and windows: the rules of docs/segments.md, one test each."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from tests.factories import NOW
from tests.segments.evaluations import (
    orders,
    trait,
    who,
    with_values,
)
from tests.segments.worlds import at_edge, order_at

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


def test_on_a_day_is_within_the_local_day_and_on_an_instant_that_instant() -> None:
    people = with_values("2026-03-15", "2026-03-14T23:30:00Z", "2026-03-15T23:30:00Z", "soon")
    assert who(trait("a", "on", "2026-03-15"), people) == {"'2026-03-15'", "'2026-03-14T23:30:00Z'"}
    assert who(trait("a", "on", "2026-03-16T00:30"), people) == {"'2026-03-15T23:30:00Z'"}


def test_between_dates_takes_both_days_whole() -> None:
    people = with_values("2026-03-13", "2026-03-14", "2026-03-15T22:59:59Z", "2026-03-15T23:00:00Z")
    march = trait("a", "between", ["2026-03-14", "2026-03-15"])
    assert who(march, people) == {"'2026-03-14'", "'2026-03-15T22:59:59Z'"}
    backwards = trait("a", "between", ["2026-03-14T02:00+01:00", "2026-03-14T00:30Z"])
    assert who(backwards, people) == set()


def test_in_next_starts_a_duration_before_and_ends_when_the_date_has_come() -> None:
    people = with_values(
        "2026-03-15", "2026-03-22T12:00:00Z", "2026-03-22T12:00:01Z", "2026-03-15T12:00:00Z"
    )
    week = trait("a", "in_next", {"days": 7})
    assert who(week, people) == {"'2026-03-15'", "'2026-03-22T12:00:00Z'"}
    assert "missing" in who(trait("a", "not_in_next", {"days": 7}), people)


def test_more_than_ago_begins_when_in_last_ends() -> None:
    edge = (NOW - timedelta(days=30)).isoformat()
    people = with_values(edge, (NOW - timedelta(days=30) + MICROSECOND).isoformat(), "x")
    assert who(trait("a", "more_than_ago", {"days": 30}), people) == {repr(edge)}


def test_this_and_previous_are_whole_local_periods() -> None:
    people = with_values(
        "2026-03-31", "2026-02-28T22:59:59Z", "2026-02-28T23:00:00Z", "2026-01-01", "2026-03-09"
    )
    assert who(trait("a", "this", "month"), people) == {
        *("'2026-03-31'", "'2026-02-28T23:00:00Z'", "'2026-03-09'")
    }
    assert who(trait("a", "previous", "month"), people) == {"'2026-02-28T22:59:59Z'"}
    # 15 March 2026 is a Sunday.
    assert who(trait("a", "this", "week"), people) == {"'2026-03-09'"}
    assert who(trait("a", "this", "quarter"), people) == {
        repr(value)
        for value in (
            "2026-03-31",
            "2026-02-28T22:59:59Z",
            "2026-02-28T23:00:00Z",
            "2026-01-01",
            "2026-03-09",
        )
    }


def test_weeks_start_on_the_configured_day(settings: Settings) -> None:
    people = with_values("2026-03-09", "2026-03-15", "2026-03-21")
    settings.WEEK_STARTS_ON = 6
    assert who(trait("a", "this", "week"), people) == {"'2026-03-15'", "'2026-03-21'"}


def test_an_anniversary_counts_from_so_long_before_its_day_until_the_end_of_it() -> None:
    people = with_values("1990-03-15", "1990-03-22", "1990-03-23", "1992-02-29", "2026-03-18")
    week = trait("a", "anniversary_in_next", {"days": 7})
    assert who(week, people) == {"'1990-03-15'", "'1990-03-22'"}
    leap = datetime(2026, 2, 24, 12, 0, tzinfo=UTC)
    assert who(week, people, leap) == {"'1992-02-29'"}


def test_an_age_has_one_end_where_one_is_asked() -> None:
    people = with_values("2008-03-15", "2008-03-16", "1900-01-01", "2030-01-01")
    assert who(trait("a", "age_gte", 18), people) == {"'2008-03-15'", "'1900-01-01'"}
    assert who(trait("a", "age_lte", 17), people) == {"'2008-03-16'"}


def test_between_ago_holds_what_is_older_than_one_and_younger_than_the_other() -> None:
    window = {"between_ago": [{"days": 90}, {"days": 30}]}
    people = at_edge(
        too_young=order_at(NOW - timedelta(days=30) + MICROSECOND),
        youngest=order_at(NOW - timedelta(days=30)),
        oldest=order_at(NOW - timedelta(days=90) + MICROSECOND),
        too_old=order_at(NOW - timedelta(days=90)),
    )
    assert who(orders(window=window), people) == {"youngest", "oldest"}


def test_this_month_ends_now_and_the_previous_one_is_whole() -> None:
    people = at_edge(
        later=order_at(NOW + MICROSECOND),
        now=order_at(NOW),
        last=order_at(datetime(2026, 2, 28, 22, 59, tzinfo=UTC)),
        older=order_at(datetime(2026, 1, 31, 22, 59, tzinfo=UTC)),
    )
    assert who(orders(window={"this": "month"}), people) == {"now"}
    assert who(orders(window={"previous": "month"}), people) == {"last"}
