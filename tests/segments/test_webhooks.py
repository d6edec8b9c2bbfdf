"""Webhooks: what is told of whom, when, in which order, and to whom never."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Signer

from consent.models import PrivacyRequest, Purpose
from consent.services import NewRequest, act_on_requests, open_request
from profiles.lib.checkpoints import handled
from profiles.models import Identifier, IdentityDecision
from profiles.services import NewDecision, decide, undo_decision
from segments.activation import checkpoints
from segments.models import Delivery, ErasureNotice, Told, WebhookSegment
from segments.services import (
    SegmentError,
    create_segment,
    create_webhook,
    deliver,
    derive_told,
    keep_webhooks,
    pause_segment,
    rebuild,
    refresh_changed,
    refresh_due,
    resume_segment,
    update_segment,
    update_webhook,
)
from tests.factories import TESTER, make_purpose, profile_of
from tests.receivers import Receiver
from tests.segments.listening import (
    ADA,
    LYON,
    SEGMENT_EVENTS,
    consent,
    listen,
    live_in,
    reasons,
    settle,
    try_at_once,
)

pytestmark = pytest.mark.django_db


def test_who_enters_and_leaves_is_told_once_each_and_signed(receiver: Receiver, lyon: Any) -> None:
    webhook, secret = create_webhook(
        name="Shop", url=receiver.url, events=SEGMENT_EVENTS, segments=[lyon], actor=TESTER
    )
    live_in("Lyon")
    consent()
    settle()
    live_in("Rome")
    settle()
    settle()
    assert reasons(receiver) == [("entered", "change"), ("exited", "change")]
    [entered, _] = receiver.taken
    assert Signer(secret).verify(entered.content, entered.headers) == entered.body
    uuid = str(profile_of(ADA).uuid)
    assert entered.body["data"] == {"profile": uuid, "segment": "lyon", "reason": "change"}
    assert list(Delivery.objects.values_list("state", "answer")) == [("delivered", 200)] * 2
    assert Told.objects.get().is_in is False
    assert webhook.events == SEGMENT_EVENTS


def test_only_who_permits_is_told_and_a_withdrawal_is_an_exit(
    receiver: Receiver, lyon: Any
) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    settle()
    assert receiver.calls == []
    consent()
    settle()
    consent("withdrawn")
    settle()
    assert reasons(receiver) == [("entered", "permission"), ("exited", "permission")]


def test_a_consent_that_ends_is_an_exit_without_anybody_saying_so(
    receiver: Receiver, lyon: Any
) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent(valid_until=(timezone.now() + timedelta(days=2)).isoformat())
    settle()
    refresh_due(now=timezone.now() + timedelta(days=1))
    deliver()
    assert receiver.events == ["segment.entered"]
    refresh_due(now=timezone.now() + timedelta(days=3))
    deliver()
    assert reasons(receiver)[1:] == [("exited", "permission")]


def test_a_webhooks_own_purpose_must_be_permitted_too(receiver: Receiver, lyon: Any) -> None:
    other = make_purpose("advertising", now=timezone.now())
    listen(receiver, lyon, purpose=other)
    live_in("Lyon")
    consent()
    settle()
    assert receiver.calls == []
    consent(purpose="advertising")
    settle()
    assert receiver.events == ["segment.entered"]


def test_an_internal_segment_leaves_only_for_a_purpose(receiver: Receiver) -> None:
    segment = create_segment(
        key="all", name="All", definition={"type": "everyone"}, status="live", actor=TESTER
    )
    with pytest.raises(SegmentError, match="internal"):
        listen(receiver, segment)
    with pytest.raises(SegmentError, match="https"):
        listen(receiver, url="http://example.org/")
    with pytest.raises(SegmentError, match="go together"):
        listen(receiver, segment, events=["consent.changed"], purpose=make_purpose())


def test_who_was_in_before_is_told_when_a_webhook_comes_and_a_definition_changes(
    receiver: Receiver, lyon: Any
) -> None:
    for city, name in (("Lyon", "ada"), ("Rome", "bob"), ("Lyon", "eve")):
        live_in(city, name)
        consent(reference=f"user_id:{name}")
    settle()
    listen(receiver, lyon)
    settle()
    assert reasons(receiver) == [("entered", "catch_up")] * 2
    update_segment(lyon, actor=TESTER, changes={"definition": LYON | {"value": "Rome"}})
    rebuild(["lyon"])
    settle()
    assert sorted(reasons(receiver)[2:]) == [
        ("entered", "definition"),
        ("exited", "definition"),
        ("exited", "definition"),
    ]
    assert not WebhookSegment.objects.filter(derive_after__isnull=False).exists()


def test_a_segment_that_is_taken_off_or_internal_now_lets_everybody_leave(
    receiver: Receiver, lyon: Any
) -> None:
    webhook = listen(receiver, lyon, events=[*SEGMENT_EVENTS, "consent.changed"])
    live_in("Lyon")
    consent()
    settle()
    update_segment(lyon, actor=TESTER, changes={"purpose": None})
    settle()
    assert receiver.events.count("segment.exited") == 1
    update_segment(lyon, actor=TESTER, changes={"purpose": Purpose.objects.get(key="newsletter")})
    settle()
    assert receiver.events[-1] == "segment.entered"
    update_webhook(webhook, actor=TESTER, changes={"segments": [], "events": ["consent.changed"]})
    settle()
    assert receiver.events[-1] == "segment.exited"
    assert not WebhookSegment.objects.exists()


def test_a_paused_segment_lets_nobody_in_and_who_must_leaves(receiver: Receiver, lyon: Any) -> None:
    listen(receiver, lyon)
    for name in ("ada", "bob"):
        live_in("Lyon", name)
    consent()
    settle()
    pause_segment(lyon, actor=TESTER)
    consent(reference="user_id:bob")
    consent("withdrawn")
    settle()
    assert receiver.events == SEGMENT_EVENTS
    resume_segment(lyon, actor=TESTER)
    settle()
    assert reasons(receiver)[2:] == [("entered", "catch_up")]


def test_a_withdrawal_between_the_outbox_and_the_call_keeps_an_entry_back(
    receiver: Receiver, lyon: Any
) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    refresh_changed()
    derive_told()
    consent("withdrawn")
    deliver()
    assert receiver.calls == []
    assert Delivery.objects.get().state == "withheld"
    settle()
    # Nothing was told, so that there is nothing to take back.
    assert receiver.calls == []
    consent(occurred_at=timezone.now().isoformat())
    settle()
    assert receiver.events == ["segment.entered"]


def test_a_withdrawal_while_the_connection_opens_keeps_an_entry_back(
    receiver: Receiver, lyon: Any
) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    refresh_changed()
    with handled(checkpoints.CLAIMED, lambda _: consent("withdrawn")):
        deliver()
    assert receiver.calls == []


def test_an_entry_that_may_have_arrived_is_taken_back_by_an_exit(
    receiver: Receiver, lyon: Any
) -> None:
    receiver.answer = lambda call: 500
    webhook = listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    consent("withdrawn")
    receiver.answer = lambda call: 200
    try_at_once(webhook)
    settle()
    assert [call.body["type"] for call in receiver.calls] == SEGMENT_EVENTS
    assert receiver.events == ["segment.exited"]


def test_restriction_and_erasure_are_told_and_nothing_of_the_person_waits(
    receiver: Receiver, lyon: Any
) -> None:
    webhook = listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    uuid = str(profile_of(ADA).uuid)
    receiver.answer = lambda call: 503
    live_in("Rome")
    settle()
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    assert not Told.objects.exists()
    assert not Delivery.objects.exists()
    assert uuid.encode() not in bytes(ErasureNotice.objects.get().sealed_key)
    receiver.answer = lambda call: 200
    try_at_once(webhook)
    settle()
    assert receiver.taken[-1].body["type"] == "erasure.requested"
    assert receiver.taken[-1].body["data"] == {"profile": uuid}
    notice = ErasureNotice.objects.get()
    assert (bool(notice.taken_at), bytes(notice.sealed_key)) == (True, b"")
    receipt = PrivacyRequest.objects.get(kind="erasure").receipt
    assert receipt["receivers"] == {"acknowledged": 1, "open": 0, "told": 1}


def test_a_notice_of_erasure_goes_only_to_who_was_told_or_asks_and_ends_after_a_month(
    receiver: Receiver, lyon: Any
) -> None:
    listen(receiver, lyon)
    listen(receiver, events=["erasure.requested"])
    live_in("Rome")
    open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
    act_on_requests()
    assert ErasureNotice.objects.count() == 1
    ErasureNotice.objects.update(created_at=timezone.now() - timedelta(days=31))
    keep_webhooks()
    assert not ErasureNotice.objects.exists()


def test_a_restricted_person_leaves(receiver: Receiver, lyon: Any) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    open_request(NewRequest(kind="restriction", references=(ADA,)), door="service", actor=TESTER)
    settle()
    assert reasons(receiver)[1:] == [("exited", "permission")]


def test_a_merge_lets_the_key_that_is_gone_leave_and_parting_brings_it_back(
    receiver: Receiver, lyon: Any
) -> None:
    purpose = make_purpose("service", now=timezone.now(), legal_basis="contract")
    update_segment(lyon, actor=TESTER, changes={"purpose": purpose})
    listen(
        receiver,
        lyon,
        purpose=purpose,
        events=[*SEGMENT_EVENTS, "profile.merged", "profile.unmerged"],
    )
    for name in ("ada", "bob"):
        live_in("Lyon", name)
    settle()
    ada, bob = (str(profile_of(f"user_id:{name}").uuid) for name in ("ada", "bob"))
    one, other = (Identifier.objects.get(value=name) for name in ("ada", "bob"))
    decide(NewDecision("same", one, other, "Same desk."), actor=TESTER)
    settle()
    settle()
    assert receiver.by_person() == {
        ada: ["segment.entered", "profile.merged"],
        bob: SEGMENT_EVENTS,
    }
    merged = next(call for call in receiver.taken if call.body["type"] == "profile.merged")
    assert merged.body["data"] == {"profile": ada, "absorbed": bob}
    assert {"exited", "merge"} in [set(pair) for pair in reasons_of_segments(receiver)]
    undo_decision(IdentityDecision.objects.get(), actor=TESTER)
    settle()
    settle()
    assert receiver.by_person()[bob] == [*SEGMENT_EVENTS, "segment.entered"]
    assert receiver.by_person()[ada][-1] == "profile.unmerged"


def reasons_of_segments(receiver: Receiver) -> list[tuple[str, str]]:
    return [
        (call.body["type"].partition(".")[2], call.body["data"]["reason"])
        for call in receiver.taken
        if "reason" in call.body["data"]
    ]


def test_a_changed_consent_is_told_as_it_is(receiver: Receiver) -> None:
    make_purpose("newsletter", now=timezone.now())
    listen(receiver, events=["consent.changed"])
    live_in("Lyon")
    consent()
    settle()
    consent("withdrawn")
    settle()
    said = [call.body["data"] for call in receiver.taken]
    assert [(each["state"], each["permitted"]) for each in said] == [
        ("given", True),
        ("withdrawn", False),
    ]
    assert {each["purpose"] for each in said} == {"newsletter"}


def test_a_grant_that_was_withdrawn_meanwhile_is_not_told(receiver: Receiver) -> None:
    make_purpose("newsletter", now=timezone.now())
    listen(receiver, events=["consent.changed"])
    live_in("Lyon")
    consent()
    refresh_changed()
    consent("withdrawn")
    settle()
    assert [call.body["data"]["state"] for call in receiver.taken] == ["withdrawn"]
