"""What may be changed of a source, and what follows from it."""

from collections.abc import Iterator

from django.db import transaction

from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.people_lock import people_lock
from profiles.models import Source, SourceRecord, TraitDefinition
from profiles.traits.records import recompute_golden

_BATCH = 5_000


@transaction.atomic
def change_source(
    source: Source,
    *,
    name: str | None = None,
    priority: int | None = None,
    joins_people: bool | None = None,
) -> Source:
    """Change what is given of a source; golden traits that follow the order of sources are made again.

    `joins_people` holds for facts to come: those that were judged stay as they are. Raises ValidationError.
    """
    people_lock()
    changes = {"name": name, "priority": priority, "joins_people": joins_people}
    source.refresh_from_db()
    has_new_place = priority is not None and priority != source.priority
    for field, value in changes.items():
        if value is not None:
            setattr(source, field, value)
    source.full_clean()
    source.save()
    if has_new_place and _is_order_used():
        for profile_ids in _told_by(source):
            mark_changed(recompute_golden(profile_ids))
        nudge("segments.refresh_changed")
    return source


def _is_order_used() -> bool:
    return TraitDefinition.objects.filter(policy=TraitDefinition.Policy.SOURCE_ORDER).exists()


def _told_by(source: Source) -> Iterator[list[int]]:
    """The profiles that the source ever told a trait of, in batches."""
    records = SourceRecord.objects.filter(source=source)
    ids = sorted(set(records.values_list("profile_id", flat=True)))
    for place in range(0, len(ids), _BATCH):
        yield ids[place : place + _BATCH]


@transaction.atomic
def create_source(key: str, *, name: str = "", priority: int = 100) -> Source:
    """A new source. Raises ValidationError on a bad or taken key."""
    source = Source(key=key, name=name or key.replace("-", " ").capitalize(), priority=priority)
    source.full_clean()
    source.save()
    return source
