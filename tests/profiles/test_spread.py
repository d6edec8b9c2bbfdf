"""What grows with people can lie on many machines: its columns, its keys, and their spreading."""

from copy import deepcopy

import pytest
from django.apps import apps
from django.core.checks import CheckMessage
from django.db import connection, models
from django.db.migrations.state import ProjectState
from django.test.utils import CaptureQueriesContext, isolate_apps
from hypothesis import given
from hypothesis import strategies as st

from profiles.lib.cluster import Spread, spread_column
from profiles.models import Profile, SourceRecord
from profiles.registry import PersonalData, Registry, registry
from profiles.spread_checks import check_spread, spread_faults
from tests import cluster


@pytest.fixture
def changed() -> Registry:
    """A copy of the registry, for a test to change."""
    return deepcopy(registry)


def declare(registry: Registry, model: type[models.Model], column: str) -> None:
    declaration = type("Declaration", (PersonalData,), {"model": model, "spread": column})
    registry.register(declaration)


def faults(model: type[models.Model], changed: Registry) -> list[CheckMessage]:
    return spread_faults([model], changed)


def test_everything_that_grows_with_people_is_spread() -> None:
    assert check_spread() == []
    tables = {apps.get_model(label)._meta.db_table for label in registry.spread}
    assert {"profiles_profile", "profiles_identifier", "profiles_event"} <= tables
    assert "profiles_identityfact" not in tables


def test_a_table_with_a_profile_that_is_not_spread_is_a_fault(changed: Registry) -> None:
    declare(changed, SourceRecord, "")
    grows, crosses = faults(SourceRecord, changed)
    assert (grows.id, "SourceRecord grows" in grows.msg) == ("profiles.E005", True)
    assert (crosses.id, "SourceRecord.profile" in crosses.msg) == ("profiles.E006", True)


def test_a_row_without_the_column_could_lie_nowhere(changed: Registry) -> None:
    declare(changed, SourceRecord, "nothing")
    assert "has no nothing" in faults(SourceRecord, changed)[0].msg


@given(
    unique=st.sets(st.sampled_from(["profile", "name", "other"]), min_size=1),
    is_single=st.booleans(),
    is_nullable=st.booleans(),
    is_checked=st.booleans(),
    is_checked_other=st.booleans(),
)
def test_every_key_has_the_column_and_stays_on_one_machine(
    unique: set[str], is_single: bool, is_nullable: bool, is_checked: bool, is_checked_other: bool
) -> None:
    with isolate_apps("profiles"):

        class Row(models.Model):
            profile = models.ForeignKey(
                Profile,
                models.DO_NOTHING,
                null=is_nullable,
                db_constraint=is_checked,
                related_name="+",
            )
            other = models.ForeignKey(
                SourceRecord,
                models.DO_NOTHING,
                db_constraint=is_checked_other,
                related_name="+",
            )
            name = models.TextField(unique=is_single)

            class Meta:
                app_label = "profiles"
                constraints = [models.UniqueConstraint(fields=sorted(unique), name="row_unique")]

            def __str__(self) -> str:
                return self.name

    changed = deepcopy(registry)
    declare(changed, Row, "profile_id")
    messages = [(fault.id, fault.msg) for fault in faults(Row, changed)]
    has_bad_key = not is_nullable and (is_single or "profile" not in unique)
    has_bad_column = is_nullable
    assert any(fault == "profiles.E005" for fault, _ in messages) == (has_bad_key or has_bad_column)
    assert any(fault == "profiles.E006" for fault, _ in messages) == is_checked_other


@pytest.mark.skipif(cluster.is_asked_for, reason="of one machine")
@pytest.mark.django_db
def test_without_a_cluster_nothing_is_spread() -> None:
    assert spread_column("profiles_profile") is None
    operation = Spread("profiles_sourcerecord")
    with CaptureQueriesContext(connection) as captured, connection.schema_editor() as editor:
        operation.database_forwards("profiles", editor, ProjectState(), ProjectState())
    assert not any("distributed" in query["sql"] for query in captured)
    assert operation.describe() == "Spread profiles_sourcerecord by profile_id"
