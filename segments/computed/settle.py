"""Keeping computed traits up with the events: for changes that await them, and for everybody.

Invariant: a change is released in the transaction that stores the values, so that whoever evaluates
it reads them. A worker that is killed at any line leaves its changes waiting. A trait that cannot
be computed is set apart with its old values, and the others go on.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of, retry_delay
from profiles.models import ComputedValue, ProfileChange
from profiles.services import mark_computed, store_computed
from segments.compiler.context import event_name_refs
from segments.computed import sql
from segments.computed.definition import read_quantity
from segments.computed.values import Computation, compute_values
from segments.definitions.inputs import global_inputs
from segments.definitions.live import make_context
from segments.language.filters import filter_of
from segments.language.operands import DefinitionError
from segments.lib import checkpoints
from segments.lib.failures import UNREADABLE
from segments.lib.locks import choose_slots, try_slots
from segments.lib.moments import LATEST
from segments.models import ComputedTrait

BATCH = 2000
# Nobody is queued for a new definition while so many changes wait: what happens now comes first.
MOST_WAITING = 10_000
REFRESH_CHANGED = "segments.refresh_changed"


def settle_changes(*, batch: int = BATCH) -> int:
    """Compute the traits of all whose change awaits them; return how many changes were released.

    Slots that another worker has locked are left to it.
    """
    total = 0
    while released := _settle_some(batch):
        total += released
    return total


def _settle_some(limit: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.AWAITING_SLOTS, [])
        slots = try_slots(choose_slots(dict(cursor.fetchall()), limit), space=sql.LOCK_SPACE)
        if not slots:
            return 0
        cursor.execute(sql.AWAITING_CHANGES, [slots, limit])
        changes = cursor.fetchall()
        profile_ids = sorted({profile_id for _, profile_id in changes})
        if profile_ids:
            store_computed(_compute(_read_computations(), profile_ids))
            reach(checkpoints.COMPUTED, profile_ids)
        released = [change_id for change_id, _ in changes]
        ProfileChange.objects.filter(pk__in=released).update(awaits_traits=False)
        return len(released)


def _read_computations() -> list[Computation]:
    """Return how each trait is computed. One that cannot be read any more is set apart."""
    computations = []
    for row in ComputedTrait.objects.filter(failed_at=None).order_by("pk"):
        try:
            computations.append(computation_of(row))
        except DefinitionError:
            _set_apart(row.pk, UNREADABLE)
    return computations


def computation_of(row: ComputedTrait) -> Computation:
    """Return how a trait is computed. Raises DefinitionError."""
    quantity = None if row.is_ending else read_quantity(row.definition)
    return Computation(row.pk, row.trait_id, quantity)


def _compute(
    computations: Sequence[Computation], profile_ids: Sequence[int]
) -> dict[int, dict[int, Any]]:
    """Compute all values; where that fails, those of each trait, so that none waits."""
    try:
        with time_limit(settings.SEGMENT_REFRESH_SECONDS):
            return compute_values(computations, profile_ids)
    except Exception as error:
        fault = fault_of(error)
    if len(computations) == 1:
        _set_apart(computations[0].id, fault)
        return {}
    values: dict[int, dict[int, Any]] = {profile_id: {} for profile_id in profile_ids}
    for computation in computations:
        for profile_id, computed in _compute([computation], profile_ids).items():
            values[profile_id] |= computed
    return values


def _set_apart(pk: int, fault: str) -> None:
    row = ComputedTrait.objects.select_for_update().get(pk=pk)
    row.failed_at = database_now()
    row.failure = fault
    # The column holds no more, and the delay has long reached its limit.
    row.failures = min(row.failures + 1, 1000)
    row.retry_at = row.failed_at + retry_delay(row.failures)
    row.save()


def restart_outdated() -> None:
    """Begin anew with traits that were computed by other global inputs, such as another zone."""
    context = make_context({}, now=LATEST)
    for row in ComputedTrait.objects.filter(failed_at=None, is_ending=False):
        # One that cannot be read is set apart when it is computed.
        with suppress(DefinitionError):
            inputs = global_inputs(read_quantity(row.definition), context)
            ComputedTrait.objects.filter(pk=row.pk).exclude(built_with=inputs).update(
                built_with=inputs, woken_to=0
            )


def wake_everybody(*, batch: int = BATCH) -> None:
    """Queue those whom a new or mended definition concerns, and end the traits that are to end.

    Each call goes on where the last one was, as far as the queue has room.
    """
    due = Q(woken_to__isnull=False, failed_at=None) | Q(is_ending=True)
    due |= Q(retry_at__lte=database_now())
    for pk in ComputedTrait.objects.filter(due).order_by("pk").values_list("pk", flat=True):
        while _advance(pk, batch):
            pass


@transaction.atomic
def _advance(pk: int, batch: int) -> bool:
    """Take one step for a trait; return whether another one can follow now."""
    rows = ComputedTrait.objects.select_for_update(skip_locked=True)
    row = rows.select_related("trait").filter(pk=pk).first()
    if row is None:
        return False
    if row.is_ending:
        return _end_some(row, batch)
    if row.failed_at is not None:
        row.failed_at, row.retry_at, row.woken_to = None, None, 0
    if row.woken_to is None or not _has_room():
        return False
    profile_ids = _next_profiles(row, row.woken_to, batch)
    mark_changed(profile_ids)
    row.woken_to = profile_ids[-1] if len(profile_ids) == batch else None
    row.save()
    return row.woken_to is not None


def _has_room() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_WAITING, [MOST_WAITING])
        (waiting,) = cursor.fetchone()
    if waiting < MOST_WAITING:
        return True
    # Whoever empties the queue goes on with it.
    nudge(REFRESH_CHANGED)
    return False


def _next_profiles(row: ComputedTrait, after: int, batch: int) -> list[int]:
    quantity = read_quantity(row.definition)
    names = event_name_refs(filter_of(quantity), make_context({}, now=LATEST))
    parameters: dict[str, Any] = {
        "after": after,
        "names": [name.id for name in names],
        "trait": row.trait_id,
        "limit": batch,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_PROFILES, parameters)
        return [profile_id for (profile_id,) in cursor.fetchall()]


def _end_some(row: ComputedTrait, batch: int) -> bool:
    """Take the values of a trait away; after the last one its definition goes, too."""
    values = ComputedValue.objects.filter(trait=row.trait_id).order_by("profile_id")
    profile_ids = list(values.values_list("profile_id", flat=True)[:batch])
    if profile_ids:
        mark_changed(store_computed({pk: {row.trait_id: None} for pk in profile_ids}))
        return True
    # From here on nobody computes it, and what sources say under the name counts again.
    trait = row.trait
    mark_computed(trait, is_computed=False)
    row.delete()
    trait.delete()
    return False
