"""Delivering: one call for each delivery, of a key the oldest first, at least once.

A worker takes a delivery for a while, counts the attempt in a transaction of its own, connects,
asks the gate, and sends. Killed at any line it leaves a lease that ends, and the delivery is sent
again under the same id. A receiver that takes no call is left alone for growing times; one
delivery that a receiver refuses holds up its own key alone, and for days at most.

Invariant: an entry leaves only if the person permits it when the gate is asked, right before the
first byte. Exits always leave.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, connections, transaction

from consent.services import PERMITTED, count_receivers
from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.outgoing import Answer, NotCalled, send
from segments.activation import checkpoints, sql
from segments.activation.outbox import purposes_of
from segments.activation.outcomes import (
    Outcome,
    count_failure,
    count_success,
    delay_after,
    is_hopeless,
)
from segments.activation.sending import send_batch, send_forget
from segments.activation.signing import body_bytes, headers_of, open_key
from segments.compiler.fragments import all_of, fill, fill_named
from segments.models import Delivery, ErasureNotice, Segment, Told, Webhook, WebhookEvent

# Longer than a call takes at most.
LEASE_SECONDS = 60
# How long one lane of one webhook goes on, so that no webhook keeps a worker from the others; and
# how long one call of it may take for another one to follow.
LANE_SECONDS, SLOW_SECONDS = 10.0, 2.0
# How many calls to one webhook are made at once at most.
LANES = 4
WITHHELD = "withheld"
State = Delivery.State


def deliver(*, lanes: int = 1) -> int:
    """Send what is due to webhooks that take calls; return how many calls were made.

    With more lanes than one, as many threads call at once; each has its own connection.
    """
    webhooks = _webhooks_with_work()
    if lanes == 1 or not webhooks:
        return sum(map(_run_lane, webhooks))
    # One that failed lately is tried by one call.
    work = [pk for pk, failed in webhooks.items() for _ in range(1 if failed else LANES)]
    with ThreadPoolExecutor(max_workers=lanes) as pool:
        return sum(pool.map(_run_thread, work))


def _webhooks_with_work() -> dict[UUID, bool]:
    """Return the webhooks that have something to send now, and whether each failed lately."""
    with connection.cursor() as cursor:
        cursor.execute(sql.WITH_WORK, [LANES])
        return dict(cursor.fetchall())


def _run_thread(webhook_id: UUID) -> int:
    try:
        return _run_lane(webhook_id)
    finally:
        connections.close_all()


def _run_lane(webhook_id: UUID) -> int:
    """Send one delivery after another until there is none, or time is up."""
    count, begun = 0, time.monotonic()
    end = before = begun + LANE_SECONDS
    while (now := time.monotonic()) < end and now - before < SLOW_SECONDS:
        before = now
        count, goes_on = count + 1, _deliver_next(webhook_id)
        if not goes_on:
            break
    return count


def _deliver_next(webhook_id: UUID) -> bool:
    """Send the next delivery or notice; return whether there was one and more may go."""
    webhook = Webhook.objects.select_related("purpose", "destination__purpose").filter(
        pk=webhook_id, paused_at=None
    )
    current = webhook.first()
    if current is None or (current.retry_at and current.retry_at > database_now()):
        return False
    destination = getattr(current, "destination", None)
    if destination is not None:
        if send_batch(destination):
            return True
    elif (delivery := _claim(sql.CLAIM, Delivery, current)) is not None:
        return _send_delivery(current, delivery)
    if (notice := _claim(sql.CLAIM_NOTICE, ErasureNotice, current)) is not None:
        return _send_notice(current, notice)
    return False


def _claim(statement: str, model: Any, webhook: Webhook) -> Any:
    """Take the next row in a transaction of its own, so that the attempt counts."""
    parameters: dict[str, Any] = {"lease": uuid4(), "webhook": webhook.pk, "seconds": LEASE_SECONDS}
    with transaction.atomic():
        return next(iter(model.objects.raw(statement, parameters)), None)


def _send_delivery(webhook: Webhook, delivery: Delivery) -> bool:
    reach(checkpoints.CLAIMED, delivery)

    def may_begin() -> bool:
        at = database_now()
        is_open = may_leave(webhook, delivery, at)
        mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease)
        # Of a delivery that was taken away, by an erasure or another worker, nothing is sent.
        is_mine = mine.update(gate_read_at=at if is_open else None) == 1
        reach(checkpoints.GATE_READ, delivery)
        return is_open and is_mine

    outcome = call(webhook, delivery.message, delivery.body, may_begin)
    reach(checkpoints.ANSWERED, delivery)
    with transaction.atomic():
        return _finish(webhook, delivery, outcome)


def call(
    webhook: Webhook, message: UUID, body: Any, may_begin: Callable[[], bool] = lambda: True
) -> Outcome:
    """Call a webhook once, signed; return what came of it."""
    content = body_bytes(body)
    try:
        headers = headers_of(webhook, message, content, database_now())
        answer: Answer = send(webhook.url, content, headers, may_begin=may_begin)
    except NotCalled as error:
        return Outcome(None, error.code)
    return Outcome(answer.status, "", answer.retry_after)


def may_leave(webhook: Webhook, delivery: Delivery, at: datetime) -> bool:
    """Whether a delivery may leave now: the gate.

    Exits, and consents that permit nothing, always do. An entry needs an open segment, and all
    others the purposes that the person must permit.
    """
    match delivery.event:
        case WebhookEvent.SEGMENT_EXITED:
            return True
        case WebhookEvent.SEGMENT_ENTERED:
            segment = Segment.objects.select_related("purpose").get(pk=delivery.segment_id or 0)
            is_live = segment.status == Segment.Status.LIVE
            is_open = is_live and segment.paused_at is None and segment.failed_at is None
            return is_open and _permits(purposes_of(webhook, segment), delivery.key, at)
        case WebhookEvent.CONSENT_CHANGED:
            said = delivery.body["data"]
            return not said["permitted"] or _permits((said["purpose"],), delivery.key, at)
        case WebhookEvent.AUTOMATION_REACHED:
            purposes = {*purposes_of(webhook, None), delivery.body["data"]["purpose"]}
            return _permits(tuple(sorted(purposes)), delivery.key, at)
        case _:
            return _permits(purposes_of(webhook, None), delivery.key, at)


def _permits(purposes: tuple[str, ...], key: UUID, at: datetime) -> bool:
    if not purposes:
        return False
    gates = [fill_named(PERMITTED, {"purpose": each, "at": at}) for each in purposes]
    statement = fill(sql.OPEN_GATE, key=key, conditions=all_of(gates))
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchone() is not None


def _finish(webhook: Webhook, delivery: Delivery, outcome: Outcome) -> bool:
    """Keep what came of a call; return whether the webhook may be called on."""
    now = database_now()
    mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease)
    answer = {"answer": outcome.answer, "fault": outcome.fault, "lease": None, "leased_until": None}
    if outcome.fault == WITHHELD:
        _withhold(delivery, mine.update(state=State.WITHHELD, finished_at=now, **answer))
        return True
    if outcome.is_taken:
        mine.update(state=State.DELIVERED, finished_at=now, **answer)
        count_success(webhook, now)
        return True
    delay = delay_after(delivery.attempts, outcome.retry_after, now)
    if is_hopeless(webhook, delivery, outcome, now):
        mine.update(state=State.REFUSED, finished_at=now, **answer)
        return True
    mine.update(due_at=now + delay, **answer)
    return count_failure(webhook, outcome, now)


def _withhold(delivery: Delivery, count: int) -> None:
    """Take back what is told by an entry that never left, and have the person looked at again."""
    if not count or delivery.event != WebhookEvent.SEGMENT_ENTERED or delivery.attempts > 1:
        return
    entry = Told.objects.filter(webhook_id=delivery.webhook_id, message=delivery.message)
    entry.update(is_in=False)
    mark_changed([delivery.subject_id])


def _send_notice(webhook: Webhook, notice: ErasureNotice) -> bool:
    outcome, now = _call_about(webhook, notice), database_now()
    mine = ErasureNotice.objects.filter(pk=notice.pk, lease=notice.lease)
    if outcome.is_taken:
        with transaction.atomic():
            mine.update(sealed_key=b"", taken_at=now, lease=None, leased_until=None, fault="")
            count_success(webhook, now)
        if notice.request_id is not None:
            count_receivers(notice.request_id)
        return True
    delay = delay_after(notice.attempts, outcome.retry_after, now)
    fault = outcome.fault or f"status_{outcome.answer}"
    with transaction.atomic():
        mine.update(due_at=now + delay, lease=None, leased_until=None, fault=fault)
        return count_failure(webhook, outcome, now)


def _call_about(webhook: Webhook, notice: ErasureNotice) -> Outcome:
    """Have a receiver forget somebody."""
    destination = getattr(webhook, "destination", None)
    if destination is not None:
        return send_forget(destination, notice)
    body = {
        "type": str(WebhookEvent.ERASURE_REQUESTED),
        "timestamp": notice.created_at.isoformat(),
        "data": {"profile": str(open_key(notice.sealed_key))},
    }
    return call(webhook, notice.message, body)
