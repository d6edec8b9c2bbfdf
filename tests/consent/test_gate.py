"""The gate: its rules, and that its two forms agree."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from consent.ledger.fold import StateRow
from consent.ledger.gate import GateTerms, displayed_state, is_permitted
from consent.models import ConsentState, LegalBasis, Purpose, State
from consent.services import PERMITTED, current_states, may_process
from profiles.models import Profile
from tests.factories import NOW, make_profile, make_purpose


def permits(
    basis: str = "consent", *, restricted: bool = False, marketing: bool = False, **row: Any
) -> bool:
    terms = GateTerms(basis, marketing, minimum_version=2)
    return is_permitted(terms, StateRow(**{"version": 2} | row), is_restricted=restricted, at=NOW)


def test_a_basis_of_consent_needs_one_to_the_current_text() -> None:
    assert permits(state="given")
    assert permits(state="renewed")
    assert not permits()
    assert not permits(state="given", version=1)
    assert not permits(state="withdrawn")


def test_a_consent_ends_at_its_last_instant() -> None:
    assert permits(state="given", valid_until=NOW + timedelta(microseconds=1))
    assert not permits(state="given", valid_until=NOW)


def test_other_bases_need_no_consent() -> None:
    for basis in set(LegalBasis.values) - {"consent"}:
        assert permits(basis)


def test_an_objection_stops_what_can_be_objected_to() -> None:
    for basis in ("legitimate_interest", "public_task", "consent"):
        assert not permits(basis, state="given", is_objected=True)
    for basis in ("contract", "legal_obligation", "vital_interest"):
        assert permits(basis, is_objected=True)
        assert not permits(basis, is_objected=True, marketing=True)


def test_nothing_is_permitted_for_a_restricted_profile() -> None:
    for basis in LegalBasis.values:
        assert not permits(basis, restricted=True, state="given")


def test_consent_to_a_text_that_changed_in_substance_shows_as_requested() -> None:
    terms = GateTerms("consent", False, minimum_version=2)
    assert displayed_state(terms, StateRow("given", 1)) == "requested"
    assert displayed_state(terms, StateRow("given", 2)) == "given"
    assert displayed_state(terms, StateRow("withdrawn", 1)) == "withdrawn"


@pytest.mark.django_db
def test_an_unknown_purpose_or_profile_is_refused() -> None:
    profile = make_profile()
    make_purpose("contract-care", legal_basis="contract")
    assert may_process(profile.pk, "contract-care", at=NOW)
    assert not may_process(profile.pk, "unheard-of", at=NOW)
    assert not may_process(profile.pk + 1000, "contract-care", at=NOW)
    assert _permitted("unheard-of", NOW) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_the_gate_for_one_and_the_gate_for_sets_agree(seed: int) -> None:
    rng = random.Random(seed)
    profiles = [make_profile(is_restricted=rng.random() < 0.2) for _ in range(40)]
    purposes = [_random_purpose(rng, number) for number in range(8)]
    for profile in profiles:
        for purpose in purposes:
            if rng.random() < 0.8:
                ConsentState.objects.create(
                    profile=profile,
                    purpose=purpose,
                    state=rng.choice(State.values),
                    version=rng.randint(0, 3),
                    valid_until=rng.choice([None, NOW, NOW + timedelta(days=1)]),
                    is_objected=rng.random() < 0.3,
                )
    for at in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=2)):
        states = current_states([profile.pk for profile in profiles], at=at)
        for purpose in purposes:
            expected = {
                profile.pk for profile in profiles if may_process(profile.pk, purpose.key, at=at)
            }
            assert _permitted(purpose.key, at) == expected
            assert {pk for pk in states if states[pk][purpose.key]["permitted"]} == expected


def _random_purpose(rng: random.Random, number: int) -> Purpose:
    purpose = make_purpose(
        f"purpose-{number}",
        legal_basis=rng.choice(["consent", "consent", *LegalBasis.values]),
        is_direct_marketing=rng.random() < 0.4,
    )
    purpose.minimum_version = rng.randint(1, 3)
    purpose.save()
    return purpose


def _permitted(purpose: str, at: Any) -> set[int]:
    assert Profile.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id FROM profiles_profile p WHERE " + PERMITTED, {"purpose": purpose, "at": at}
        )
        return {pk for (pk,) in cursor.fetchall()}
