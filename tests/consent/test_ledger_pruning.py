"""Events of erased people leave the ledger once their time of proof is over; the chain holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consent.models import ConsentEvent, LedgerPruning, LedgerSeal, PrivacyRequest, PrunedLink
from consent.services import (
    NewRequest,
    act_on_requests,
    head_of_ledger,
    open_request,
    prune_ledger,
    record,
    seal_ledger,
    verify_chain,
    verify_digests,
    verify_states,
)
from profiles.models import Profile
from tests.consent.held_ada import hold_ada, lift
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_profile, make_purpose
from tests.tries import tries

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)
ADA, BOB = "email:ada@example.org", "email:bob@example.org"


def say(person: Profile, state: str = "given", *, years_ago: float = 6) -> ConsentEvent:
    at = timezone.now() - years_ago * YEAR
    return record(consent_input(person, state, occurred_at=at, received_at=at))


def erase(reference: str, *, years_ago: float = 6) -> None:
    new_request = NewRequest(kind="erasure", references=(reference,), reason="A letter.")
    request = open_request(new_request, door="service", actor=TESTER)
    act_on_requests()
    done_at = timezone.now() - years_ago * YEAR
    PrivacyRequest.objects.filter(pk=request.pk).update(done_at=done_at)


def prune() -> int:
    return prune_ledger(now=timezone.now())


@pytest.fixture
def ada() -> Profile:
    make_purpose()
    return make_profile(ADA)


@contextmanager
def as_owner() -> Iterator[Any]:
    """Give a cursor whose statements no trigger refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("RESET ROLE")


def call_function(*numbers: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT consent_prune_ledger(%s, 'x', %s)", [uuid4(), list(numbers)])


def test_the_consents_of_the_erased_go_and_the_heads_that_were_kept_can_be_checked(
    ada: Profile,
) -> None:
    bob = make_profile(BOB)
    for person in (ada, bob, ada, ada, bob):
        say(person)
    seal_ledger()
    head, _ = head_of_ledger()
    erase(ADA)
    assert prune() == 3
    assert {event.identifier.value for event in ConsentEvent.objects.all()} == {"bob@example.org"}
    say(bob, "withdrawn", years_ago=0)
    seal_ledger()
    assert verify_chain([head, head_of_ledger()[0]]) == []
    assert (verify_digests(), verify_states()) == ([], [])
    assert (prune(), LedgerPruning.objects.count()) == (0, 1)


def test_what_may_still_have_to_be_proved_stays(ada: Profile) -> None:
    say(ada)
    seal_ledger()
    assert prune() == 0, "She is not erased."
    hold = hold_ada()
    erase(ADA, years_ago=6)
    assert prune() == 0, "A hold names her."
    lift(hold)
    act_on_requests()
    PrivacyRequest.objects.update(done_at=timezone.now() - 4 * YEAR)
    assert prune() == 0, "She was erased four years ago."
    PrivacyRequest.objects.update(done_at=timezone.now() - 6 * YEAR)
    assert prune() == 1


def test_a_young_consent_and_one_that_is_not_sealed_stay(ada: Profile) -> None:
    say(ada, years_ago=4.9)
    say(ada, years_ago=5.1)
    seal_ledger()
    say(ada, years_ago=5.1)
    erase(ADA)
    assert prune() == 1
    seal_ledger()
    assert prune() == 1
    assert verify_chain() == []


def test_the_time_is_a_setting(ada: Profile, settings: Any) -> None:
    settings.PROOF_DAYS = 730
    say(ada, years_ago=2.1)
    seal_ledger()
    erase(ADA, years_ago=2.1)
    assert prune() == 1


def test_the_database_prunes_nothing_of_the_living_the_young_or_the_unknown(ada: Profile) -> None:
    say(ada)
    say(make_profile(BOB), years_ago=0.9)
    seal_ledger()
    for number in (1, 2):
        with pytest.raises(DatabaseError, match="somebody has this identifier"):
            call_function(number)
    with pytest.raises(DatabaseError, match="not all of these may be pruned"):
        call_function(3)
    erase(BOB)
    with pytest.raises(DatabaseError, match="not all of these may be pruned"):
        call_function(2)
    with pytest.raises(DatabaseError, match="somebody has this identifier"):
        call_function(1, 2)
    erase(ADA)
    with pytest.raises(DatabaseError, match="not all of these may be pruned"):
        call_function(1, 2)
    call_function(1)
    assert ConsentEvent.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM consent_consentevent",
        "UPDATE consent_consentevent SET state = 'given'",
        "DELETE FROM consent_prunedlink",
        "UPDATE consent_prunedlink SET number = 2",
        "DELETE FROM consent_ledgerpruning",
        "UPDATE consent_ledgerpruning SET statement = ''",
    ],
)
def test_nothing_else_goes_and_what_went_is_not_denied(ada: Profile, statement: str) -> None:
    say(ada)
    say(make_profile(BOB))
    seal_ledger()
    erase(ADA)
    assert prune() == 1
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        with pytest.raises(DatabaseError, match="append-only"):
            cursor.execute(statement)


