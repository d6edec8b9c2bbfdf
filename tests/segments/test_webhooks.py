"""Webhooks: what is told of whom, when, in which order, and to whom never."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from consent.models import ConsentState, Purpose
from consent.services import NewRequest, act_on_requests, open_request
from profiles.lib.checkpoints import handled
from profiles.models import Identifier, IdentityDecision, Profile
from profiles.services import NewDecision, decide, undo_decision
from segments.activation import checkpoints
from segments.activation.delivery import delay_after
from segments.models import Delivery, ErasureNotice, Told, Webhook, WebhookSegment
from segments.services import (
    SegmentError,
    create_segment,
    create_webhook,
    deliver,
    derive_told,
    keep_webhooks,
    pause_segment,
    pause_webhook,
    rebuild,
    refresh_changed,
    refresh_due,
    replay,
    resume_segment,
    resume_webhook,
    rotate_secret,
    send_test,
    update_segment,
    update_webhook,
)
from tests.factories import TESTER, make_client, make_purpose, profile_of, send_messages
from tests.receivers import Call, Receiver, receiving

pytestmark = pytest.mark.django_db
LYON = {"type": "trait", "key": "city", "operator": "equals", "value": "Lyon"}
SEGMENT_EVENTS = ["segment.entered", "segment.exited"]
ADA = "user_id:ada"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def lyon() -> Any:
    purpose = make_purpose("newsletter", now=timezone.now())
    segment = create_segment(
        key="lyon", name="Lyon", definition=LYON, purpose=purpose, status="live", actor=TESTER
    )
    rebuild(["lyon"])
    return segment


def listen(receiver: Receiver, *segments: Any, **options: Any) -> Webhook:
    fields = {"name": "Shop", "url": receiver.url, "events": SEGMENT_EVENTS} | options
    return create_webhook(segments=list(segments), actor=TESTER, **fields)[0]


def live_in(city: str, user_id: str = "ada") -> None:
    send_messages({"userId": user_id, "traits": {"city": city}})


def consent(state: str = "given", reference: str = ADA, **fields: Any) -> None:
    body = {"identifier": reference, "purpose": "newsletter", "state": state, "method": "api"}
    response = make_client().post("/api/v1/consents/", body | fields)
    assert response.status_code == 201, response.json()


def settle() -> None:
    """Do what workers do."""
    refresh_changed()
    derive_told()
    deliver()


def reasons(receiver: Receiver) -> list[tuple[str, str]]:
    return [
        (call.body["type"].partition(".")[2], call.body["data"]["reason"])
        for call in receiver.taken
    ]


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


def try_at_once(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(retry_at=None)
    Delivery.objects.filter(webhook=webhook).update(due_at=timezone.now())
    ErasureNotice.objects.filter(webhook=webhook).update(due_at=timezone.now())


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
    assert not ErasureNotice.objects.exists()


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


def test_a_receiver_that_is_down_gets_each_once_and_in_order(receiver: Receiver, lyon: Any) -> None:
    webhook = listen(receiver, lyon)
    receiver.answer = lambda call: 500
    for city in ("Lyon", "Rome", "Lyon"):
        for name in ("ada", "bob"):
            live_in(city, name)
            consent(reference=f"user_id:{name}")
        settle()
    webhook.refresh_from_db()
    assert webhook.failing_since
    assert webhook.retry_at > webhook.failing_since
    # One probe at a time, and the others wait.
    assert len(receiver.calls) == webhook.failures <= 3
    receiver.answer = lambda call: 204
    try_at_once(webhook)
    settle()
    assert (
        sorted(map(tuple, receiver.by_person().values()))
        == [(*SEGMENT_EVENTS, "segment.entered")] * 2
    )
    assert len(receiver.taken) == len({call.id for call in receiver.taken}) == 6
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.failing_since, webhook.retry_at) == (0, None, None)


def test_a_delivery_that_a_receiver_refuses_holds_up_nobody_else(
    receiver: Receiver, lyon: Any
) -> None:
    live_in("Lyon", "ada")
    poison = str(profile_of(ADA).uuid)
    receiver.answer = lambda call: 422 if call.body["data"]["profile"] == poison else 200
    listen(receiver, lyon)
    live_in("Lyon", "bob")
    for name in ("ada", "bob"):
        consent(reference=f"user_id:{name}")
    settle()
    assert receiver.events == ["segment.entered"]
    assert Webhook.objects.get().failures == 0
    refused = Delivery.objects.get(state="pending")
    assert (refused.answer, refused.attempts) == (422, 1)
    Delivery.objects.filter(pk=refused.pk).update(
        first_tried_at=timezone.now() - timedelta(days=4), due_at=timezone.now()
    )
    deliver()
    assert Delivery.objects.get(pk=refused.pk).state == "refused"


def test_a_receiver_says_when_to_come_again(receiver: Receiver, lyon: Any) -> None:
    receiver.answer = lambda call: (429, "600")
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    wait = Webhook.objects.get().retry_at - timezone.now()
    assert timedelta(seconds=590) < wait < timedelta(seconds=601)


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "1e9", "Wed, 99 Nov", "²"])
def test_delays_grow_and_nonsense_is_not_waited_for(retry_after: str) -> None:
    now = timezone.now()
    delays = [delay_after(attempts, retry_after, now) for attempts in (1, 4, 40)]
    assert timedelta(seconds=3) < delays[0] < timedelta(seconds=7)
    assert timedelta(seconds=29) < delays[1] < timedelta(seconds=51)
    assert timedelta(minutes=44) < delays[2] < timedelta(minutes=76)
    assert delay_after(1, "99999999999", now) == timedelta(days=1)


def test_a_receiver_that_is_gone_or_fails_for_days_is_paused_and_shown(
    receiver: Receiver, lyon: Any
) -> None:
    webhook = listen(receiver, lyon)
    receiver.answer = lambda call: 410
    live_in("Lyon")
    consent()
    settle()
    webhook.refresh_from_db()
    assert webhook.pause_reason == "gone"
    resume_webhook(webhook, actor=TESTER)
    receiver.answer = lambda call: 500
    try_at_once(webhook)
    settle()
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=4))
    keep_webhooks()
    webhook.refresh_from_db()
    assert webhook.pause_reason == "failing"
    receiver.answer = lambda call: 200
    resume_webhook(webhook, actor=TESTER)
    try_at_once(webhook)
    settle()
    assert receiver.events == ["segment.entered"]


def test_too_much_waiting_pauses_the_webhook_and_resuming_tells_what_differs(
    receiver: Receiver, lyon: Any, settings: Any
) -> None:
    webhook = listen(receiver, lyon)
    pause_webhook(webhook, actor=TESTER)
    live_in("Lyon")
    consent()
    settle()
    settings.WEBHOOK_MOST_WAITING = 0
    keep_webhooks()
    live_in("Lyon", "bob")
    consent(reference="user_id:bob")
    settle()
    assert Delivery.objects.count() == 1
    settings.WEBHOOK_MOST_WAITING = 10
    resume_webhook(webhook, actor=TESTER)
    settle()
    assert reasons(receiver) == [("entered", "change"), ("entered", "catch_up")]


def test_both_secrets_sign_for_a_day_after_a_rotation(receiver: Receiver, lyon: Any) -> None:
    webhook, former = create_webhook(
        name="Shop", url=receiver.url, events=SEGMENT_EVENTS, segments=[lyon], actor=TESTER
    )
    secret = rotate_secret(webhook, actor=TESTER)
    webhook.refresh_from_db()
    assert send_test(webhook).answer == 200
    [call] = receiver.taken
    for each in (former, secret):
        assert Signer(each).verify(call.content, call.headers)["type"] == "webhook.test"
    Webhook.objects.update(former_until=timezone.now())
    webhook.refresh_from_db()
    send_test(webhook)
    call = receiver.taken[-1]
    Signer(secret).verify(call.content, call.headers)
    with pytest.raises(WebhookVerificationError):
        Signer(former).verify(call.content, call.headers)
    assert former.encode() not in bytes(webhook.sealed_former_secret or b"")


def test_a_replay_sends_the_same_again_in_order_and_asks_the_gate(
    receiver: Receiver, lyon: Any
) -> None:
    webhook = listen(receiver, lyon)
    since = timezone.now() - timedelta(minutes=1)
    for name in ("ada", "bob"):
        live_in("Lyon", name)
        consent(reference=f"user_id:{name}")
    settle()
    consent("withdrawn")
    settle()
    first = [call.id for call in receiver.taken]
    receiver.taken.clear()
    assert replay(webhook, since=since, actor=TESTER) == 3
    deliver()
    again = [call.id for call in receiver.taken]
    assert again == [each for each in first if each in again]
    assert receiver.by_person() == {
        str(profile_of(ADA).uuid): ["segment.exited"],
        str(profile_of("user_id:bob").uuid): ["segment.entered"],
    }
    settle()
    assert len(receiver.taken) == 2


def test_what_is_old_of_the_log_goes(receiver: Receiver, lyon: Any) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    settle()
    Delivery.objects.update(finished_at=timezone.now() - timedelta(days=31))
    keep_webhooks()
    assert not Delivery.objects.exists()
    # That something was told is known as long as the person.
    assert Told.objects.count() == 1


def test_a_lease_that_ended_is_sent_again_under_the_same_id(receiver: Receiver, lyon: Any) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    refresh_changed()

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with handled(checkpoints.ANSWERED, die), pytest.raises(KeyboardInterrupt):
        deliver()
    assert deliver() == 0
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert deliver() >= 1
    assert len(receiver.taken) == 2
    assert len({call.id for call in receiver.taken}) == 1
    assert ConsentState.objects.count() == Profile.objects.count() == 1


def test_an_erasure_in_the_midst_of_a_call_comes_after_it(receiver: Receiver, lyon: Any) -> None:
    listen(receiver, lyon)
    live_in("Lyon")
    consent()
    refresh_changed()

    def erase(call: Call | Delivery) -> None:
        open_request(NewRequest(kind="erasure", references=(ADA,)), door="service", actor=TESTER)
        act_on_requests()

    with handled(checkpoints.CLAIMED, erase):
        deliver()
    assert receiver.calls == []
    assert ErasureNotice.objects.get().due_at > timezone.now() + timedelta(seconds=30)
