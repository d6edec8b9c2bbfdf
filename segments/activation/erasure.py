"""Telling receivers that somebody was erased.

Invariant: whoever was told anything about a key is told that it is erased, and nothing that waited
about it is sent. What is left of the person is the key, sealed.
"""

from collections.abc import Collection
from uuid import UUID, uuid5

from django.db.models import Max

from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from segments.activation.outbox import DELIVER
from segments.activation.signing import seal_key
from segments.models import Delivery, ErasureNotice, Told, Webhook, WebhookEvent

_PREFIX = "profile:"


def keys_of(references: Collection[str]) -> list[UUID]:
    """Return the keys of a person at receivers: the public UUIDs among their references."""
    return [UUID(each.removeprefix(_PREFIX)) for each in references if each.startswith(_PREFIX)]


def notify_receivers(keys: Collection[UUID]) -> None:
    """Have each webhook that was told of these keys, or asked for it, told to forget them.

    A call that is on its way ends first: a notice must not overtake it.
    """
    told = set(Told.objects.filter(key__in=keys).values_list("webhook_id", "key"))
    asking = Webhook.objects.filter(events__contains=[WebhookEvent.ERASURE_REQUESTED])
    told |= {(pk, key) for pk in asking.values_list("pk", flat=True) for key in keys}
    on_their_way = Delivery.objects.filter(key__in=keys, leased_until__isnull=False)
    until = on_their_way.aggregate(latest=Max("leased_until"))["latest"]
    now = database_now()
    ErasureNotice.objects.bulk_create(
        [
            ErasureNotice(
                # The same however often the erasure runs.
                message=uuid5(webhook_id, key.hex),
                webhook_id=webhook_id,
                sealed_key=seal_key(key),
                due_at=max(now, until or now),
            )
            for webhook_id, key in sorted(told, key=str)
        ],
        ignore_conflicts=True,
    )
    nudge(DELIVER)
