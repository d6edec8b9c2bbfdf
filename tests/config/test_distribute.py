"""`manage.py distribute` on a PostgreSQL without Citus; `script/test-cluster` runs it on one."""

import pytest
from django.core.management import CommandError, call_command

from config.cluster.layout import keys_to_people, spread_tables


@pytest.mark.django_db
@pytest.mark.parametrize("options", [{}, {"check": True}, {"shards": 8}])
def test_a_database_without_citus_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="CREATE EXTENSION citus"):
        call_command("distribute", **options)


def test_people_come_first_and_what_lies_beside_them_next() -> None:
    tables = spread_tables()
    assert (tables[0].name, tables[0].column) == ("profiles_profile", "id")
    beside = [table.is_beside_people for table in tables[1:]]
    assert beside == sorted(beside, reverse=True)
    assert {table.name: table.column for table in tables if not table.is_beside_people} == {
        "profiles_profile": "id",
        "profiles_identifier": "value",
        "profiles_seenmessage": "digest",
    }


def test_only_keys_to_people_are_checked_by_the_database_of_a_cluster() -> None:
    keys = {
        (table.name, field.column) for table in spread_tables() for field in keys_to_people(table)
    }
    assert {column for _, column in keys} == {"profile_id"}
