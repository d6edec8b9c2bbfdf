"""Households: who is tied to whom by verdicts and addresses, against a naive reading."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.households import MOST_PEOPLE, address_of, household_of
from profiles.models import DecisionVerdict, Identifier, IdentityDecision, Profile
from profiles.services import NewDecision, decide, undo_decision
from tests.admin import sign_in
from tests.factories import TESTER, make_client, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
HOME = {"street": "1 rue de la Paix", "postalCode": "69001", "city": "Lyon"}
ELSEWHERE = HOME | {"street": "2 rue de la Paix"}


def meet(user: str, address: dict[str, Any] | None = None) -> Profile:
    traits = {"first_name": user} | ({"address": address} if address else {})
    send_messages({"userId": user, "traits": traits})
    return profile_of(f"user_id:{user}")


def relate(one: str, other: str, verdict: str = "related") -> IdentityDecision:
    sides = [Identifier.objects.get(namespace="user_id", value=user) for user in (one, other)]
    return decide(NewDecision(DecisionVerdict(verdict), *sides, reason="Told."), actor=TESTER)


def household(user: str) -> dict[str, list[str]]:
    return {
        each.profile.traits["first_name"]: [str(reason) for reason in each.reasons]
        for each in household_of(profile_of(f"user_id:{user}"))
    }


def test_verdicts_and_addresses_tie_people_and_ties_go_on() -> None:
    for user, address in {"ada": HOME, "bob": HOME, "cid": None, "dan": ELSEWHERE}.items():
        meet(user, address)
    decision = relate("bob", "cid")
    assert household("ada") == {"bob": ["address"], "cid": ["related"]}
    assert household("cid") == {"bob": ["related"], "ada": ["address"]}
    assert household("dan") == {}
    undo_decision(decision, actor=TESTER)
    assert household("ada") == {"bob": ["address"]}


def test_neither_restricted_people_nor_an_address_of_very_many_make_a_household(
    settings: Any,
) -> None:
    settings.HOUSEHOLD_MOST = 2
    for user in ("ada", "bob"):
        meet(user, HOME)
    assert set(household("ada")) == {"bob"}
    Profile.objects.filter(pk=profile_of("user_id:bob").pk).update(is_restricted=True)
    assert household("ada") == household("bob") == {}
    for user in ("cid", "dan"):
        meet(user, HOME)
    assert household("ada") == {}


def test_looking_ends_where_there_are_more_than_a_household_has() -> None:
    users = [f"u{number}" for number in range(MOST_PEOPLE + 5)]
    for user in users:
        meet(user)
    for one, other in pairwise(users):
        relate(one, other)
    assert len(household("u0")) == MOST_PEOPLE


@pytest.mark.parametrize(
    "address",
    [
        {"street": "1 rue de la Paix", "city": "Lyon"},
        HOME | {"city": " "},
        HOME | {"postalCode": None},
        HOME | {"street": ["1", "rue"]},
        "1 rue de la Paix, Lyon",
        None,
    ],
)
def test_half_an_address_is_none(address: Any) -> None:
    assert address_of({"address": address}) is None


@settings(
    max_examples=tries(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    homes=st.lists(st.sampled_from([None, HOME, ELSEWHERE]), min_size=2, max_size=5),
    pairs=st.sets(st.sampled_from(list(combinations(range(5), 2))), max_size=4),
)
def test_a_household_is_all_that_ties_reach(
    homes: list[dict[str, Any] | None], pairs: set[tuple[int, int]]
) -> None:
    with transaction.atomic():
        for number, home in enumerate(homes):
            meet(f"u{number}", home)
        ties = {pair for pair in pairs if max(pair) < len(homes)}
        for one, other in ties:
            relate(f"u{one}", f"u{other}")
        for one, other in combinations(range(len(homes)), 2):
            if homes[one] is not None and homes[one] == homes[other]:
                ties.add((one, other))
        for number in range(len(homes)):
            assert set(household(f"u{number}")) == {f"u{one}" for one in reached(number, ties)}
        transaction.set_rollback(True)


def reached(start: int, ties: set[tuple[int, int]]) -> set[int]:
    known, before = {start}, set[int]()
    while known != before:
        before = set(known)
        known |= {side for tie in ties if before & set(tie) for side in tie}
    return known - {start}


def test_the_api_and_the_page_show_a_household_and_log_who_was_read() -> None:
    ada, bob = meet("ada", HOME), meet("bob", HOME)
    answer = make_client("profiles:read").get(f"/api/v1/profiles/{ada.uuid}/household/").json()
    assert answer["results"] == [{"profile": str(bob.uuid), "reasons": ["address"]}]
    section = reverse("admin:profiles_profile_section", args=[ada.pk, "household"])
    page = sign_in().get(section).content.decode()
    assert "bob" in page
    assert "the same address" in page
    masked = sign_in("marketer").get(section).content.decode()
    assert "bob" not in masked
