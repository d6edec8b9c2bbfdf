"""Verdicts on identifiers: what they join and part, and what their undoing gives back."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.services import verify_states
from profiles.identity.stored_facts import MANY
from profiles.identity.verify import find_drift
from profiles.models import (
    ActorKind,
    DecisionVerdict,
    Event,
    Identifier,
    IdentityDecision,
    Merge,
    Profile,
    ProfileChange,
    TrustLevel,
)
from profiles.services import (
    Actor,
    DecisionConflict,
    DecisionError,
    NewDecision,
    decide,
    undo_decision,
)
from tests.factories import TESTER, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
SERVICE = Actor(ActorKind.SERVICE, "1")
SAME, NOT_SAME, RELATED = DecisionVerdict


def identify(user: str, *, email: str = "", city: str = "") -> None:
    traits = {"email": email} if email else {}
    traits |= {"city": city} if city else {}
    message = {"type": "identify", "userId": user, "traits": traits}
    send_messages(message, {"type": "track", "userId": user, "event": "Viewed"}, source="shop")


def stored(reference: str) -> Identifier:
    namespace, _, value = reference.partition(":")
    return Identifier.objects.get(namespace=namespace, value=value)


def judge(verdict: DecisionVerdict, one: str, other: str, **options: Any) -> IdentityDecision:
    actor = options.pop("actor", TESTER)
    new = NewDecision(verdict, stored(one), stored(other), "seen by a steward", **options)
    return decide(new, actor=actor)


def sides() -> tuple[Profile, Profile]:
    identify("u1", email="ada@x.org", city="Lyon")
    identify("u2", email="eve@x.org", city="Rome")
    return profile_of("user_id:u1"), profile_of("user_id:u2")


def test_same_makes_one_profile_of_two_user_ids_and_undoing_gives_both_back():
    one, other = sides()
    decision = judge(SAME, "email:ada@x.org", "user_id:u2")
    assert profile_of("user_id:u2") == one
    assert profile_of(f"profile:{other.uuid}") == one
    assert Event.objects.filter(profile=one).count() == 2
    assert Merge.objects.get().rule == "decision"
    assert list(find_drift()) == []

    assert undo_decision(decision, actor=TESTER)
    parted = profile_of("user_id:u2")
    assert (parted.pk, parted.uuid, parted.traits) == (other.pk, other.uuid, other.traits)
    assert profile_of("user_id:u1").traits == one.traits
    assert Event.objects.get(profile=parted).profile_id == other.pk
    assert not Merge.objects.standing().exists()
    assert not undo_decision(decision, actor=TESTER)
    assert list(find_drift()) == []


def test_a_wrong_merge_is_undone_with_the_old_uuid_and_is_not_made_again():
    one, other = sides()
    shared = {"type": "identify", "traits": {"email": "eve@x.org", "phone": "+33612345678"}}
    send_messages({"type": "identify", "anonymousId": "a1", "traits": {"email": "ada@x.org"}})
    send_messages(shared | {"anonymousId": "a1"})
    assert profile_of("user_id:u1") != profile_of("user_id:u2")  # two user_ids are never one
    judge(SAME, "user_id:u1", "user_id:u2")
    judge(NOT_SAME, "user_id:u1", "user_id:u2")
    assert profile_of("user_id:u2").uuid == other.uuid
    send_messages(shared | {"anonymousId": "a1"})
    assert profile_of("user_id:u1") == one
    assert profile_of("user_id:u2") != one
    assert list(find_drift()) == []


def test_a_verdict_among_thousands_whom_refusals_tie_together_wakes_only_whom_it_moves():
    people = MANY // 2  # with their addresses and public UUIDs more than are read at once
    messages = [
        {"type": "identify", "userId": f"u{number}", "traits": {"email": f"p{number}@x.org"}}
        for number in range(people)
    ]
    send_messages(*messages, source="shop")
    # As shared addresses do that a rule refused.
    Identifier.objects.update(component=stored("user_id:u0").component)
    ProfileChange.objects.all().delete()
    judge(NOT_SAME, "user_id:u7", "email:p7@x.org")
    one, other = profile_of("user_id:u7"), profile_of("email:p7@x.org")
    assert one != other
    assert Profile.objects.count() == people + 1
    assert set(ProfileChange.objects.values_list("profile_id", flat=True)) == {one.pk, other.pk}
    assert list(find_drift()) == []


def test_same_holds_for_what_arrives_later():
    sides()
    judge(SAME, "user_id:u1", "user_id:u2")
    identify("u2", email="third@x.org")
    assert profile_of("email:third@x.org") == profile_of("user_id:u1")
    assert list(find_drift()) == []


def test_a_refused_identifier_joins_whom_it_is_decided_to_be():
    identify("u1", email="ada@x.org")
    message = {"type": "identify", "userId": "u2", "traits": {"email": "ada@x.org"}}
    send_messages(message, source="web", trust=TrustLevel.CLAIM)
    judge(SAME, "user_id:u1", "user_id:u2")
    assert profile_of("user_id:u2") == profile_of("user_id:u1")
    assert list(find_drift()) == []


def test_the_named_survivor_keeps_its_uuid_through_later_merges_until_it_is_undone():
    one, other = sides()
    decision = judge(SAME, "user_id:u1", "user_id:u2", survivor=other.uuid)
    assert profile_of("user_id:u1").uuid == other.uuid
    identify("u2", email="third@x.org")
    assert profile_of("user_id:u1").uuid == other.uuid
    undo_decision(decision, actor=TESTER)
    assert profile_of("user_id:u1").uuid == one.uuid
    assert profile_of("user_id:u2").uuid == other.uuid
    assert list(find_drift()) == []


def test_a_survivor_is_one_of_the_two_and_only_of_the_same():
    one, _ = sides()
    identify("u3")
    with pytest.raises(DecisionError) as error:
        judge(SAME, "user_id:u1", "user_id:u2", survivor=profile_of("user_id:u3").uuid)
    assert error.value.field == "survivor"
    with pytest.raises(DecisionError):
        judge(NOT_SAME, "user_id:u1", "user_id:u2", survivor=one.uuid)


def test_same_against_a_chain_of_verdicts_is_refused_and_names_it():
    sides()
    identify("u3")
    judge(RELATED, "user_id:u1", "user_id:u3")
    judge(SAME, "user_id:u1", "user_id:u2")
    with pytest.raises(DecisionConflict) as conflict:
        judge(SAME, "email:eve@x.org", "user_id:u3")
    assert conflict.value.rule == RELATED
    chain = [str(identifier) for identifier in conflict.value.chain]
    assert chain == ["email:eve@x.org", "user_id:u1", "user_id:u3"]
    assert profile_of("user_id:u3") != profile_of("user_id:u1")


def test_a_service_never_joins_two_values_of_a_unique_key():
    sides()
    with pytest.raises(DecisionConflict) as conflict:
        judge(SAME, "email:ada@x.org", "email:eve@x.org", actor=SERVICE)
    assert conflict.value.rule == "unique"


def test_the_newest_verdict_on_a_pair_takes_the_place_of_the_older():
    one, _ = sides()
    judge(NOT_SAME, "user_id:u1", "user_id:u2")
    judge(SAME, "user_id:u2", "user_id:u1")
    assert profile_of("user_id:u2") == one
    assert IdentityDecision.objects.count() == 2
    assert IdentityDecision.objects.get(ended_at=None).verdict == SAME


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    email = draw(st.sampled_from([None, "e1@x.org", "e2@x.org"]))
    traits = {"city": draw(st.sampled_from(["Lyon", "Rome"]))} | ({"email": email} if email else {})
    return {
        "type": "identify",
        "userId": draw(st.sampled_from([None, "u1", "u2", "u3"])),
        "anonymousId": draw(st.sampled_from(["a1", "a2", "a3"])),
        "traits": traits,
    }


TRUSTS = st.sampled_from([TrustLevel.CLAIM, TrustLevel.SERVER])
NAMES = ["user_id:u1", "user_id:u2", "user_id:u3", "email:e1@x.org", "email:e2@x.org",
         *(f"anonymous_id:a{number}" for number in (1, 2, 3))]  # fmt: skip
pairs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
steps = st.one_of(
    st.tuples(st.lists(messages(), min_size=1, max_size=3), TRUSTS),
    st.tuples(pairs, st.sampled_from(list(DecisionVerdict))),
    st.tuples(st.just("undo"), st.integers(0, 5)),
)


@settings(
    deadline=None,
    max_examples=tries(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=2, max_size=12))
def test_whatever_is_decided_and_undone_people_equal_a_replay(history: list[Any]) -> None:
    with transaction.atomic():
        for first, second in history:
            take_step(first, second)
        assert list(find_drift()) == []
        assert list(verify_states()) == []
        before = portrait()
        undo_and_redo()
        assert portrait() == before
        transaction.set_rollback(True)


def take_step(first: Any, second: Any) -> None:
    if first == "undo":
        decisions = list(IdentityDecision.objects.filter(ended_at=None).order_by("pk"))
        if decisions:
            undo_decision(decisions[second % len(decisions)], actor=TESTER)
    elif isinstance(second, DecisionVerdict):
        try:
            judge(second, *first)
        except (DecisionConflict, Identifier.DoesNotExist):
            return
    else:
        send_messages(*first, source="web", trust=second)


def undo_and_redo() -> None:
    """Undo the newest verdict and give it again.

    A "same" beside a verdict that keeps others apart is left: given again it is judged by whom
    facts joined since, and may be refused.
    """
    standing = IdentityDecision.objects.filter(ended_at=None)
    decision = standing.first()
    keeps_apart = standing.exclude(verdict=SAME).exists()
    if decision is not None and not (decision.verdict == SAME and keeps_apart):
        undo_decision(decision, actor=TESTER)
        new = NewDecision(decision.verdict, decision.one, decision.other, decision.reason)
        decide(new, actor=TESTER)


def portrait() -> dict[str, Any]:
    """Who has which identifiers, under which public UUID, with which traits."""
    people: dict[str, Any] = {}
    for identifier in Identifier.objects.exclude(profile=None):
        profile = Profile.objects.get(pk=identifier.profile_id)
        person = people.setdefault(str(profile.uuid), {"traits": profile.traits, "refs": set()})
        person["refs"].add(str(identifier))
    return people
