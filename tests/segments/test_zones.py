"""PostgreSQL and Python compute the same local times, and a difference is told."""

from datetime import UTC, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from segments.checks import check_zone, first_difference

pytestmark = pytest.mark.django_db
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


@pytest.mark.parametrize("name", ZONES)
def test_both_agree_on_every_change_of_the_clocks(name: str) -> None:
    assert first_difference(ZoneInfo(name), 2026) is None


def test_the_first_instant_is_told_at_which_they_disagree() -> None:
    with (files("tzdata.zoneinfo") / "UTC").open("rb") as file:
        # As if Python knew no summer time of London.
        zone = ZoneInfo.from_file(file, key="Europe/London")
    # London kept summer time until the end of October 1971.
    assert first_difference(zone, 2026) == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_check_needs_a_database_and_says_nothing_where_both_agree(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Paris"
    assert check_zone() == []
    assert check_zone(databases=["default"]) == []
