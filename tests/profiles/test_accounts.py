"""Accounts: what group calls make of them, and what merges, verdicts and erasures keep right."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.services import NewRequest, act_on_requests, open_request
from ingestion.models import DroppedCount
from ingestion.services import drain_inbox
from profiles.accounts.reads import accounts_of, counted_members, sizes_of
from profiles.accounts.winners import MAX_TRAITS
from profiles.identity.verify import find_drift
from profiles.models import (
    Account,
    AccountChange,
    AccountMember,
    AccountRecord,
    DecisionVerdict,
    Identifier,
    IdentityDecision,
    IdentityRule,
    Profile,
    ProfileChange,
    TrustLevel,
)
from profiles.services import NewDecision, decide, undo_decision, wake_members
from tests.factories import NOW, TESTER, accept_only, profile_of, send_messages
from tests.oracles import accounts as naive
from tests.tries import tries

pytestmark = pytest.mark.django_db
CLAIM, SERVER = TrustLevel.CLAIM, TrustLevel.SERVER
SAME = DecisionVerdict.SAME


def group(
    user: str, account: Any, traits: Any = None, *, days: int = 0, trust: int = SERVER
) -> None:
    send_messages(call(user, account, traits, days=days), trust=trust)


def call(user: str, account: Any, traits: Any = None, *, days: int = 0) -> dict[str, Any]:
    return {
        "type": "group",
        "userId": user,
        "groupId": account,
        "traits": {} if traits is None else traits,
        "timestamp": (NOW + timedelta(days=days)).isoformat(),
    }


def members(key: str) -> set[str]:
    """The public ids of those who count as members."""
    rows = counted_members(Account.objects.get(key=key)).select_related("profile")
    return {str(row.profile.uuid) for row in rows}


def uuids(*users: str) -> set[str]:
    return {str(profile_of(f"user_id:{user}").uuid) for user in users}


def erase(*users: str) -> None:
    references = tuple(f"user_id:{user}" for user in users)
    new_request = NewRequest(kind="erasure", references=references, reason="asked")
    open_request(new_request, door="service", actor=TESTER)
    act_on_requests()


def dropped(reason: str) -> int:
    return sum(DroppedCount.objects.filter(reason=reason).values_list("count", flat=True))


def test_a_group_call_makes_an_account_with_traits_and_a_member() -> None:
    group("u1", "acme", {"name": "Acme", "plan": "pro", "seats": 12})
    account = Account.objects.get()
    assert (account.key, account.traits) == ("acme", {"name": "Acme", "plan": "pro", "seats": 12})
    assert members("acme") == uuids("u1")
    assert sizes_of([account]) == {account.pk: 1}
    # The account's traits are not the person's.
    assert profile_of("user_id:u1").traits == {}
    assert list(find_drift()) == []


def test_the_newest_value_wins_and_null_takes_a_trait_back() -> None:
    group("u1", "acme", {"plan": "pro", "city": "Lyon"}, days=1)
    group("u2", "acme", {"plan": "free", "city": None}, days=0)
    assert Account.objects.get().traits == {"plan": "pro", "city": "Lyon"}
    group("u2", "acme", {"plan": "free", "city": None}, days=2)
    assert Account.objects.get().traits == {"plan": "free"}


def test_of_one_time_the_call_that_arrived_later_wins() -> None:
    accept_only(call("u1", "acme", {"plan": "a"}), call("u2", "acme", {"plan": "b"}))
    accept_only(call("u3", "acme", {"plan": "c"}))
    drain_inbox()
    assert Account.objects.get().traits == {"plan": "c"}


def test_a_claim_never_overrides_a_server_and_makes_no_member_that_counts() -> None:
    group("eve", "acme", {"plan": "free"}, trust=CLAIM)
    assert members("acme") == uuids("eve")
    group("u1", "acme", {"plan": "pro"})
    group("eve", "acme", {"plan": "free", "seats": 1}, days=9, trust=CLAIM)
    assert Account.objects.get().traits == {"plan": "pro", "seats": 1}
    assert members("acme") == uuids("u1")
    (row,) = accounts_of([profile_of("user_id:eve").pk]).values()
    assert [each.counts for each in row] == [False]
    group("eve", "acme")
    assert members("acme") == uuids("u1", "eve")


@pytest.mark.parametrize("value", ["null", "", "  ", None, "undefined", True, {"id": 1}, "x" * 256])
def test_what_stands_for_no_account_makes_none(value: Any) -> None:
    group("u1", value, {"plan": "pro"})
    assert not Account.objects.exists()
    assert dropped("group_id") == 1


def test_staff_block_values_as_those_of_identifiers() -> None:
    IdentityRule.objects.create(namespace="group_id", priority=99, blocked_values=["demo*"])
    group("u1", "demo-7")
    group("u1", "acme")
    assert [account.key for account in Account.objects.all()] == ["acme"]


def test_numbers_and_traits_that_are_no_object_are_taken() -> None:
    group("u1", 42, [])
    group("u2", " 42 ", {"seats": 1})
    account = Account.objects.get()
    assert (account.key, account.traits) == ("42", {"seats": 1})
    assert members("42") == uuids("u1", "u2")


def test_the_same_call_twice_takes_effect_once() -> None:
    message = call("u1", "acme", {"plan": "pro"}) | {"messageId": "m1"}
    send_messages(message)
    send_messages(message | {"traits": {"plan": "free"}})
    assert Account.objects.get().traits == {"plan": "pro"}
    assert AccountRecord.objects.count() == AccountMember.objects.count() == 1


def test_a_record_holds_so_many_traits_and_no_more() -> None:
    group("u1", "acme", {f"t{number:04}": number for number in range(MAX_TRAITS + 20)})
    assert len(Account.objects.get().traits) == MAX_TRAITS
    assert dropped("account_trait") == 20
    group("u1", "acme", {"t0000": "new", "z": 1}, days=1)
    assert Account.objects.get().traits["t0000"] == "new"
    assert dropped("account_trait") == 21


def test_many_claims_do_not_crowd_out_what_a_server_said() -> None:
    for user in range(3):
        claimed = {f"a{user}-{number:04}": number for number in range(MAX_TRAITS // 2)}
        group(f"eve{user}", "acme", claimed, trust=CLAIM)
    group("u1", "acme", {"plan": "pro", "z": 1})
    account = Account.objects.get()
    assert len(account.traits) == MAX_TRAITS
    assert (account.traits["plan"], account.traits["z"]) == ("pro", 1)
    assert list(find_drift()) == []


def test_a_merge_takes_memberships_along_and_a_verdict_undone_gives_them_back() -> None:
    group("u1", "acme", {"plan": "pro"})
    group("u2", "globex", {"plan": "free"})
    one, other = uuids("u1"), uuids("u2")
    decision = join("u1", "u2")
    assert members("acme") == members("globex") == uuids("u1")
    undo_decision(decision, actor=TESTER)
    assert (members("acme"), members("globex")) == (one, other)
    assert list(find_drift()) == []


def join(one: str, other: str) -> IdentityDecision:
    identifiers = [
        Identifier.objects.get(namespace="user_id", value=value) for value in (one, other)
    ]
    return decide(NewDecision(SAME, *identifiers, "one person"), actor=TESTER)


def test_an_erasure_takes_the_person_and_what_they_said_out_of_accounts() -> None:
    group("u1", "acme", {"plan": "pro", "city": "Lyon"}, days=1)
    group("u2", "acme", {"plan": "free"})
    group("u1", "mine", {"plan": "solo"})
    erase("u1")
    account = Account.objects.get()
    assert (account.key, account.traits) == ("acme", {"plan": "free"})
    assert members("acme") == uuids("u2")
    assert list(find_drift()) == []
    group("u1", "acme", {"plan": "back"}, days=3)
    assert Account.objects.get().traits == {"plan": "free"}


def test_an_account_that_only_an_erased_server_vouched_for_is_claimed_again() -> None:
    group("eve", "acme", {"plan": "free"}, trust=CLAIM)
    group("u1", "acme")
    assert members("acme") == uuids("u1")
    erase("u1")
    assert members("acme") == uuids("eve")


def test_an_erased_address_becomes_no_account() -> None:
    send_messages({"userId": "u1", "traits": {"email": "ada@example.org"}})
    erase("u1")
    group("u2", "ada@example.org", {"contact": "ada@example.org", "plan": "pro"})
    group("u2", "team of ada@example.org")
    group("u2", "acme", {"contact": "ada@example.org", "plan": "pro"})
    account = Account.objects.get()
    assert (account.key, account.traits) == ("acme", {"plan": "pro"})


def test_restricted_people_count_as_members_of_nothing() -> None:
    group("u1", "acme")
    Profile.objects.update(is_restricted=True)
    assert members("acme") == set()
    assert sizes_of([Account.objects.get()]) == {Account.objects.get().pk: 0}


def test_a_changed_account_wakes_its_members_in_batches() -> None:
    for number in range(5):
        group(f"u{number}", "acme", {"plan": "pro"})
        group(f"v{number}", "globex", {"plan": "pro"})
    AccountChange.objects.all().delete()
    ProfileChange.objects.all().delete()
    group("u0", "acme", {"plan": "free"}, days=1)
    group("u1", "acme", {"plan": "old"}, days=-1)  # changes nothing
    group("u1", "acme", {"plan": "max"}, days=2)
    assert AccountChange.objects.count() == 2
    ProfileChange.objects.all().delete()
    assert wake_members(batch=2) == 5
    expected = {profile_of(f"user_id:u{number}").pk for number in range(5)}
    assert sorted(ProfileChange.objects.values_list("profile_id", flat=True)) == sorted(expected)
    assert not AccountChange.objects.exists()
    assert wake_members() == 0


def test_a_new_account_wakes_nobody_twice() -> None:
    group("u1", "acme", {"plan": "pro"})
    assert not AccountChange.objects.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE profiles_account SET traits = '{}'",
        "UPDATE profiles_account SET is_vouched = false",
        "UPDATE profiles_account SET winners = '{}'",
        "UPDATE profiles_accountmember SET is_vouched = false",
        "UPDATE profiles_accountmember SET first_at = first_at + interval '1 day'",
        "DELETE FROM profiles_accountmember",
        "DELETE FROM profiles_accountrecord",
        "UPDATE profiles_accountrecord SET traits = '{}'",
    ],
)
def test_every_damage_is_drift(damage: str) -> None:
    group("u1", "acme", {"plan": "pro"})
    assert list(find_drift()) == []
    with connection.cursor() as cursor:
        cursor.execute(damage)
    assert any(drift.subject.startswith("account number") for drift in find_drift())


def test_a_membership_with_another_profile_than_its_identifier_is_drift() -> None:
    group("u1", "acme")
    group("u2", "globex")
    rows = AccountMember.objects.filter(profile=profile_of("user_id:u2"))
    (values,) = rows.values("account_id", "identifier_id", "is_vouched", "first_at")
    rows.delete()
    AccountMember.objects.create(profile=profile_of("user_id:u1"), **values)
    kinds = {drift.kind for drift in find_drift()}
    assert "memberships of accounts with another profile than their identifier" in kinds


USERS = [f"u{number}" for number in range(5)]
plans = st.dictionaries(
    st.sampled_from(["plan", "seats", "city"]), st.sampled_from(["a", "b", None, 1, [2]])
)
calls = st.tuples(
    st.just("call"),
    st.sampled_from(USERS),
    st.sampled_from(["acme", "globex"]),
    plans,
    st.integers(-3, 0),
    st.sampled_from([CLAIM, SERVER]),
)
steps = st.one_of(
    *[calls] * 6,
    st.just(("drain",)),
    st.tuples(st.just("join"), st.sampled_from(USERS), st.sampled_from(USERS)),
    st.just(("undo",)),
    st.tuples(st.just("erase"), st.sampled_from(USERS)),
)


@settings(
    deadline=None,
    max_examples=tries(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(steps, min_size=1, max_size=16))
def test_stored_accounts_equal_the_oracle_whatever_happens(history: list[Any]) -> None:
    with transaction.atomic():
        said: list[naive.NaiveCall] = []
        erased: set[str] = set()
        decisions: list[IdentityDecision] = []
        for arrival, (name, *arguments) in enumerate(history):
            match name:
                case "call":
                    user, account, traits, days, trust = arguments
                    accept_only(call(user, account, traits, days=days), trust=trust)
                    at = NOW + timedelta(days=days)
                    if user not in erased:
                        said.append(naive.NaiveCall(account, user, trust, at, arrival, traits))
                case "drain":
                    drain_inbox()
                case "join":
                    drain_inbox()
                    if is_here(arguments[0]) and is_here(arguments[1]) and len({*arguments}) > 1:
                        decisions.append(join(*arguments))
                case "undo" if decisions:
                    drain_inbox()
                    undo_decision(decisions.pop(), actor=TESTER)
                case "erase" if is_here(arguments[0]):
                    drain_inbox()
                    gone = together_with(arguments[0])
                    erase(arguments[0])
                    erased |= gone
                    said = [each for each in said if each.identifier not in gone]
                    decisions = [d for d in decisions if IdentityDecision.objects.filter(pk=d.pk)]
        drain_inbox()
        assert stored_accounts() == expected_accounts(said)
        assert list(find_drift()) == []
        transaction.set_rollback(True)


def is_here(user: str) -> bool:
    return Identifier.objects.filter(namespace="user_id", value=user).exists()


def together_with(user: str) -> set[str]:
    rows = profile_of(f"user_id:{user}").identifiers.filter(namespace="user_id")
    return set(rows.values_list("value", flat=True))


Shown = dict[str, tuple[dict[str, Any], bool, dict[int, datetime]]]


def stored_accounts() -> Shown:
    shown: Shown = {}
    for account in Account.objects.all():
        since: dict[int, datetime] = {}
        for row in counted_members(account):
            since[row.profile_id] = min(row.first_at, since.get(row.profile_id, row.first_at))
        shown[account.key] = (account.traits, account.is_vouched, since)
    return shown


def expected_accounts(said: list[naive.NaiveCall]) -> Shown:
    users = {each.identifier for each in said}
    people = {user: str(profile_of(f"user_id:{user}").pk) for user in users}
    return {
        key: (
            account.traits,
            account.is_vouched,
            {int(person): since for person, since in account.members.items()},
        )
        for key, account in naive.accounts_of(said, people).items()
    }
