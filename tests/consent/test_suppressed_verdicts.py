"""What keeps two people apart goes on doing so when one of them is erased and comes back."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import PrivacyRequest, SuppressedVerdict, Suppression
from consent.requests.erasure import erase_person
from consent.services import (
    NewRequest,
    act_on_requests,
    open_request,
    prove_erasure,
    welcome_back,
    wrap_suppressions,
)
from consent.suppression.verdicts import REASON
from profiles.identity.verify import find_drift
from profiles.lib.people_lock import people_lock
from profiles.models import DecisionVerdict, Identifier, IdentityDecision
from profiles.registry import Person
from profiles.services import NewDecision, decide, undo_decision
from tests.factories import TESTER, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
SAME, NOT_SAME, RELATED = DecisionVerdict
ADA, EVE = "email:ada.apart@example.org", "email:eve.apart@example.org"
REASON_WITH_A_NAME = "Eve Apart-Lovelace is the sister."


def identify(**who: str) -> None:
    """Have a server name identifiers together: `user`, `email` and `device`."""
    message: dict[str, Any] = {"type": "identify", "traits": {}}
    message |= {"userId": who["user"]} if "user" in who else {}
    message |= {"anonymousId": who["device"]} if "device" in who else {}
    message["traits"] |= {"email": who["email"]} if "email" in who else {}
    send_messages(message, source="shop")


def stored(reference: str) -> Identifier | None:
    namespace, _, value = reference.partition(":")
    return Identifier.objects.filter(namespace=namespace, value=value).first()


def judge(verdict: DecisionVerdict, one: str, other: str) -> IdentityDecision:
    sides = stored(one), stored(other)
    assert sides[0]
    assert sides[1]
    return decide(NewDecision(verdict, sides[0], sides[1], REASON_WITH_A_NAME), actor=TESTER)


def erase(reference: str) -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=(reference,), reason="asked")
    request = open_request(new_request, door="service", actor=TESTER)
    act_on_requests()
    request.refresh_from_db()
    return request


def come_back(*references: str) -> bool:
    return welcome_back(references, actor=TESTER, reason="a letter")


@pytest.fixture
def sisters() -> IdentityDecision:
    """Two people who share a device, and whom staff told apart."""
    identify(user="ada", email="ada.apart@example.org", device="tablet")
    identify(user="eve", email="eve.apart@example.org")
    return judge(NOT_SAME, ADA, EVE)


@pytest.mark.parametrize("verdict", [NOT_SAME, RELATED])
def test_who_was_told_apart_erased_and_is_back_is_told_apart(
    sisters: IdentityDecision, verdict: DecisionVerdict
) -> None:
    former = judge(verdict, ADA, EVE)
    erase(EVE)
    assert not IdentityDecision.objects.filter(ended_at=None).exists()
    come_back(EVE)
    identify(email="eve.apart@example.org", device="tablet")
    assert profile_of(EVE) != profile_of(ADA)
    again = IdentityDecision.objects.get(ended_at=None)
    assert (again.pk, again.uuid, again.verdict) == (former.pk, former.uuid, verdict)
    assert (again.decided_at, again.actor) == (former.decided_at, former.actor)
    assert again.reason == REASON
    assert not SuppressedVerdict.objects.exists()
    assert list(find_drift()) == []


def test_nothing_of_the_erased_side_is_left_meanwhile(
    sisters: IdentityDecision, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path / "var"  # Others write their mails and logs at the same time.
    request = erase(EVE)
    kept = SuppressedVerdict.objects.get()
    assert {kept.one, kept.other} == {stored(ADA), None}
    assert "consent.SuppressedVerdict" in request.receipt["kept"]
    report = prove_erasure(request.pk, [EVE, "user_id:eve", "Eve Apart-Lovelace"])
    assert report.content["hits"] == []


def test_what_a_verdict_took_from_somebody_is_theirs_once_the_other_side_is_erased() -> None:
    identify(user="ada", email="ada.apart@example.org")
    judge(NOT_SAME, ADA, "user_id:ada")
    ada = stored(ADA)
    assert ada
    assert not ada.is_vouched
    erase("user_id:ada")
    ada.refresh_from_db()
    assert ada.is_vouched
    assert list(find_drift()) == []


def test_a_verdict_of_same_ends_with_a_side() -> None:
    identify(user="ada", email="ada.apart@example.org")
    identify(user="eve", email="eve.apart@example.org")
    judge(SAME, ADA, EVE)
    erase(EVE)
    assert not SuppressedVerdict.objects.exists()
    come_back(EVE)
    assert not IdentityDecision.objects.exists()


def test_an_undone_verdict_does_not_come_back(sisters: IdentityDecision) -> None:
    undo_decision(sisters, actor=TESTER)
    erase(EVE)
    assert not SuppressedVerdict.objects.exists()


def test_it_holds_through_the_erasure_of_both_and_a_rotation_of_the_key(
    sisters: IdentityDecision, settings: Any
) -> None:
    erase(EVE)
    erase(ADA)
    settings.RETIRED_SUPPRESSION_KEYS = [settings.SUPPRESSION_KEY]
    settings.SUPPRESSION_KEY = "another key that is long enough to be one"
    assert wrap_suppressions(actor=TESTER)
    come_back(EVE)
    assert not IdentityDecision.objects.exists()
    come_back(ADA)
    identify(email="eve.apart@example.org", device="tablet")
    identify(email="ada.apart@example.org", device="tablet")
    assert profile_of(EVE) != profile_of(ADA)
    assert IdentityDecision.objects.get().uuid == sisters.uuid


def test_an_identifier_that_a_server_names_with_the_returned_one_is_told_apart_too() -> None:
    identify(user="ada", email="ada.apart@example.org")
    identify(email="eve.apart@example.org", device="handset")
    judge(NOT_SAME, "anonymous_id:handset", "user_id:ada")
    erase(EVE)
    come_back(EVE)
    assert not IdentityDecision.objects.exists(), "its side is not back yet"
    identify(email="eve.apart@example.org", device="handset")
    identify(user="ada", device="handset")
    assert IdentityDecision.objects.filter(ended_at=None).count() == 1
    assert profile_of("anonymous_id:handset") != profile_of("user_id:ada")
    assert list(find_drift()) == []


def test_who_goes_without_being_kept_out_ends_the_verdict(sisters: IdentityDecision) -> None:
    erase(EVE)
    ada = stored(ADA)
    assert ada
    assert ada.profile
    with transaction.atomic():
        people_lock()
        person = Person(ada.profile.pk, str(ada.profile.uuid), (ada.pk,), (ADA,))
        assert erase_person(person)["consent.SuppressedVerdict"] == 1
    assert not SuppressedVerdict.objects.exists()
    assert Suppression.objects.exists()


PEOPLE = {
    "user_id:u1": {"user": "u1"},
    "user_id:u2": {"user": "u2"},
    "email:e1@x.org": {"email": "e1@x.org"},
    "email:e2@x.org": {"email": "e2@x.org"},
    "anonymous_id:a1": {"device": "a1"},
}
references = st.sampled_from(list(PEOPLE))
pairs = st.lists(references, min_size=2, max_size=2, unique=True)
each = st.lists(references, min_size=1, max_size=1)
parting = st.tuples(st.sampled_from(["not_same", "related"]), pairs)
leaving = st.tuples(st.just("erase"), each)
returning = st.tuples(st.just("return"), each)
naming = st.tuples(st.just("identify"), st.lists(references, min_size=1, max_size=3, unique=True))
undoing = st.tuples(st.just("undo"), each)
BEGINNING = [("identify", ["user_id:u1", "email:e1@x.org"]), ("identify", ["user_id:u2"])]
histories = st.tuples(
    # Erasures come before returns more often than by chance, or there would be little to remember.
    st.lists(parting | naming, min_size=1, max_size=4),
    st.lists(leaving | undoing, min_size=1, max_size=3),
    st.lists(returning | naming | leaving | parting, min_size=1, max_size=7),
).map(lambda parts: [*BEGINNING, *parts[0], *parts[1], *parts[2]])


def take(step: str, names: list[str], apart: set[frozenset[str]]) -> None:
    """Do it, and note in `apart` whom verdicts keep apart, be they erased."""
    if step == "identify":
        identify(**{key: value for name in names for key, value in PEOPLE[name].items()})
    elif step in DecisionVerdict.values and all(stored(name) for name in names):
        judge(DecisionVerdict(step), *names)
        apart.add(frozenset(names))
    elif step == "erase" and stored(names[0]):
        erase(names[0])
    elif step == "return":
        come_back(*names)
    elif step == "undo" and (decision := IdentityDecision.objects.filter(ended_at=None).first()):
        undo_decision(decision, actor=TESTER)
        apart.discard(frozenset(f"{i.namespace}:{i.value}" for i in (decision.one, decision.other)))


@settings(
    deadline=None,
    max_examples=tries(100),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
def test_whom_verdicts_part_is_apart_whenever_both_are_stored(history: Any) -> None:
    with transaction.atomic():
        apart: set[frozenset[str]] = set()
        for step, names in history:
            take(step, names, apart)
            sides = [[stored(name) for name in pair] for pair in apart]
            both = [(one, other) for one, other in sides if one and other]
            standing = IdentityDecision.objects.filter(ended_at=None)
            assert {frozenset(ids) for ids in standing.values_list("one", "other")} == {
                frozenset((one.pk, other.pk)) for one, other in both
            }
            assert SuppressedVerdict.objects.count() == len(apart) - len(both)
            for one, other in both:
                assert one.profile_id is None or one.profile_id != other.profile_id
        assert list(find_drift()) == [], history
        transaction.set_rollback(True)
