"""Deliveries to receivers of webhooks: faults, pauses, replays, secrets, and their end."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from consent.models import ConsentState
from consent.services import NewRequest, act_on_requests, open_request
from profiles.lib.checkpoints import handled
from profiles.models import Profile
from segments.activation import checkpoints
from segments.activation.outcomes import delay_after
from segments.models import Delivery, ErasureNotice, Told, Webhook
from segments.services import (
    create_webhook,
    deliver,
    keep_webhooks,
    pause_webhook,
    refresh_changed,
    replay,
    resume_webhook,
    rotate_secret,
    send_test,
)
from tests.factories import TESTER, profile_of
from tests.receivers import Call, Receiver
from tests.segments.listening import (
    ADA,
    SEGMENT_EVENTS,
    consent,
    listen,
    live_in,
    reasons,
    settle,
    try_at_once,
)

pytestmark = pytest.mark.django_db


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
