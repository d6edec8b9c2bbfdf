"""Restrictions of people who are joined and parted: they follow the identifiers that were named."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consent.models import PrivacyRequest
from consent.services import (
    NewRequest,
    act_on_requests,
    lift_restriction,
    may_process,
    open_request,
)
from profiles.lib.database import database_now
from profiles.models import Identifier, IdentityDecision
from profiles.services import NewDecision, decide, undo_decision
from tests.factories import TESTER, make_purpose, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
PEOPLE = ("ada", "bob", "cy")
PAIRS = (("ada", "bob"), ("bob", "cy"), ("ada", "cy"))
STEPS = st.one_of(
    st.tuples(st.sampled_from(["join", "part"]), st.sampled_from(PAIRS)),
    st.tuples(st.just("restrict"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("lift"), st.integers(0, 2)),
)


class NaiveRestrictions:
    """Whom each standing request named, and who is one person, in plain sets."""

    def __init__(self) -> None:
        self.joined: set[tuple[str, str]] = set()
        self.requests: list[set[str]] = []
        self.lifted: set[int] = set()

    def cluster(self, name: str) -> set[str]:
        reached = {name}
        while (
            more := {each for pair in self.joined if reached & {*pair} for each in pair} - reached
        ):
            reached |= more
        return reached

    def restricted(self) -> set[str]:
        standing = [who for number, who in enumerate(self.requests) if number not in self.lifted]
        return {name for name in PEOPLE if any(self.cluster(name) & who for who in standing)}


class Story:
    """The same steps, done with the product and with the sets."""

    def __init__(self) -> None:
        for name in PEOPLE:
            send_messages({"userId": name, "traits": {"email": f"{name}@example.org"}})
        self.naive = NaiveRestrictions()
        self.decisions: dict[tuple[str, str], IdentityDecision] = {}
        self.requests: list[PrivacyRequest] = []

    def take(self, step: str, whom: Any) -> None:
        naive = self.naive
        match step:
            case "join" if whom not in naive.joined:
                one, other = (Identifier.objects.get(namespace="user_id", value=n) for n in whom)
                self.decisions[whom] = decide(
                    NewDecision("same", one, other, "One person."), actor=TESTER
                )
                naive.joined.add(whom)
            case "part" if whom in naive.joined:
                undo_decision(self.decisions.pop(whom), actor=TESTER)
                naive.joined.remove(whom)
            case "restrict":
                self.requests.append(restrict(whom))
                naive.requests.append(naive.cluster(whom))
            case "lift" if whom < len(self.requests) and whom not in naive.lifted:
                request = self.requests[whom]
                lift_restriction(request, actor=TESTER, reason="Over.", now=database_now())
                naive.lifted.add(whom)


def restrict(name: str) -> PrivacyRequest:
    asked = NewRequest(kind="restriction", references=(f"user_id:{name}",), reason="")
    request = open_request(asked, door="service", actor=TESTER)
    act_on_requests()
    return request


def restricted() -> set[str]:
    return {name for name in PEOPLE if profile_of(f"user_id:{name}").is_restricted}


@hypothesis_settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=12))
@example([("restrict", "bob"), ("join", PAIRS[0]), ("part", PAIRS[0]), ("join", PAIRS[2])])
def test_whoever_has_an_identifier_that_a_standing_request_names_is_restricted_and_no_other(
    steps: list[tuple[str, Any]],
) -> None:
    with transaction.atomic():
        story = Story()
        for step in steps:
            story.take(*step)
            assert restricted() == story.naive.restricted()
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", PEOPLE[:2])
def test_the_half_that_nobody_asked_about_may_be_used_again(name: str) -> None:
    """Whichever of the two keeps the profile."""
    make_purpose("orders", legal_basis="contract")
    story = Story()
    story.take("restrict", name)
    story.take("join", ("ada", "bob"))
    assert restricted() == {"ada", "bob"}
    story.take("part", ("ada", "bob"))
    assert restricted() == {name}
    now = database_now()
    permitted = {n for n in PEOPLE if may_process(profile_of(f"user_id:{n}").pk, "orders", at=now)}
    assert permitted == {*PEOPLE} - {name}


def test_both_halves_stay_restricted_that_were_restricted_as_one() -> None:
    story = Story()
    for step in ("join", ("ada", "bob")), ("restrict", "ada"), ("part", ("ada", "bob")):
        story.take(*step)
    assert restricted() == {"ada", "bob"}
