"""Webhooks: making, changing and ending them, and what staff and services do with one.

Invariant: a webhook hears of a segment only for a purpose, its own or that of the segment, and of
profiles as such only for its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from uuid_utils.compat import uuid7

from consent.models import Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.lib.outgoing import is_callable_url
from profiles.services import Actor, audited, differences
from segments.activation.delivery import call
from segments.activation.derive import CATCH_UP, DERIVE
from segments.activation.handing import compare_handed
from segments.activation.outbox import DELIVER
from segments.activation.outcomes import Outcome
from segments.activation.signing import new_secret, seal_secret
from segments.definitions.save import SegmentError
from segments.models import Delivery, Destination, Segment, Told, Webhook, WebhookEvent

# How long the former secret signs, too, once there is a new one.
OVERLAP = timedelta(hours=24)
ABOUT_PROFILES = (WebhookEvent.PROFILE_MERGED, WebhookEvent.PROFILE_UNMERGED)
ABOUT_SEGMENTS = (WebhookEvent.SEGMENT_ENTERED, WebhookEvent.SEGMENT_EXITED)
REPLAYED = (Delivery.State.DELIVERED, Delivery.State.REFUSED)
TYPE, DESTINATION = "webhook", "destination"


def create_webhook(
    *,
    name: str,
    url: str,
    events: Sequence[str],
    segments: Sequence[Segment] = (),
    purpose: Purpose | None = None,
    actor: Actor,
) -> tuple[Webhook, str]:
    """Make a webhook; return it with its secret, which is shown once.

    Who is in its segments already is told, too. Raises SegmentError.
    """
    secret = new_secret()
    with audited(actor, "webhook.created") as deed:
        webhook = Webhook(name=name, url=url, events=_completed(events), purpose=purpose)
        webhook.sealed_secret = seal_secret(secret)
        _save(webhook)
        set_segments(webhook, segments)
        deed.about(TYPE, webhook.pk, **differences({}, _audited_state(webhook)))
    return webhook, secret


def update_webhook(webhook: Webhook, *, actor: Actor, changes: Mapping[str, Any]) -> Webhook:
    """Change a webhook: its name, address, events, segments or purpose. Raises SegmentError."""
    with audited(actor, "webhook.changed") as deed:
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        before = _audited_state(webhook)
        for field in ("name", "url", "purpose"):
            setattr(webhook, field, changes.get(field, getattr(webhook, field)))
        webhook.events = _completed(changes.get("events", webhook.events))
        if "url" in changes:
            # Another receiver may be well.
            webhook.failures, webhook.failing_since, webhook.retry_at = 0, None, None
        _save(webhook)
        set_segments(webhook, changes.get("segments", heard_segments(webhook)))
        if before["purpose"] != _audited_state(webhook)["purpose"]:
            compare_all(webhook)
        deed.about(TYPE, webhook.pk, **differences(before, _audited_state(webhook)))
        return webhook


def delete_webhook(webhook: Webhook, *, actor: Actor) -> None:
    """End a webhook, with what waits for it and what it was told."""
    kind = kind_of(webhook)
    with audited(actor, f"{kind}.deleted") as deed:
        deed.about(kind, webhook.pk, **differences(_audited_state(webhook), {}))
        for model in (Delivery, Told):
            rows = model._default_manager.filter(webhook=webhook)
            rows._raw_delete(rows.db)
        Webhook.objects.filter(pk=webhook.pk).delete()


def rotate_secret(webhook: Webhook, *, actor: Actor) -> str:
    """Give a webhook a new secret and return it. The former one signs, too, for a day."""
    secret = new_secret()
    with audited(actor, "webhook.secret_rotated") as deed:
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        webhook.sealed_former_secret = webhook.sealed_secret
        webhook.former_until = database_now() + OVERLAP
        webhook.sealed_secret = seal_secret(secret)
        webhook.save(update_fields=["sealed_secret", "sealed_former_secret", "former_until"])
        deed.about(TYPE, webhook.pk, former_until=[None, webhook.former_until.isoformat()])
    return secret


def pause_webhook(webhook: Webhook, *, actor: Actor) -> Webhook:
    """Call a webhook no more. What changes waits."""
    kind = kind_of(webhook)
    with audited(actor, f"{kind}.paused") as deed:
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        if webhook.paused_at is None:
            webhook.paused_at = database_now()
            webhook.pause_reason = Webhook.PauseReason.STAFF
            webhook.save(update_fields=["paused_at", "pause_reason"])
            deed.about(kind, webhook.pk, paused=[False, True])
        return webhook


def resume_webhook(webhook: Webhook, *, actor: Actor) -> Webhook:
    """Call a webhook again: what waits is sent, and what was told is compared with what is."""
    kind = kind_of(webhook)
    with audited(actor, f"{kind}.resumed") as deed:
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        if webhook.paused_at is not None:
            webhook.paused_at, webhook.pause_reason, webhook.is_behind = None, "", False
            webhook.failures, webhook.failing_since, webhook.retry_at = 0, None, None
            webhook.save()
            compare_all(webhook)
            deed.about(kind, webhook.pk, paused=[True, False])
            nudge(DELIVER)
        return webhook


def replay(webhook: Webhook, *, since: datetime, actor: Actor) -> int:
    """Send again what was taken or refused since a time, in its order; return how much.

    The ids are those of then. Entries ask the gate again. A destination gets what each person is
    to be there now.
    """
    kind = kind_of(webhook)
    with audited(actor, f"{kind}.replayed") as deed:
        rows = Delivery.objects.filter(webhook=webhook, created_at__gte=since, state__in=REPLAYED)
        if kind == DESTINATION:
            # A destination has states: of each key the newest is what it is to have.
            newest = rows.order_by().values("key").annotate(newest=Max("pk"))
            rows = Delivery.objects.filter(pk__in=list(newest.values_list("newest", flat=True)))
        count = rows.update(
            state=Delivery.State.PENDING,
            due_at=database_now(),
            first_tried_at=None,
            finished_at=None,
        )
        deed.about(kind, webhook.pk, since=[None, since.isoformat()], deliveries=[None, count])
        nudge(DELIVER)
    return count


def send_test(webhook: Webhook) -> Outcome:
    """Call a webhook with an event that is about nobody; return what came of it."""
    now = database_now()
    body = {"type": "webhook.test", "timestamp": now.isoformat(), "data": {"webhook": webhook.name}}
    return call(webhook, uuid7(), body)


def kind_of(webhook: Webhook) -> str:
    """Return what a receiver is called in the audit: a webhook or a destination."""
    is_destination = Destination.objects.filter(pk=webhook.pk).exists()
    return DESTINATION if is_destination else TYPE


def heard_segments(webhook: Webhook) -> list[Segment]:
    """Return the segments that a webhook hears of, by their keys."""
    rows = webhook.subscriptions.filter(is_ending=False).select_related("segment")
    return [row.segment for row in rows.order_by("segment__key")]


def _completed(events: Iterable[str]) -> list[str]:
    """Whoever hears of entries hears of exits."""
    about_segments = set(events) & set(ABOUT_SEGMENTS)
    return sorted({*map(str, events), *(map(str, ABOUT_SEGMENTS) if about_segments else ())})


def _save(webhook: Webhook) -> None:
    """Save a webhook. Raises SegmentError where it could not be called, or hears for nothing."""
    if not is_callable_url(webhook.url):
        raise SegmentError("url", "An address begins with https:// and names a host.")
    if not webhook.events:
        raise SegmentError("events", "Name at least one event.")
    if webhook.purpose is None and set(webhook.events) & set(ABOUT_PROFILES):
        raise SegmentError("purpose", "Of merges a webhook hears only for a purpose: name one.")
    webhook.save()


def set_segments(webhook: Webhook, segments: Iterable[Segment]) -> None:
    """Let a webhook hear of these segments; whom it was told of in others leaves them."""
    chosen = {segment.pk: segment for segment in segments}
    former = set(webhook.subscriptions.filter(is_ending=False).values_list("segment_id", flat=True))
    for pk, segment in chosen.items():
        if segment.purpose is None and webhook.purpose is None:
            detail = f"{segment.key} is internal and leaves only for a purpose: name one."
            raise SegmentError("purpose", detail)
        if pk not in former and segment.status == Segment.Status.ARCHIVED:
            raise SegmentError("segments", f"{segment.key} is archived.")
    is_webhook = not isinstance(webhook, Destination)
    if is_webhook and bool(chosen) != bool(set(webhook.events) & set(ABOUT_SEGMENTS)):
        raise SegmentError("segments", "Segments, and the events of segments, go together.")
    ending = webhook.subscriptions.exclude(segment_id__in=chosen)
    ending.update(is_ending=True, derive_after=0, derive_reason=CATCH_UP)
    for pk in sorted(chosen.keys() - former):
        asked = {"is_ending": False, "derive_after": 0, "derive_reason": CATCH_UP}
        webhook.subscriptions.update_or_create(segment_id=pk, defaults=asked)
    nudge(DERIVE)


def compare_all(webhook: Webhook) -> None:
    webhook.subscriptions.update(derive_after=0, derive_reason=CATCH_UP)
    compare_handed(webhook)
    nudge(DERIVE)


def _audited_state(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "segments": [segment.key for segment in heard_segments(webhook)],
        "purpose": webhook.purpose.key if webhook.purpose else None,
    }
