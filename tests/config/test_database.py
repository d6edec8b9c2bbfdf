"""Partitions of the database, and the copies of it that tests get."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from profiles.lib import partitions
from profiles.models import Source
from tests.factories import make_source


@pytest.mark.django_db
def test_months_ahead_are_made_once() -> None:
    later = partitions.month_start(datetime.now(UTC), 5)
    assert partitions.make_months("profiles_event", now=later) == 5
    assert partitions.make_months("profiles_event", now=later) == 0


def test_a_committing_test_has_a_database_of_its_own(committing_db: str) -> None:
    with transaction.atomic():
        make_source(key="committed")
    connection.close()
    assert Source.objects.filter(key="committed").exists()
    assert connection.settings_dict["NAME"] == committing_db
