"""Identifiers stored by normaliser version 1 get the spelling of now, where it is free."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from profiles.identity.verify import find_drift
from profiles.models import Identifier, Profile
from tests import joins
from tests.factories import make_profile, send_messages

MIGRATION = import_module("profiles.migrations.0007_order_and_spelling")


def respell() -> None:
    MIGRATION.respell_identifiers(None, SimpleNamespace(connection=connection))
    # It ran before any store was spread, and joins people with identifiers.
    joins.observed.clear()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("namespace", "stored", "spelled"),
    [
        ("user_id", "e\u0301va", "\u00e9va"),
        ("anonymous_id", "\u200ba-9", "a-9"),
        ("phone", "+5215512345678", "+525512345678"),
        ("user_id", "\u96ea", "\u96ea"),
    ],
)
def test_a_free_spelling_is_taken_and_the_golden_trait_follows(
    namespace: str, stored: str, spelled: str
) -> None:
    key = {"user_id": "userId", "anonymous_id": "anonymousId"}.get(namespace, "userId")
    traits = {"phone": spelled} if namespace == "phone" else {"city": "Lyon"}
    send_messages({key: "u1" if namespace == "phone" else spelled, "traits": traits})
    # As version 1 had stored it.
    Identifier.objects.filter(namespace=namespace, value=spelled).update(value=stored)
    if namespace == "phone":
        Profile.objects.update(traits={"phone": stored})
    for _ in range(2):
        respell()
        assert Identifier.objects.get(namespace=namespace).value == spelled
        assert Profile.objects.get().traits == traits
        assert not list(find_drift())


@pytest.mark.django_db
def test_a_spelling_that_is_somebody_s_stays_theirs() -> None:
    make_profile("user_id:\u00e9va")
    make_profile("user_id:e\u0301va")
    respell()
    stored = Identifier.objects.filter(namespace="user_id").values_list("value", flat=True)
    assert set(stored) == {"\u00e9va", "e\u0301va"}
