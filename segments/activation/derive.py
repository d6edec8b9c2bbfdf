"""Comparing all that a webhook was told of a segment with who is in it, in batches.

Needed where more changed than people one by one: a rebuild, another purpose, a webhook that is new
or was behind. Invariant: a comparison that is asked for is done to its end, whoever is killed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from profiles.lib.change_queue import nudge
from segments.activation import sql
from segments.activation.outbox import DELIVER, Evaluated, read_subscriptions, tell_segments
from segments.activation.states import tell_destinations
from segments.lib.locks import lock_all_slots, lock_slots, slots_of
from segments.lib.moments import evaluation_time
from segments.models import Destination, WebhookSegment

DERIVE = "segments.derive_told"
BATCH = 1000
CATCH_UP = "catch_up"


def compare_again(segment_ids: Iterable[int], *, reason: str = CATCH_UP) -> None:
    """Have webhooks of these segments told what they were not, in the caller's transaction."""
    rows = WebhookSegment.objects.filter(segment_id__in=list(segment_ids))
    if rows.update(derive_after=0, derive_reason=reason):
        nudge(DERIVE)


def derive_told(*, now: datetime | None = None) -> int:
    """Do all comparisons that are asked for; return how many deliveries follow."""
    waiting = WebhookSegment.objects.filter(derive_after__isnull=False, webhook__is_behind=False)
    total = 0
    for pk in list(waiting.order_by("pk").values_list("pk", flat=True)):
        while (written := _derive_batch(pk, now)) is not None:
            total += written
    return total


def _derive_batch(pk: int, now: datetime | None) -> int | None:
    """Compare the next people; return how many deliveries follow, None at the end."""
    row = WebhookSegment.objects.filter(pk=pk, derive_after__isnull=False).first()
    if row is None:
        return None
    ids = _next_people(row)
    with transaction.atomic():
        # At the end nobody may come in meanwhile.
        lock_slots(slots_of(ids)) if ids else lock_all_slots()
        same = WebhookSegment.objects.filter(
            pk=pk,
            derive_after=row.derive_after,
            derive_reason=row.derive_reason,
            is_ending=row.is_ending,
        )
        if not same.select_for_update() or (not ids and _next_people(row)):
            # Asked for anew meanwhile, or another worker was faster.
            return 0
        batch = Evaluated(ids, row.derive_reason, evaluation_time(now))
        written = _tell(row, batch) if ids else 0
        if not ids and row.is_ending:
            same.delete()
        else:
            same.update(derive_after=ids[-1] if ids else None)
        if written:
            nudge(DELIVER)
    return written if ids else None


def _tell(row: WebhookSegment, batch: Evaluated) -> int:
    if is_destination(row):
        return tell_destinations(batch, pk=row.webhook_id)
    return tell_segments(read_subscriptions(pk=row.pk), batch)


def is_destination(row: WebhookSegment) -> bool:
    return Destination.objects.filter(pk=row.webhook_id).exists()


def _next_people(row: WebhookSegment) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_MEMBERS, [row.segment_id, row.derive_after, BATCH])
        ids = {pk for (pk,) in cursor.fetchall()}
        if is_destination(row):
            cursor.execute(sql.NEXT_HOLDERS, [row.webhook_id, row.derive_after, BATCH])
        else:
            parameters: list[Any] = [row.segment_id, row.webhook_id, row.derive_after, BATCH]
            cursor.execute(sql.NEXT_TOLD, parameters)
        ids |= {pk for (pk,) in cursor.fetchall()}
    return sorted(ids)[:BATCH]
