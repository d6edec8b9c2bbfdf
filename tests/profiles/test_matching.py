"""Pairs of profiles that may be one person: who is proposed, who is not, and what answers do."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.forms.models import model_to_dict
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from consent.services import NewRequest, act_on_requests, open_request
from profiles.matching.fields import Field, comparable, values_of
from profiles.matching.learning import Pattern, learn_m
from profiles.matching.propose import propose_matches
from profiles.models import (
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    MatchModel,
    MatchProposal,
    Profile,
    TrustLevel,
)
from profiles.services import (
    NewDecision,
    ProposalAnswered,
    answer_proposal,
    decide,
    postpone_proposal,
    resettle,
)
from tests.factories import NOW, TESTER, profile_of, send_messages
from tests.profiles.alike import ADA, GRACE, MISTYPED_ADA, make_model, proposed, send_town

State = MatchProposal.State


def identifier(reference: str) -> Identifier:
    namespace, _, value = reference.partition(":")
    return Identifier.objects.get(namespace=namespace, value=value)


def say(verdict: DecisionVerdict, one: str, other: str) -> IdentityDecision:
    new = NewDecision(verdict, identifier(one), identifier(other), "known by name")
    return decide(new, actor=TESTER)


def contents() -> list[dict[str, Any]]:
    return [*MatchProposal.objects.order_by("pk").values(), *MatchModel.objects.values()]


@pytest.fixture
def twins(db: None) -> MatchModel:
    """Two profiles that are one person, a third that is not, and a model that can tell."""
    model = make_model()
    send_messages({"userId": "a", "traits": ADA}, {"userId": "c", "traits": GRACE})
    send_messages({"userId": "b", "traits": MISTYPED_ADA}, source="crm")
    return model


@pytest.mark.django_db
def test_twins_of_a_town_are_found_strangers_are_not_and_a_rerun_changes_nothing() -> None:
    truth = send_town()
    run = propose_matches()
    assert run.refusal == ""
    assert proposed() == truth
    before = contents()
    assert propose_matches().written == 0
    assert propose_matches(everybody=True).written == 0
    assert contents() == before


@pytest.mark.django_db
def test_of_too_few_data_nothing_is_learnt_and_it_says_so() -> None:
    send_messages({"userId": "a", "traits": ADA}, {"userId": "b", "traits": ADA})
    output = StringIO()
    for _ in range(2):
        call_command("propose_matches", stdout=output)
    assert output.getvalue().count("too few people") == 2
    assert not MatchProposal.objects.exists()
    assert [model.refusal for model in MatchModel.objects.all()] == ["too_few_people"]


def test_a_proposal_says_what_speaks_for_it_and_against_it(twins: MatchModel) -> None:
    propose_matches()
    [proposal] = MatchProposal.objects.all()
    assert proposed() == {frozenset("ab")}
    assert proposal.probability > 0.9
    assert set(proposal.weights) == set(twins.fields)
    assert proposal.weights["birth_date"] > proposal.weights["city"] > 0 > proposal.prior


def test_values_that_did_not_win_are_compared_too(twins: MatchModel) -> None:
    moved = ADA | {"first_name": "Augusta", "last_name": "King", "address": {"city": "Rome"}}
    # The newest of one source wins over the older of another.
    send_messages({"userId": "a", "traits": moved}, source="newsletter")
    assert profile_of("user_id:a").traits["last_name"] == "King"
    propose_matches()
    assert proposed() == {frozenset("ab")}


def test_who_came_since_is_compared_with_everybody_as_in_a_full_run(twins: MatchModel) -> None:
    propose_matches()
    send_messages({"userId": "d", "traits": GRACE | {"first_name": "Grac"}}, source="crm")
    propose_matches()
    partly, before = proposed(), list(MatchProposal.objects.values_list("probability", "prior"))
    propose_matches(everybody=True)
    assert proposed() == partly == {frozenset("ab"), frozenset("cd")}
    assert list(MatchProposal.objects.values_list("probability", "prior")) == before


def test_who_changed_is_scored_anew_under_the_same_proposal(twins: MatchModel) -> None:
    propose_matches()
    [before] = MatchProposal.objects.all()
    send_messages({"userId": "b", "traits": ADA}, source="crm")
    assert propose_matches().written == 1
    [after] = MatchProposal.objects.all()
    assert after.uuid == before.uuid
    assert after.weights["surname"] != before.weights["surname"]
    assert after.weights["birth_date"] == before.weights["birth_date"]
    assert after.scored_at > before.scored_at


def test_what_is_no_longer_alike_is_proposed_no_longer(twins: MatchModel) -> None:
    propose_matches()
    send_messages({"userId": "b", "traits": GRACE | {"last_name": "Smith"}}, source="crm")
    propose_matches()
    assert frozenset("ab") not in proposed()


def test_a_declined_pair_stays_silent_whatever_comes(twins: MatchModel) -> None:
    propose_matches()
    answer_proposal(MatchProposal.objects.get(), State.DECLINED, actor=TESTER)
    send_messages({"userId": "b", "traits": ADA}, source="crm")
    propose_matches(everybody=True)
    assert proposed() == set()
    assert not IdentityDecision.objects.exists()
    # It forbids nothing: a source that knows them as one joins them.
    send_messages({"userId": "a", "anonymousId": "x"})
    assert profile_of("anonymous_id:x") == profile_of("user_id:a")


def test_a_declined_pair_stays_silent_after_one_side_was_merged(twins: MatchModel) -> None:
    propose_matches()
    answer_proposal(MatchProposal.objects.get(), State.DECLINED, actor=TESTER)
    say(DecisionVerdict.SAME, "user_id:c", "user_id:b")
    propose_matches(everybody=True)
    assert frozenset("abc") not in proposed()


@pytest.mark.parametrize("verdict", [DecisionVerdict.NOT_SAME, DecisionVerdict.RELATED])
def test_what_staff_decided_is_not_asked_again(twins: MatchModel, verdict: str) -> None:
    say(DecisionVerdict(verdict), "user_id:a", "user_id:b")
    propose_matches()
    assert proposed() == set()


def test_what_verdicts_imply_is_not_asked(twins: MatchModel) -> None:
    send_messages({"userId": "d", "traits": {"city": "Lyon"}})
    say(DecisionVerdict.NOT_SAME, "user_id:a", "user_id:d")
    say(DecisionVerdict.SAME, "user_id:b", "user_id:d")
    propose_matches()
    assert proposed() == set()


def test_a_verdict_ends_a_proposal_that_is_open(twins: MatchModel) -> None:
    propose_matches()
    say(DecisionVerdict.NOT_SAME, "user_id:a", "user_id:b")
    propose_matches()
    assert not MatchProposal.objects.exists()


def test_accepting_writes_the_verdict_of_a_hand(twins: MatchModel) -> None:
    propose_matches()
    proposal = MatchProposal.objects.get()
    by_hand = say(DecisionVerdict.SAME, "user_id:a", "user_id:b")
    expected = model_to_dict(by_hand, exclude=["id", "uuid", "decided_at"])
    joined = set(profile_of("user_id:a").identifiers.values_list("namespace", "value"))
    IdentityDecision.objects.all().delete()
    resettle({profile_of("user_id:a").pk}, now=NOW, cause="decision")
    assert Profile.objects.count() == 3

    answer_proposal(proposal, State.ACCEPTED, actor=TESTER, reason="known by name")
    decision = IdentityDecision.objects.get()
    assert model_to_dict(decision, exclude=["id", "uuid", "decided_at"]) == expected
    assert set(profile_of("user_id:a").identifiers.values_list("namespace", "value")) == joined
    with pytest.raises(ProposalAnswered):
        answer_proposal(proposal, State.DECLINED, actor=TESTER)
    propose_matches(everybody=True)
    assert [row.state for row in MatchProposal.objects.all()] == [State.ACCEPTED]


def test_related_keeps_two_apart(twins: MatchModel) -> None:
    propose_matches()
    answer_proposal(MatchProposal.objects.get(), State.RELATED, actor=TESTER)
    assert IdentityDecision.objects.get().verdict == DecisionVerdict.RELATED
    assert profile_of("user_id:a") != profile_of("user_id:b")


def test_what_is_put_off_stays_open(twins: MatchModel) -> None:
    propose_matches()
    proposal = MatchProposal.objects.get()
    postpone_proposal(proposal, actor=TESTER)
    assert (proposal.state, proposal.postponed_at is None) == (State.OPEN, False)


def test_restricted_people_are_not_compared(twins: MatchModel) -> None:
    propose_matches()
    Profile.objects.filter(pk=profile_of("user_id:a").pk).update(is_restricted=True)
    propose_matches(everybody=True)
    assert not MatchProposal.objects.exists()


@pytest.mark.parametrize("answer", [None, State.DECLINED])
def test_the_erasure_of_a_side_removes_the_proposal(twins: MatchModel, answer: Any) -> None:
    propose_matches()
    proposal = MatchProposal.objects.get()
    if answer:
        answer_proposal(proposal, answer, actor=TESTER)
    request = NewRequest(kind="erasure", references=("user_id:b",), reason="asked")
    open_request(request, door="service", actor=TESTER)
    act_on_requests()
    assert not MatchProposal.objects.exists()
    propose_matches(everybody=True)
    assert not MatchProposal.objects.exists()


def test_nothing_is_accepted_by_itself_unless_the_setting_says_so(
    twins: MatchModel, settings: Settings
) -> None:
    send_messages(
        {"anonymousId": "t", "traits": MISTYPED_ADA | {"email": "ada@x.org"}}, source="till"
    )
    assert propose_matches().accepted == 0
    settings.MATCH_ACCEPT_PERCENT = 90
    assert propose_matches().accepted == 1
    # The till's Ada has no user_id. The two that have one are never joined by themselves.
    assert profile_of("user_id:a") != profile_of("user_id:b")
    assert profile_of("email:ada@x.org") in {profile_of("user_id:a"), profile_of("user_id:b")}
    assert IdentityDecision.objects.get().is_of_staff is False


def test_what_only_claims_say_joins_nobody_by_itself(twins: MatchModel, settings: Settings) -> None:
    settings.MATCH_ACCEPT_PERCENT = 80
    stranger = {"anonymousId": "x", "traits": ADA}
    send_messages(stranger, source="web", trust=TrustLevel.CLAIM)
    assert propose_matches().accepted == 0
    assert MatchProposal.objects.count() == 3


def test_special_data_are_never_compared() -> None:
    traits = {"ssn": "1 85", "diagnosis": "none", "first_name": "Ada", "birthday": None}
    fields = dict(values_of(traits, lambda key: key == "ssn"))
    assert fields == {Field.GIVEN_NAME: "Ada"}


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (Field.SURNAME, "  O'Brien-Zoé ", "o brien zoe"),
        (Field.PHONE, "+33 6 12 34 56 78", "612345678"),
        (Field.BIRTH_DATE, "1985-12-10T00:00:00Z", "19851210"),
        (Field.POSTCODE, "SW1A 1AA", "sw1a1aa"),
        (Field.EMAIL, " Ada@Example.org", "ada@example.org"),
        (Field.CITY, "–", ""),
    ],
)
def test_values_are_compared_in_one_spelling(field: Field, text: str, expected: str) -> None:
    assert comparable(field, text) == expected


def test_names_in_one_field_and_addresses_below_another_are_read() -> None:
    traits = {"name": "Ada King Lovelace", "address": {"postalCode": 69001, "city": "Lyon"}}
    assert list(values_of(traits, lambda key: False)) == [
        (Field.GIVEN_NAME, "Ada King"),
        (Field.SURNAME, "Lovelace"),
        (Field.POSTCODE, "69001"),
        (Field.CITY, "Lyon"),
    ]


LEVELS = st.tuples(*(st.integers(-1, 3) for _ in range(3)))
COUNTED = st.lists(st.builds(Pattern, LEVELS, st.integers(1, 9)), min_size=1, max_size=4)


@given(COUNTED)
def test_chances_are_chances_whatever_the_pairs(patterns: list[Pattern]) -> None:
    u = [[0.01, 0.02, 0.07, 0.9]] * 3
    for field in learn_m(patterns, u):
        assert sum(field) == pytest.approx(1)
        assert all(0 < chance < 1 for chance in field)


def test_chances_that_pairs_were_made_by_are_found_again() -> None:
    m, u = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], [[0.05, 0.95], [0.1, 0.9], [0.02, 0.98]]
    patterns = [
        Pattern(
            (x, y, z),
            round(1e6 * (0.2 * m[0][x] * m[1][y] * m[2][z] + 0.8 * u[0][x] * u[1][y] * u[2][z])),
        )
        for x in range(2)
        for y in range(2)
        for z in range(2)
    ]
    for field, expected in zip(learn_m(patterns, u), m, strict=True):
        assert field == pytest.approx(expected, abs=0.01)
