"""Rules made to stand from the start: people are as if they always had, and plans foretell it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from consent.services import verify_states
from profiles.identifiers.references import Ref
from profiles.identity.engine import Fact, Trust
from profiles.identity.rules import load_rules
from profiles.identity.ruleset import apply as application
from profiles.identity.ruleset.document import as_plain, document_of_store, parse_document
from profiles.identity.ruleset.plan import plan_rules
from profiles.identity.ruleset.versions import record_rules
from profiles.identity.verify import find_drift
from profiles.models import (
    AuditEntry,
    Identifier,
    IdentityFact,
    IdentityRule,
    Merge,
    RulesApplication,
    Source,
    TrustLevel,
)
from profiles.services import (
    apply_rules,
    pause_application,
    resume_application,
    run_applications,
    save_identity_rule,
)
from tests.factories import TESTER, profile_of, send_messages
from tests.oracles import identity as oracle
from tests.oracles.cases import cases_from_outcomes, stored_cases
from tests.tries import tries

pytestmark = pytest.mark.django_db


def document(**numbers: Any) -> dict[str, Any]:
    """Return the rules of the store with other ones for namespaces, or caps."""
    content = as_plain(document_of_store())
    content["caps"] |= numbers.pop("caps", {})
    content["joining_sources"] = numbers.pop("joining_sources", content["joining_sources"])
    for rule in content["namespaces"]:
        rule |= numbers.pop(rule["namespace"], {})
    for namespace, rule in numbers.items():
        content["namespaces"].append({"namespace": namespace, "priority": 9, "limit": None} | rule)
    return content


def apply(**numbers: Any) -> RulesApplication:
    applied = apply_rules(parse_document(document(**numbers)), actor=TESTER, reason="a test")
    run_applications()
    applied.refresh_from_db()
    return applied


def parting() -> set[frozenset[str]]:
    """Return the identifiers of each profile, but public UUIDs."""
    people: dict[int, set[str]] = {}
    for identifier in Identifier.objects.exclude(profile=None).exclude(namespace="profile"):
        people.setdefault(identifier.profile_id or 0, set()).add(str(identifier))
    return set(map(frozenset, people.values()))


def naive_parting() -> set[frozenset[str]]:
    """Return who is who by the naive oracle, over the stored facts under the rules of now."""
    rows = Identifier.objects.in_bulk()
    keys = dict(Source.objects.values_list("pk", "key"))
    facts = [
        Fact(
            fact.seq,
            tuple(
                identifier_ref(rows[pk]) for pk in fact.identifier_ids if not is_blocked(rows[pk])
            ),
            keys[fact.source_id],
            Trust(fact.trust),
            fact.day,
        )
        for fact in IdentityFact.objects.order_by("seq")
    ]
    store, _ = oracle.replay([fact for fact in facts if fact.refs], load_rules(), ())
    people = {frozenset(f"{ref.namespace}:{ref.value}" for ref in p.refs) for p in store.people}
    named = frozenset().union(*people)
    # Whoever had a profile goes on having one, even if no fact keeps the identifier any more.
    alone = Identifier.objects.exclude(alone_seq=None)
    return people | {frozenset({str(row)}) for row in alone if str(row) not in named}


def identifier_ref(row: Identifier) -> Ref:
    return Ref(row.namespace, row.value)


def is_blocked(row: Identifier) -> bool:
    rule = IdentityRule.objects.filter(namespace=row.namespace).first()
    return bool(rule) and row.value in rule.blocked_values


RULES: Sequence[Mapping[str, Any]] = (
    {"email": {"limit": {"count": 1}}},
    {"anonymous_id": {"limit": {"count": 2}}, "phone": {"limit": None, "unique": True}},
    {"user_id": {"limit": None, "unique": False}, "caps": {"daily": 1, "total": 2}},
    {"user_id": {"limit": None, "unique": False}, "caps": {"daily": 900, "total": 900}},
    {"email": {"priority": 9, "limit": None}, "joining_sources": ["web"]},
    {"phone": {"blocked_values": ["+33612345671"]}, "caps": {"daily": 2, "total": 2}},
    {"email": {"weak": True}, "card": {"limit": {"count": 1}}},
)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    who = {
        "userId": draw(st.sampled_from([None, "u1", "u2", "u3"])),
        "anonymousId": draw(st.sampled_from(["a1", "a2", "a3"])),
    }
    traits = {"city": draw(st.sampled_from(["Lyon", "Rome"]))}
    if email := draw(st.sampled_from([None, "e1@x.org", "e2@x.org", "e3@x.org"])):
        traits["email"] = email
    if phone := draw(st.sampled_from([None, "+33612345671", "+33612345672"])):
        traits["phone"] = phone
    return who | {"type": "identify", "traits": traits}


requests = st.tuples(
    st.lists(messages(), min_size=1, max_size=4),
    st.sampled_from(["web", "shop"]),
    st.sampled_from([TrustLevel.CLAIM, TrustLevel.SERVER]),
)


@settings(
    deadline=None,
    max_examples=tries(40),
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    histories=st.lists(st.lists(requests, min_size=1, max_size=6), min_size=2, max_size=3),
    changes=st.lists(st.sampled_from(RULES), min_size=2, max_size=2),
    size=st.sampled_from([1, 3, 200]),
)
def test_applied_rules_give_the_people_of_a_store_in_which_they_always_stood(
    histories: Any, changes: Any, size: int
):
    with transaction.atomic():
        Source.objects.get_or_create(key="web", defaults={"name": "Web"})
        for history, change in zip(histories, [*changes, None], strict=False):
            for batch, source, trust in history:
                send_messages(*batch, source=source, trust=trust)
            assert list(find_drift()) == []
            assert stored_cases() == cases_from_outcomes()
            if change is None:
                continue
            parsed = parse_document(document(**change))
            plan = plan_rules(parsed)
            before = parting()
            apply_rules(parsed, actor=TESTER)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(application, "FACTS_AT_ONCE", size)
                run_applications()
            assert parting() == naive_parting()
            assert list(find_drift()) == []
            assert stored_cases() == cases_from_outcomes()
            assert not verify_states()
            assert plan.profiles_before == len(before)
            assert plan.profiles_after == len(parting())
            changed = plan.table.before.total() - plan.table.before["unchanged"]
            assert changed == plan.changing
        transaction.set_rollback(True)


def identify(user: str, *emails: str, **names: str) -> None:
    for email in emails:
        send_messages({"userId": user, "traits": {"email": email}} | names)


def test_a_lower_limit_parts_people_and_the_former_one_makes_them_one_again():
    identify("u1", "ada@x.org", "ada@y.org")
    one = profile_of("user_id:u1")
    done = apply(email={"limit": {"count": 1}})
    assert (done.state, done.progress, done.moved) == ("done", 1, 1)
    assert profile_of("email:ada@x.org") == one
    parted = profile_of("email:ada@y.org")
    assert parted != one
    assert one.identifiers.get(namespace="email").value == "ada@x.org"
    apply(email={"limit": {"count": 5}})
    assert profile_of("email:ada@y.org") == one
    assert profile_of(f"profile:{parted.uuid}") == one
    assert Merge.objects.get().rule == "rules"
    assert list(find_drift()) == []


def test_a_higher_cap_joins_people_between_whom_an_identifier_was_quarantined():
    rules = document(user_id={"unique": False, "limit": None})
    apply_rules(parse_document(rules), actor=TESTER)
    run_applications()
    for number in range(25):
        send_messages({"userId": f"u{number}"})
        send_messages({"userId": f"u{number}", "traits": {"phone": "+33612345678"}})
    assert Identifier.objects.get(namespace="phone").quarantined_at
    assert len(parting()) > 1
    plan = plan_rules(parse_document(document(caps={"daily": 900, "total": 900})))
    assert (plan.profiles_after, plan.quarantined_before, plan.quarantined_after) == (1, 1, 0)
    apply(caps={"daily": 900, "total": 900})
    assert len(parting()) == 1
    assert not Identifier.objects.exclude(quarantined_at=None).exists()
    assert len(set(Identifier.objects.values_list("component", flat=True))) == 1
    assert list(find_drift()) == []


def test_a_blocked_value_joins_nobody_any_more_and_stays_by_itself():
    identify("u1", "kiosk@x.org")
    send_messages({"anonymousId": "a1", "traits": {"email": "kiosk@x.org"}})
    assert profile_of("anonymous_id:a1") == profile_of("user_id:u1")
    plan = plan_rules(parse_document(document(email={"blocked_values": ["kiosk@*"]})))
    assert (plan.blocked, plan.table.before["parted"], plan.table.after["parted"]) == (1, 1, 3)
    assert plan.affected == {"events": 0, "consents": 0, "memberships": 0}
    apply(email={"blocked_values": ["kiosk@*"]})
    assert len(parting()) == 3
    assert list(find_drift()) == []
    plan = plan_rules(parse_document(document(email={"blocked_values": []})))
    assert len(plan.notes) == 1


def test_a_paused_application_goes_on_where_it_was_while_messages_come_in(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(application, "FACTS_AT_ONCE", 1)
    identify("u1", "a@x.org", "a@y.org")
    identify("u2", "b@x.org", "b@y.org")
    applied = apply_rules(
        parse_document(document(email={"limit": {"count": 1}})), actor=TESTER, reason="fewer"
    )
    assert run_applications(seconds=0)
    assert pause_application(applied, actor=TESTER)
    assert not pause_application(applied, actor=TESTER)
    assert not run_applications()
    assert profile_of("user_id:u1").identifiers.filter(namespace="email").count() == 1
    assert profile_of("user_id:u2").identifiers.filter(namespace="email").count() == 2
    assert list(find_drift()) == []
    # One person of whom a part is judged again, and one of whom none is, become one.
    send_messages({"anonymousId": "s", "traits": {"email": "a@y.org"}})
    identify("u3", "c@x.org", "c@y.org")
    assert profile_of("user_id:u3").identifiers.filter(namespace="email").count() == 1
    with pytest.raises(ValidationError, match="is being applied"):
        save_identity_rule(IdentityRule.objects.get(namespace="email"), actor=TESTER)
    assert resume_application(applied, actor=TESTER)
    run_applications()
    applied.refresh_from_db()
    assert (applied.state, applied.progress) == ("done", 1)
    assert profile_of("user_id:u2").identifiers.filter(namespace="email").count() == 1
    assert parting() == naive_parting()
    assert list(find_drift()) == []
    verbs = AuditEntry.objects.filter(object_type="identity_rules").order_by("at")
    assert list(verbs.values_list("verb", flat=True)) == [
        "identity_rules.applied",
        "identity_rules.paused",
        "identity_rules.running",
    ]


def test_other_rules_supersede_those_that_are_being_applied():
    identify("u1", "a@x.org", "a@y.org")
    first = apply_rules(parse_document(document(email={"limit": {"count": 1}})), actor=TESTER)
    second = apply(email={"limit": {"count": 3}})
    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "done")
    assert profile_of("user_id:u1").identifiers.filter(namespace="email").count() == 2


def test_a_chunk_that_read_the_former_rules_is_judged_by_those_that_hold():
    former = load_rules()
    apply(email={"limit": {"count": 1}})
    assert record_rules(former) == load_rules() != former
