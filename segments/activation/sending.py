"""Sending to destinations: in batches, each of which is behind the gate until its first byte.

Whom a batch is about, and what is sent of them, is read anew when it is sent. A batch that a tool
refuses as a whole is halved until those who were refused stand alone.

Invariant: of whoever is not present for the destination right before the first byte, nothing leaves
but the exit, by the reference that was told.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from profiles.lib.change_queue import mark_changed
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from segments.activation import checkpoints, sql
from segments.activation.destinations.exchange import CallFailed, Exchange
from segments.activation.destinations.tools import Item
from segments.activation.outcomes import (
    Outcome,
    count_failure,
    count_success,
    delay_after,
    is_hopeless,
)
from segments.activation.references import open_credentials, open_reference
from segments.activation.states import Target, presences, target_of, wishes_of
from segments.models import (
    Delivery,
    Destination,
    ErasureNotice,
    KeyHolder,
    Told,
    WebhookEvent,
)

# Longer than the calls of a batch take at most.
LEASE_SECONDS = 120
WITHHELD = "withheld"
# Whose permission ended between reading and sending is left out of a batch so often, at most.
TRIES = 3
State = Delivery.State


def send_batch(destination: Destination) -> bool:
    """Send the next batch of a destination; return whether there was one and more may go."""
    target = target_of(destination)
    interval = target.tool.seconds_between_runs(destination.settings)
    if interval and destination.next_call_at and destination.next_call_at > database_now():
        return False
    deliveries = _claim(target)
    if not deliveries:
        _gather(destination, interval)
        return False
    reach(checkpoints.CLAIMED, deliveries[0])
    return _send(target, deliveries)


def _gather(destination: Destination, seconds: float) -> None:
    """Let what changes from now on wait for the next run, where a tool is sent to at intervals."""
    if seconds:
        next_call_at = database_now() + timedelta(seconds=seconds)
        Destination.objects.filter(pk=destination.pk).update(next_call_at=next_call_at)


def send_forget(destination: Destination, notice: ErasureNotice) -> Outcome:
    """Have a destination forget somebody who was erased; return what came of it."""
    target = target_of(destination)
    item = Item(notice.message, open_reference(notice.sealed_key), f"msg_{notice.message.hex}")
    try:
        faults = target.tool.forget(exchange_of(target), [item])
    except CallFailed as error:
        return error.outcome
    return _refusal(faults[item.key]) if faults else Outcome(200, "")


def exchange_of(target: Target, may_begin: Callable[[], bool] = lambda: True) -> Exchange:
    """Return what makes the calls of a destination."""
    credentials = open_credentials(target.destination.sealed_credentials)
    return Exchange(target.destination, credentials, target.tool.seconds_between_calls, may_begin)


def _claim(target: Target) -> list[Delivery]:
    """Take the next deliveries of one kind in a transaction of its own."""
    due = Delivery.objects.filter(webhook_id=target.destination.pk, state=State.PENDING)
    first = due.filter(due_at__lte=database_now()).order_by("pk").first()
    if first is None:
        return []
    is_removal = first.event == WebhookEvent.SEGMENT_EXITED
    parameters: dict[str, Any] = {
        "lease": uuid4(),
        "webhook": target.destination.pk,
        "seconds": LEASE_SECONDS,
        "event": first.event,
        "most": target.tool.size_of_batch(target.destination.settings, is_removal=is_removal),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_BATCH, parameters)
        ids = [pk for (pk,) in cursor.fetchall()]
    return list(Delivery.objects.filter(pk__in=ids).order_by("pk"))


def _send(target: Target, deliveries: Sequence[Delivery]) -> bool:
    """Send deliveries of one kind; return whether the destination may be called on."""
    for _ in range(TRIES):
        items, people = _items(target, deliveries)
        _withhold([each for each in deliveries if each.key not in items])
        deliveries = [each for each in deliveries if each.key in items]
        if not deliveries:
            return True
        outcome, faults = _call(target, deliveries, items, people)
        if outcome.fault != WITHHELD:
            break
    reach(checkpoints.ANSWERED, deliveries[0])
    if outcome.is_refusal and len(deliveries) > 1:
        middle = len(deliveries) // 2
        return _send(target, deliveries[:middle]) and _send(target, deliveries[middle:])
    with transaction.atomic():
        return _finish(target.destination, deliveries, outcome, faults)


def _items(
    target: Target, deliveries: Sequence[Delivery]
) -> tuple[dict[UUID, Item], frozenset[int]]:
    """Return what is sent of each delivery now, by key, and whose permission it needs."""
    keys = {each.key: f"msg_{each.message.hex}" for each in deliveries}
    if deliveries[0].event == WebhookEvent.SEGMENT_EXITED:
        left = Told.objects.filter(webhook_id=target.destination.pk, key__in=keys, is_in=False)
        rows = left.values_list("key", "sealed_reference")
        items = {key: Item(key, open_reference(ref), keys[key]) for key, ref in rows if ref}
        return items, frozenset()
    holders = KeyHolder.objects.filter(webhook_id=target.destination.pk, key__in=keys)
    ids = list(holders.values_list("subject_id", flat=True))
    wishes = [
        wish
        for wish in wishes_of(target, ids, database_now()).values()
        if wish.key in keys and wish.presence.is_open
    ]
    items = {wish.key: Item(wish.key, wish.fields, keys[wish.key]) for wish in wishes}
    return items, frozenset(wish.profile_id for wish in wishes)


def _call(
    target: Target,
    deliveries: Sequence[Delivery],
    items: Mapping[UUID, Item],
    people: frozenset[int],
) -> tuple[Outcome, Mapping[UUID, str]]:
    send = target.tool.put if people else target.tool.take_out
    may_begin = _gate(target, deliveries, people)
    try:
        faults = send(exchange_of(target, may_begin), [items[each.key] for each in deliveries])
    except CallFailed as error:
        return error.outcome, {}
    return Outcome(200, ""), faults


def _gate(
    target: Target, deliveries: Sequence[Delivery], people: frozenset[int]
) -> Callable[[], bool]:
    """Return what asks the gate for a batch, and keeps that it was asked."""
    ids = [each.pk for each in deliveries]
    keys = [each.key for each in deliveries]

    def may_begin() -> bool:
        at = database_now()
        is_open = people <= presences(target, people, at).keys()
        # Of a delivery that was taken away, by an erasure or another worker, nothing is sent.
        mine = Delivery.objects.filter(pk__in=ids, lease=deliveries[0].lease)
        is_mine = mine.update(gate_read_at=at if is_open else None) == len(ids)
        if is_open and is_mine:
            rows = Told.objects.filter(webhook_id=target.destination.pk, key__in=keys)
            rows.update(sent_at=Coalesce(F("sent_at"), Value(at)))
        reach(checkpoints.GATE_READ, deliveries[0])
        return is_open and is_mine

    return may_begin


def _finish(
    destination: Destination,
    deliveries: Sequence[Delivery],
    outcome: Outcome,
    faults: Mapping[UUID, str],
) -> bool:
    """Keep what came of a batch; return whether the destination may be called on."""
    now = database_now()
    if not outcome.is_taken:
        for each in deliveries:
            _put_off(destination, each, outcome, now)
        return outcome.fault == WITHHELD or count_failure(destination, outcome, now)
    count_success(destination, now)
    taken = [each.pk for each in deliveries if each.key not in faults]
    rows = Delivery.objects.filter(pk__in=taken, lease=deliveries[0].lease)
    rows.update(state=State.DELIVERED, finished_at=now, answer=outcome.answer, **_RELEASED)
    for each in deliveries:
        if each.key in faults:
            _put_off(destination, each, _refusal(faults[each.key]), now)
    return True


_RELEASED: dict[str, Any] = {"fault": "", "lease": None, "leased_until": None}


def _refusal(fault: str) -> Outcome:
    """That a tool took a call and not everybody in it: 422 is what it says of one."""
    return Outcome(422, fault[:40])


def _put_off(destination: Destination, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Let a delivery wait for its next attempt, or end it where there is no hope."""
    mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease)
    answer = {**_RELEASED, "answer": outcome.answer, "fault": outcome.fault}
    if is_hopeless(destination, delivery, outcome, now):
        mine.update(state=State.REFUSED, finished_at=now, **answer)
    else:
        delay = delay_after(delivery.attempts, outcome.retry_after, now)
        mine.update(due_at=now + delay, **answer)


def _withhold(deliveries: Sequence[Delivery]) -> None:
    """End what may not leave; who was never sent is not told, and is looked at again."""
    for each in deliveries:
        with transaction.atomic():
            mine = Delivery.objects.filter(pk=each.pk, lease=each.lease)
            ended = mine.update(
                state=State.WITHHELD,
                finished_at=database_now(),
                **_RELEASED | {"fault": WITHHELD},
            )
            if ended and each.event == WebhookEvent.SEGMENT_ENTERED:
                entries = Told.objects.filter(webhook_id=each.webhook_id, message=each.message)
                entries.filter(sent_at=None).update(is_in=False)
                # What was sent before and may not be kept leaves, what changed meanwhile is told.
                entries.exclude(sent_at=None).update(digest="")
                mark_changed([each.subject_id])
