"""Nothing that is held about people is unknown to access and erasure."""

from copy import deepcopy

import pytest
from django.core.checks import run_checks
from django.db import connection

from profiles.checks import (
    check_declarations,
    check_tables,
    declaration_faults,
    table_faults,
)
from profiles.models import EventName, Profile
from profiles.personal_data.profiles import ProfileData
from profiles.registry import Registry, registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def changed() -> Registry:
    """A copy of the registry, for a test to change."""
    return deepcopy(registry)


def test_all_models_and_tables_are_declared_or_exempt() -> None:
    assert check_declarations() == []
    assert check_tables(databases=["default"]) == []


def test_the_checks_run_with_the_others() -> None:
    assert [fault for fault in run_checks(databases=["default"]) if "profiles" in fault.id] == []


def test_a_model_that_nobody_declares_is_a_fault(changed: Registry) -> None:
    del changed.exemptions["profiles.eventname"]
    (fault,) = declaration_faults(changed)
    assert (fault.id, "profiles.EventName" in fault.msg) == ("profiles.E001", True)
    assert [fault.id for fault in table_faults(changed)] == ["profiles.E004"]


def test_a_model_that_is_declared_and_exempt_is_a_fault(changed: Registry) -> None:
    changed.exempt({Profile: "Nothing personal."})
    assert [fault.id for fault in declaration_faults(changed)] == ["profiles.E003"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"technical": ("id", "uuid", "created_at")}, "is_restricted"),
        ({"given": ("traits",)}, "traits"),
        ({"given": ("shoe_size",)}, "shoe_size"),
    ],
    ids=["a field without a class", "a field with two", "a name that is no field"],
)
def test_a_field_that_is_not_in_one_class_is_a_fault(
    changed: Registry, changes: dict[str, tuple[str, ...]], name: str
) -> None:
    changed.register(type("Declaration", (ProfileData,), changes))
    (fault,) = declaration_faults(changed)
    assert (fault.id, name in fault.msg) == ("profiles.E002", True)


def test_a_table_that_nobody_knows_is_a_fault() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten_notes (body text)")
    (fault,) = check_tables(databases=["default"])
    assert (fault.id, "forgotten_notes" in fault.msg) == ("profiles.E004", True)


def test_exemptions_give_a_reason() -> None:
    for label, reason in [*registry.exemptions.items(), *registry.exempt_tables.items()]:
        assert len(reason) > 10, label
    assert EventName._meta.label_lower in registry.exemptions


def test_each_phase_of_an_erasure_has_its_place() -> None:
    phases = {data.label: data.phase for data in registry.in_order_of_erasure()}
    assert min(phases, key=phases.__getitem__) == "segments.Membership"
    assert phases["profiles.IdentityOutcome"] < phases["profiles.IdentityFact"]
    assert phases["profiles.IdentityFact"] < phases["profiles.Identifier"]
    assert phases["profiles.Identifier"] < phases["consent.ConsentState"]
    assert phases["consent.ConsentState"] < phases["profiles.Profile"]
