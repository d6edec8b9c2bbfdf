"""Destinations: who is written to a tool and taken out of it, as what, when, and who never."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from consent.models import PrivacyRequest
from consent.services import NewRequest, act_on_requests, open_request
from profiles.lib.checkpoints import handled
from profiles.models import Identifier, Profile
from profiles.services import NewDecision, decide
from segments.activation import checkpoints
from segments.models import Delivery, Destination, ErasureNotice, KeyHolder, Told
from segments.services import (
    SegmentError,
    deliver,
    derive_told,
    keep_webhooks,
    pause_segment,
    pause_webhook,
    refresh_changed,
    refresh_due,
    resume_segment,
    resume_webhook,
)
from tests.factories import TESTER, make_purpose, profile_of, send_messages
from tests.segments.listening import ADA, consent, settle
from tests.segments.sending import call_at_once, known, log_of, make_everyone, to_people
from tests.tools import People, Request, Response

pytestmark = pytest.mark.django_db


def test_who_enters_is_sent_as_the_mapping_says_and_who_leaves_is_taken_out(
    people: People, lyon: Any
) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    settle()
    assert people.people == {
        "ada@example.org": {"id": "ada@example.org", "city": "Lyon", "in": ["lyon"]}
    }
    known(city="Rome")
    settle()
    assert people.people == {}
    assert log_of(destination) == [
        ("delivered", "entered", "change"),
        ("delivered", "exited", "change"),
    ]
    settle()
    assert len(people.calls) == 2


def test_only_what_the_mapping_sends_is_an_update(people: People) -> None:
    make_purpose("newsletter", now=timezone.now())
    everyone = make_everyone()
    to_people(people, everyone)
    known()
    consent()
    settle()
    known(shoe_size=44)
    settle()
    assert len(people.calls) == 1
    known(city="Rome")
    settle()
    assert people.people["ada@example.org"]["city"] == "Rome"


@pytest.mark.parametrize("end", ["withdrawal", "expiry", "objection", "restriction"])
def test_the_end_of_a_permission_takes_a_person_out(people: People, lyon: Any, end: str) -> None:
    purpose = make_purpose("offers", now=timezone.now(), is_direct_marketing=True)
    to_people(people, lyon, purpose=purpose)
    known()
    consent(purpose="offers")
    until = timezone.now() + timedelta(days=1)
    consent(valid_until=until.isoformat())
    settle()
    assert people.people
    match end:
        case "withdrawal":
            consent("withdrawn")
        case "expiry":
            refresh_due(now=until + timedelta(hours=1))
            Delivery.objects.update(due_at=timezone.now())
        case kind:
            request = NewRequest(kind=kind, references=(ADA,))
            open_request(request, door="service", actor=TESTER)
            act_on_requests()
    settle()
    assert people.people == {}
    assert people.calls[-1].body["people"] == [{"id": "ada@example.org", "action": "exit"}]


def test_who_never_left_is_not_named_by_an_exit(people: People, lyon: Any) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    refresh_changed()
    consent("withdrawn")
    refresh_changed()
    deliver()
    assert people.calls == []
    assert log_of(destination) == [("replaced", "entered", "change")]
    assert not Told.objects.filter(is_in=True).exists()
    consent(occurred_at=timezone.now().isoformat())
    settle()
    assert list(people.people) == ["ada@example.org"]


def test_a_withdrawal_while_the_connection_opens_keeps_everything_back(
    people: People, lyon: Any
) -> None:
    to_people(people, lyon)
    for name in ("ada", "bob"):
        known(name)
        consent(reference=f"user_id:{name}")
    refresh_changed()
    with handled(checkpoints.CLAIMED, lambda _: consent("withdrawn")):
        deliver()
    settle()
    assert list(people.people) == ["bob@example.org"]
    assert all("ada@" not in str(call.body) for call in people.calls)


def test_an_exit_names_the_key_that_was_told(people: People, lyon: Any) -> None:
    to_people(people, lyon)
    known()
    consent()
    settle()
    send_messages({"userId": "ada", "traits": {"city": "Lyon", "email": "new@example.org"}})
    settle()
    assert list(people.people) == ["new@example.org"]
    actions = [row.get("action") for call in people.calls for row in call.body["people"]]
    assert actions == [None, "exit", None]


def test_a_key_that_two_people_share_stays_until_both_have_left(people: People, lyon: Any) -> None:
    to_people(people, lyon, mapping={"id": "traits.household", "body": {"id": "traits.household"}})
    for name in ("ada", "bob"):
        known(name, household="h1")
        consent(reference=f"user_id:{name}")
    settle()
    assert list(people.people) == ["h1"]
    consent("withdrawn")
    settle()
    assert list(people.people) == ["h1"]
    consent("withdrawn", reference="user_id:bob")
    settle()
    assert people.people == {}
    assert not KeyHolder.objects.exists()


def test_who_is_in_two_segments_leaves_with_the_last(people: People, lyon: Any) -> None:
    other = make_everyone()
    to_people(people, lyon, other)
    known()
    consent()
    settle()
    assert people.people["ada@example.org"]["in"] == ["all", "lyon"]
    known(city="Rome")
    settle()
    assert people.people["ada@example.org"]["in"] == ["all"]


def test_of_several_changes_that_wait_the_newest_alone_is_sent(people: People) -> None:
    make_purpose("newsletter", now=timezone.now())
    destination = to_people(people, make_everyone())
    known()
    consent()
    settle()
    pause_webhook(destination, actor=TESTER)
    for city in ("Rome", "Oslo", "Bern"):
        known(city=city)
        settle()
    resume_webhook(destination, actor=TESTER)
    settle()
    assert len(people.calls) == 2
    assert people.people["ada@example.org"]["city"] == "Bern"
    assert [state for state, *_ in log_of(destination)].count("replaced") == 2


def test_a_batch_that_is_refused_is_halved_until_who_was_refused_stands_alone(
    people: People, lyon: Any
) -> None:
    destination = to_people(people, lyon)
    people.refused = {"cay@example.org"}
    for name in ("ada", "bob", "cay", "dan"):
        known(name)
        consent(reference=f"user_id:{name}")
    refresh_changed()
    deliver()
    assert sorted(people.people) == [f"{name}@example.org" for name in ("ada", "bob", "dan")]
    waiting = Delivery.objects.get(state="pending")
    assert (waiting.answer, waiting.attempts) == (422, 1)
    Delivery.objects.filter(pk=waiting.pk).update(first_tried_at=timezone.now() - timedelta(days=4))
    call_at_once(destination)
    deliver()
    assert Delivery.objects.get(pk=waiting.pk).state == "refused"


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_tool_that_is_away_gets_each_once_it_is_back(
    people: People, lyon: Any, status: int
) -> None:
    destination = to_people(people, lyon)
    people.fail = lambda request: Response(status, None, {"Retry-After": "600"})
    known()
    consent()
    settle()
    destination.refresh_from_db()
    wait = destination.retry_at - timezone.now()
    assert timedelta(seconds=590) < wait < timedelta(seconds=601)
    people.fail = lambda request: None
    deliver()
    assert people.people == {}
    call_at_once(destination)
    deliver()
    assert list(people.people) == ["ada@example.org"]
    first, second = (call.headers["idempotency-key"] for call in people.calls)
    assert first == second


def test_a_worker_that_dies_sends_again_under_the_same_id(people: People, lyon: Any) -> None:
    to_people(people, lyon)
    known()
    consent()
    refresh_changed()

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with handled(checkpoints.ANSWERED, die), pytest.raises(KeyboardInterrupt):
        deliver()
    assert deliver() == 0
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    deliver()
    assert len({call.headers["idempotency-key"] for call in people.calls}) == 1
    assert len(people.calls) == 2


def test_who_was_erased_is_forgotten_and_the_receipt_says_so(people: People, lyon: Any) -> None:
    destination = to_people(people, lyon)
    known()
    consent()
    settle()
    people.fail = lambda request: Response(503)
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    settle()
    assert not Told.objects.exists()
    assert not KeyHolder.objects.exists()
    assert not Delivery.objects.exists()
    assert b"ada@" not in bytes(ErasureNotice.objects.get().sealed_key)
    receipt = PrivacyRequest.objects.get().receipt
    assert receipt["receivers"] == {"acknowledged": 0, "open": 1, "told": 1}
    people.fail = lambda request: None
    call_at_once(destination)
    settle()
    assert people.calls[-1].body["people"] == [{"id": "ada@example.org", "action": "forget"}]
    receipt = PrivacyRequest.objects.get().receipt
    assert receipt["receivers"] == {"acknowledged": 1, "open": 0, "told": 1}
    ErasureNotice.objects.update(created_at=timezone.now() - timedelta(days=31))
    keep_webhooks()
    assert not ErasureNotice.objects.exists()


def test_of_whom_nothing_left_no_tool_is_told_that_they_are_erased(
    people: People, lyon: Any
) -> None:
    destination = to_people(people, lyon)
    pause_webhook(destination, actor=TESTER)
    known()
    consent()
    settle()
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    assert not ErasureNotice.objects.exists()


def test_a_merge_keeps_a_key_that_both_are_known_by(people: People) -> None:
    purpose = make_purpose("newsletter", now=timezone.now(), legal_basis="contract")
    destination = to_people(people, make_everyone(), purpose=purpose)
    known("ada")
    send_messages({"userId": "bob", "traits": {"city": "Lyon"}})
    settle()
    one, other = (Identifier.objects.get(value=name) for name in ("ada", "bob"))
    decide(NewDecision("same", one, other, "Same desk."), actor=TESTER)
    settle()
    settle()
    assert list(people.people) == ["ada@example.org"]
    assert Told.objects.get(is_in=True).subject_id == profile_of(ADA).pk
    assert destination.deliveries.filter(event="segment.exited").count() == 0


def test_identifiers_that_nobody_vouched_for_are_left_out_where_it_says_so(
    people: People, lyon: Any
) -> None:
    to_people(people, lyon, only_vouched=True)
    known()
    consent()
    Identifier.objects.filter(namespace="email").update(is_vouched=False)
    settle()
    assert people.calls == []
    Identifier.objects.filter(namespace="email").update(is_vouched=True)
    known(shoe_size=44)
    settle()
    assert list(people.people) == ["ada@example.org"]


def test_a_paused_segment_lets_nobody_in_and_resuming_sends_what_was_missed(
    people: People, lyon: Any
) -> None:
    to_people(people, lyon)
    known()
    consent()
    settle()
    pause_segment(lyon, actor=TESTER)
    known("bob")
    consent(reference="user_id:bob")
    settle()
    consent("withdrawn")
    settle()
    assert people.people == {}
    resume_segment(lyon, actor=TESTER)
    settle()
    assert list(people.people) == ["bob@example.org"]


def test_the_rate_of_a_tool_is_kept(people: People, lyon: Any) -> None:
    to_people(people, lyon, settings={"batch": "1"})
    for name in ("ada", "bob", "cay"):
        known(name)
        consent(reference=f"user_id:{name}")
    settle()
    turn = Destination.objects.get().next_call_at
    assert turn is not None
    assert len(people.people) == 3
    # Each call moved the next turn on by its share of a second.
    assert turn > timezone.now() - timedelta(seconds=5)
    assert Profile.objects.count() == 3


def test_a_call_that_two_workers_would_make_is_made_once(people: People, lyon: Any) -> None:
    to_people(people, lyon)
    known()
    consent()
    refresh_changed()
    seen: list[Request] = []

    def meanwhile(_: object) -> None:
        if not seen:
            seen.append(Request("", "", {}, None, {}))
            assert deliver() == 0

    with handled(checkpoints.CLAIMED, meanwhile):
        deliver()
    derive_told()
    assert len(people.calls) == 1


def test_of_segments_with_a_priority_the_first_that_is_permitted_counts(
    people: People, lyon: Any
) -> None:
    everyone, all_of_them = make_everyone(), make_everyone("more")
    to_people(people, everyone, lyon, all_of_them, priority=["lyon", "all"])
    known()
    known("bob", city="Rome")
    consent()
    consent(reference="user_id:bob")
    settle()
    assert {key: row["in"] for key, row in people.people.items()} == {
        "ada@example.org": ["lyon", "more"],
        "bob@example.org": ["all", "more"],
    }
    known(city="Rome")
    settle()
    assert people.people["ada@example.org"]["in"] == ["all", "more"]


@pytest.mark.parametrize("priority", [["lyon", "nobody"], ["lyon", "lyon"]])
def test_a_priority_names_each_of_its_segments_once(
    people: People, lyon: Any, priority: list[str]
) -> None:
    with pytest.raises(SegmentError) as refused:
        to_people(people, lyon, priority=priority)
    assert refused.value.field == "priority[1]"
    assert not Destination.objects.exists()
