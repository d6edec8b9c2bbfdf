"""Local time is the same in Python and the database, also when clocks change and months end."""

import unicodedata
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.language.calendar import (
    add_duration,
    birthday,
    expiry_bands,
    latest_birth_date,
    local_date,
    local_instant,
    local_midnight,
    next_anniversary,
    parse_date,
    parse_span,
    shift_units,
    unit_start,
)
from segments.language.nodes import CalendarUnit, Duration, Unit
from tests.segments import drawn_people
from tests.segments.worlds import PARIS
from tests.tries import tries


def test_a_local_time_that_does_not_exist_is_the_later_instant() -> None:
    instant = local_instant(datetime(2026, 3, 29, 2, 30), PARIS)
    assert instant == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_local_time_that_exists_twice_is_the_first() -> None:
    instant = local_instant(datetime(2026, 10, 25, 2, 30), PARIS)
    assert instant == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_months_are_clamped_to_the_end_of_the_month() -> None:
    start = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
    end = add_duration(start, Duration(Unit.MONTHS, 1), PARIS)
    assert end == datetime(2026, 2, 28, 9, 0, tzinfo=UTC)


def test_a_day_lasts_86400_seconds_even_when_clocks_change() -> None:
    start = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    assert add_duration(start, Duration(Unit.DAYS, 1), PARIS) - start == timedelta(seconds=86_400)
    assert add_duration(start, Duration(Unit.MONTHS, 1), PARIS) == datetime(
        2026, 4, 28, 11, 0, tzinfo=UTC
    )


def test_birthdays_of_29_february_are_on_1_march_in_common_years() -> None:
    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert birthday(date(2008, 2, 29), 20) == date(2028, 2, 29)
    assert (
        latest_birth_date(date(2026, 2, 28), 18)
        < date(2008, 2, 29)
        <= latest_birth_date(date(2026, 3, 1), 18)
    )


durations = st.builds(
    Duration, st.sampled_from([Unit.DAYS, Unit.MONTHS, Unit.YEARS]), st.integers(1, 14)
)
moments = st.datetimes(datetime(2023, 1, 1), datetime(2028, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@settings(max_examples=tries(500))
@given(moments, durations, st.integers(0, 4 * 86_400), st.integers(-1, 4 * 86_400))
def test_what_expires_between_two_instants_lies_in_a_band(
    happened_at: datetime, duration: Duration, before: int, length: int
) -> None:
    leaves_at = add_duration(happened_at, duration, PARIS)
    since = leaves_at - timedelta(seconds=before)
    now = since + timedelta(seconds=length)
    is_expiring = since < leaves_at <= now
    bands = expiry_bands(since, now, duration, PARIS)
    assert not is_expiring or any(band.low < happened_at <= band.high for band in bands)


@pytest.mark.django_db
def test_the_database_reads_dates_and_adds_months_as_python_does() -> None:
    texts = [
        *drawn_people.DATES,
        *drawn_people.BIRTHS,
        "",
        "2026",
        "2026-03-15T12:00:00.1234567Z",
        "２０２６-03-15",
    ]
    local = st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 30)) | st.datetimes(
        datetime(2026, 10, 24), datetime(2026, 10, 26)
    )
    local_texts = local.map(datetime.isoformat) | st.builds(
        lambda moment, offset: moment.isoformat() + offset,
        local,
        st.sampled_from(["Z", "+02:00", "-0930", "+14:59", "+15:00"]),
    )

    @settings(max_examples=tries(200), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(texts) | local_texts, moments, st.integers(1, 30))
    def check(text: str, moment: datetime, months: int) -> None:
        statement = """
            SELECT segments_date(%s), lower(segments_span(%s, %s)), upper(segments_span(%s, %s)),
                segments_add(%s, %s, %s)"""
        zone = PARIS.key
        with connection.cursor() as cursor:
            cursor.execute(statement, [text, text, zone, text, zone, moment, months, zone])
            day, start, end, added = cursor.fetchone()
        span = parse_span(text, PARIS)
        assert day == parse_date(text)
        assert (start, end) == ((span.start, span.end) if span else (None, None))
        assert added == add_duration(moment, Duration(Unit.MONTHS, months), PARIS)

    check()


@pytest.mark.django_db
def test_the_database_finds_calendar_units_birthdays_and_anniversaries_as_python_does() -> None:
    days = st.dates(date(1890, 1, 1), date(2040, 12, 31)) | st.sampled_from(
        [date(2024, 2, 29), date(2000, 2, 29), date(2025, 2, 28)]
    )
    night = st.datetimes(datetime(2026, 3, 28, 22), datetime(2026, 3, 30)) | st.datetimes(
        datetime(2026, 10, 24, 22), datetime(2026, 10, 26)
    )
    instants = moments | night.map(lambda moment: moment.replace(tzinfo=UTC))

    @settings(max_examples=tries(300), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        instants,
        st.sampled_from(list(CalendarUnit)),
        st.integers(-13, 13),
        st.integers(0, 6),
        *[days] * 2,
        st.integers(0, 150),
    )
    def check(
        moment: datetime,
        unit: CalendarUnit,
        shift: int,
        week_start: int,
        birth: date,
        today: date,
        years: int,
    ) -> None:
        statement = """
            SELECT segments_unit(%s, %s, %s, %s, %s), segments_birthday(%s, %s),
                segments_anniversary(%s, %s)"""
        unit_operands = [moment, str(unit), shift, PARIS.key, week_start]
        with connection.cursor() as cursor:
            cursor.execute(statement, [*unit_operands, birth, years, birth, today])
            start, day, anniversary = cursor.fetchone()
        first = unit_start(local_date(moment, PARIS), unit, week_start)
        assert start == local_midnight(shift_units(first, unit, shift), PARIS)
        assert day == birthday(birth, years)
        assert anniversary == next_anniversary(birth, today)
        assert anniversary >= today
        assert anniversary > birth

    check()


@pytest.mark.django_db
def test_the_database_takes_the_accents_off_every_character_as_python_does() -> None:
    """Of the characters that Python's version of Unicode has."""
    known = [
        chr(code)
        for code in range(1, 0x110000)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT segments_plain(char) FROM unnest(%s::text[]) AS char", [known])
        plain = [text for (text,) in cursor.fetchall()]
    expected = [
        "".join(
            part
            for part in unicodedata.normalize("NFD", char)
            if not unicodedata.category(part).startswith("M")
        )
        for char in known
    ]
    assert plain == expected