@pytest.mark.parametrize("forgery", ["nothing signed", "another's statement", "a longer list"])
def test_who_owns_the_database_cannot_pass_a_removal_off_as_pruning(
    ada: Profile, forgery: str
) -> None:
    bob = make_profile(BOB)
    for person in (ada, bob, bob):
        say(person)
    seal_ledger()
    erase(ADA)
    prune()
    pruning = LedgerPruning.objects.get()
    with as_owner() as cursor:
        cursor.execute(
            "DELETE FROM consent_consentevent WHERE id ="
            " (SELECT event_id FROM consent_ledgerseal WHERE number = 2)"
        )
        other = pruning.pk if forgery == "a longer list" else uuid4()
        if other != pruning.pk:
            jws = pruning.statement if forgery == "another's statement" else "x"
            cursor.execute("INSERT INTO consent_ledgerpruning VALUES (%s, %s)", [other, jws])
        cursor.execute("INSERT INTO consent_prunedlink VALUES (2, %s)", [other])
    assert 2 in [fault.number for fault in verify_chain()]


PEOPLE = ("ada", "bob", "cleo")
STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(PEOPLE), st.sampled_from([0.5, 4.5, 5.5, 9.0])),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE), st.sampled_from([0.5, 4.5, 5.5, 9.0])),
    st.tuples(st.sampled_from(["seal", "prune"]), st.just(""), st.just(0.0)),
)


@hypothesis_settings(max_examples=tries(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=14))
@example([("say", "ada", 9.0), ("seal", "", 0.0), ("erase", "ada", 5.5), ("prune", "", 0.0)])
def test_in_any_order_just_what_is_over_goes(steps: list[tuple[str, str, float]]) -> None:
    with transaction.atomic():
        make_purpose()
        people = {name: make_profile(f"email:{name}@example.org") for name in PEOPLE}
        events: dict[Any, tuple[str, float]] = {}
        erased: dict[str, float] = {}
        heads, sealed = [], set()
        for step, name, years in steps:
            match step:
                case "say" if name not in erased:
                    events[say(people[name], years_ago=years).pk] = (name, years)
                case "erase" if name not in erased:
                    erase(f"email:{name}@example.org", years_ago=years)
                    erased[name] = years
                case "seal":
                    seal_ledger()
                    sealed |= events.keys()
                    heads.append(head_of_ledger()[0])
                case "prune":
                    over = {
                        pk
                        for pk, (whose, age) in events.items()
                        if pk in sealed and min(age, erased.get(whose, 0)) > 5
                    }
                    assert prune() == len(over)
                    events = {pk: said for pk, said in events.items() if pk not in over}
        assert set(ConsentEvent.objects.values_list("pk", flat=True)) == events.keys()
        assert verify_chain(heads) == []
        links = LedgerSeal.objects.count() - PrunedLink.objects.count()
        assert links == len(sealed & events.keys())
        transaction.set_rollback(True)
