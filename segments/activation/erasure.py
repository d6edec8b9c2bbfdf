"""Telling receivers that somebody was erased.

Invariant: whoever was told anything about a key is told that it is erased, and nothing that waited
about it is sent. What is left of the person is the key, sealed.
"""

from collections.abc import Collection, Mapping
from uuid import UUID, uuid5

from django.db.models import Max, Q

from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.models import Merge
from profiles.registry import Person
from segments.activation.outbox import DELIVER
from segments.activation.signing import seal_key
from segments.models import (
    Delivery,
    Destination,
    ErasureNotice,
    KeyHolder,
    Told,
    Webhook,
    WebhookEvent,
)

_PREFIX = "profile:"


def keys_of(references: Collection[str]) -> list[UUID]:
    """Return the keys of a person at receivers: the public UUIDs among their references."""
    return [UUID(each.removeprefix(_PREFIX)) for each in references if each.startswith(_PREFIX)]


def notify_receivers(person: Person) -> None:
    """Have each receiver that was told of a person, or wants to know, told to forget them.

    A call that is on its way ends first: a notice must not overtake it.
    """
    keys = keys_of(person.references)
    destinations = Destination.objects.values("pk")
    heard_by = Told.objects.filter(key__in=keys).exclude(webhook_id__in=destinations)
    pairs = set(heard_by.values_list("webhook_id", "key"))
    asking = Webhook.objects.filter(events__contains=[WebhookEvent.ERASURE_REQUESTED])
    pairs |= {(pk, key) for pk in asking.values_list("pk", flat=True) for key in keys}
    references = {(webhook_id, key): seal_key(key) for webhook_id, key in pairs}
    references |= {
        (row.webhook_id, row.key): bytes(row.sealed_reference)
        for row in told_to_destinations(person)
        if row.sealed_reference and row.sent_at
    }
    _write(references, person.request_id)


def told_to_destinations(person: Person) -> list[Told]:
    """Return what destinations were told of a person, without what they know others by, too."""
    ids = numbers_of(person)
    own_keys = KeyHolder.objects.filter(subject_id__in=ids).values("key")
    of_destinations = Told.objects.filter(
        webhook_id__in=Destination.objects.values("pk"), segment=None
    )
    rows = list(of_destinations.filter(Q(key__in=own_keys) | Q(subject_id__in=ids)))
    if not rows:
        return []
    others = KeyHolder.objects.filter(key__in={row.key for row in rows})
    shared = set(others.exclude(subject_id__in=ids).values_list("webhook_id", "key"))
    return [row for row in rows if (row.webhook_id, row.key) not in shared]


def numbers_of(person: Person) -> list[int]:
    """Return the numbers of a profile and of those that it absorbed: their past is theirs, too."""
    absorbed = person.absorbed_ids
    if absorbed is None:
        merges = Merge.objects.standing().filter(survivor=person.profile_id)
        absorbed = tuple(merges.values_list("absorbed_id", flat=True))
    return [person.profile_id, *absorbed]


def _write(references: Mapping[tuple[UUID, UUID], bytes], request_id: UUID | None) -> None:
    if not references:
        return
    keys = {key for _, key in references}
    on_their_way = Delivery.objects.filter(key__in=keys, leased_until__isnull=False)
    until = on_their_way.aggregate(latest=Max("leased_until"))["latest"]
    now = database_now()
    ErasureNotice.objects.bulk_create(
        [
            ErasureNotice(
                # The same however often the erasure runs.
                message=uuid5(webhook_id, key.hex),
                webhook_id=webhook_id,
                sealed_key=sealed,
                request_id=request_id,
                due_at=max(now, until or now),
            )
            for (webhook_id, key), sealed in sorted(references.items(), key=str)
        ],
        ignore_conflicts=True,
    )
    nudge(DELIVER)


def receivers_of(request_id: UUID) -> dict[str, int]:
    """Return how many receivers were to forget whom a request erased, and how many did."""
    notices = ErasureNotice.objects.filter(request_id=request_id)
    total, taken = notices.count(), notices.exclude(taken_at=None).count()
    return {"told": total, "acknowledged": taken, "open": total - taken} if total else {}
