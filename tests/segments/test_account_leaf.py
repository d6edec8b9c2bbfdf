"""The leaf about accounts: what it means, when it flips, and whom a changed account wakes."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.models import Profile
from segments.language.operands import DefinitionError
from segments.language.parser import parse
from segments.language.phrases import Language
from segments.language.words import describe
from segments.services import refresh_changed, refresh_due, verify_memberships, why
from tests.factories import NOW, make_client, send_messages
from tests.oracles.segment_worlds import NaiveAccount, NaivePerson
from tests.oracles.segments import members
from tests.segments import drawn_people, strategies
from tests.segments.evaluations import build_segment, by_both_forms, members_of, who
from tests.segments.worlds import change_account, store_people, store_person, world_at
from tests.tries import tries

pytestmark = pytest.mark.django_db
numbers = count(1)


def account(match: str = "any", **where: Any) -> dict[str, Any]:
    return {"type": "account", "match": match} | ({"where": where} if where else {})


def plan(value: str, match: str = "any") -> dict[str, Any]:
    return account(match, type="trait", key="plan", operator="equals", value=value)


def within(*plans: str) -> NaivePerson:
    return NaivePerson(
        accounts=[NaiveAccount(f"{value}-{id(plans)}", {"plan": value}) for value in plans]
    )


def test_any_all_and_none_of_the_accounts() -> None:
    people = {
        "alone": NaivePerson(),
        "pro": within("pro"),
        "free": within("free"),
        "both": within("pro", "free"),
    }
    assert who(plan("pro"), people) == {"pro", "both"}
    assert who(plan("pro", "all"), people) == {"pro"}
    assert who(plan("pro", "none"), people) == {"alone", "free"}


def test_without_a_tree_every_account_fits() -> None:
    people = {"alone": NaivePerson(), "pro": within("pro")}
    assert who(account(), people) == {"pro"}
    assert who(account("all"), people) == {"pro"}
    assert who(account("none"), people) == {"alone"}


def test_members_by_claim_do_not_count_in_a_vouched_account() -> None:
    people = {
        "vouched": NaivePerson(accounts=[NaiveAccount("acme")]),
        "claimed": NaivePerson(accounts=[NaiveAccount("acme", {}, True, False)]),
        "of a claimed account": NaivePerson(accounts=[NaiveAccount("globex", {}, False, False)]),
    }
    assert who(account(), people) == {"vouched", "of a claimed account"}
    assert who(account("none"), people) == {"claimed"}
    key = account(type="key", operator="equals", value="ACME", ignore_case=True)
    assert who(key, people) == {"vouched"}


@settings(
    deadline=None,
    max_examples=tries(80),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    definition=strategies.account_leaves,
    people=st.lists(drawn_people.people, min_size=1, max_size=4),
)
def test_both_forms_say_what_the_oracle_says(definition: Any, people: list[NaivePerson]) -> None:
    with transaction.atomic():
        stored = store_people(people)
        names = {profile_id: str(profile_id) for profile_id in stored}
        world = world_at(NOW, {}, people)
        # The scoped form leaves restricted people to its caller.
        expected = {str(key) for key in members(stored, definition, world)}
        everybody, scoped = by_both_forms(definition, names)
        restricted = {str(key) for key, person in stored.items() if person.is_restricted}
        assert everybody == expected
        assert scoped - restricted == expected
        transaction.set_rollback(True)


FAULTS = [
    ({"type": "account"}, "match", "required"),
    (account("some"), "match", "choice"),
    (account() | {"key": "acme"}, "key", "unknown_field"),
    (account(type="event", name="x"), "where.type", "choice"),
    (account(type="trait", key="plan", operator="equals"), "where.value", "required"),
    (account(type="key", operator="gt", value=1), "where.operator", "choice"),
    (account(type="and", children=[]), "where.children", "required"),
]


@pytest.mark.parametrize(("definition", "path", "code"), FAULTS)
def test_a_fault_names_its_path(definition: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse(definition)
    assert [(fault.path, fault.code) for fault in caught.value.errors] == [(path, code)]


def test_a_changed_account_moves_its_members_and_nobody_else() -> None:
    one, other = (
        store_person(NaivePerson(accounts=[NaiveAccount(key, {"plan": "free"})]))
        for key in ("acme", "globex")
    )
    colleague = store_person(NaivePerson(accounts=[NaiveAccount("acme", {"plan": "free"})]))
    build_segment(plan("pro"))
    assert members_of() == set()
    change_account("acme", {"plan": "pro"})
    # What waits is no drift.
    assert set(verify_memberships(now=NOW).values()) == {0}
    refresh_changed(now=NOW)
    assert members_of() == {one, colleague}
    assert other not in members_of()
    assert set(verify_memberships(now=NOW).values()) == {0}


def test_group_calls_move_members_through_the_drain() -> None:
    build_segment(plan("pro"))
    call = {"type": "group", "userId": "u1", "groupId": "acme"}
    send_messages(call | {"traits": {"plan": "pro"}}, call | {"userId": "u2", "traits": {}})
    refresh_changed()
    assert len(members_of()) == 2
    send_messages(call | {"traits": {"plan": "free"}})
    refresh_changed()
    assert members_of() == set()


def test_a_date_of_an_account_flips_its_members_at_its_instant() -> None:
    renews = account(type="trait", key="renews", operator="in_next", value={"days": 7})
    member = store_person(
        NaivePerson(accounts=[NaiveAccount("acme", {"renews": "2026-03-25T12:00:00Z"})])
    )
    build_segment(renews)
    entry = NOW + timedelta(days=3)
    refresh_due(now=entry - timedelta(seconds=1))
    assert members_of() == set()
    refresh_due(now=entry)
    assert members_of() == {member}
    assert set(verify_memberships(now=entry).values()) == {0}


def test_why_counts_the_accounts_that_fit_and_knows_when_it_flips() -> None:
    ends = account(type="trait", key="ends", operator="after", value="2026-01-01")
    accounts = [NaiveAccount("acme", {"ends": "2026-05-01"}), NaiveAccount("globex")]
    profile = Profile.objects.get(pk=store_person(NaivePerson(accounts=accounts)))
    segment = build_segment(ends)
    answer = why(segment, profile, at=NOW)
    assert answer.is_member
    assert answer.tree["evidence"] == {"accounts": "1"}


def test_it_is_said_in_words() -> None:
    node = parse(plan("pro", "none"))
    assert describe(node, Language.ENGLISH) == 'in no account where plan is "pro"'
    assert describe(node, Language.FRENCH) == 'dans aucun compte où plan est "pro"'


def test_contact_data_of_accounts_need_the_permission_of_people() -> None:
    email = account(type="trait", key="email", operator="exists")
    client = make_client("segments:read")
    body = {"definition": email}
    assert client.post("/api/v1/segments/preview/", body, format="json").status_code == 403
    body = {"definition": plan("pro")}
    assert client.post("/api/v1/segments/preview/", body, format="json").status_code == 200
