"""Which events reduce the net value of others, as a refund reduces that of orders.

Invariant: no event both reduces another and is reduced, so that a net value has two kinds of
summands and no chain.
"""

from django.db import transaction

from profiles.audit import Actor, save_audited
from profiles.models import EventName


class ReductionError(ValueError):
    """An event cannot reduce another. The text says why, and names no person."""


def set_reduced(row: EventName, name: str, *, actor: Actor) -> EventName:
    """Let an event reduce the net value of the event of this name, or none where it is empty.

    Whatever reads the net value is computed anew. Raises ReductionError.
    """
    with transaction.atomic():
        row = EventName.objects.select_for_update().get(pk=row.pk)
        check_reduced(row, name)
        row.reduces = name
        save_audited(row, actor=actor, noun="event_name", key=f"{row.kind}:{row.name}")
    return row


def check_reduced(row: EventName, name: str) -> None:
    """Raise ReductionError where an event cannot reduce the event of this name."""
    if not name:
        return
    tracked = EventName.objects.filter(kind=EventName.Kind.TRACK)
    if row.kind != EventName.Kind.TRACK:
        raise ReductionError("Only events of the kind track reduce others.")
    if row.name == name:
        raise ReductionError("No event reduces itself.")
    if not tracked.filter(name=name).exists():
        raise ReductionError("There is no such track event.")
    if tracked.filter(name=name).exclude(reduces="").exists():
        raise ReductionError("This event reduces another itself.")
    if tracked.filter(reduces=row.name).exists():
        raise ReductionError("Other events reduce this one.")
