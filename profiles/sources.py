"""Creating and changing sources, with the golden traits that follow from the change."""

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
    """Change the given fields of a source; a new priority chooses golden traits again.

    `joins_people` applies to facts to come and leaves judged ones alone. Raises ValidationError.
    """
    # First, so that the drain does not fold traits by the former priority meanwhile.
    people_lock()
    changes = {"name": name, "priority": priority, "joins_people": joins_people}
    source.refresh_from_db()
    has_new_priority = priority is not None and priority != source.priority
    for field, value in changes.items():
        if value is not None:
            setattr(source, field, value)
    source.full_clean()
    source.save()
    if has_new_priority and _is_priority_used():
        for profile_ids in _profiles_with_records_of(source):
            mark_changed(recompute_golden(profile_ids))
        nudge("segments.refresh_changed")
    return source


def _is_priority_used() -> bool:
    return TraitDefinition.objects.filter(policy=TraitDefinition.Policy.SOURCE_ORDER).exists()


def _profiles_with_records_of(source: Source) -> Iterator[list[int]]:
    """Yield the profiles for which the source ever stated a trait, in batches."""
    records = SourceRecord.objects.filter(source=source)
    ids = sorted(set(records.values_list("profile_id", flat=True)))
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]


@transaction.atomic
def create_source(key: str, *, name: str = "", priority: int = 100) -> Source:
    """Create a source. Raises ValidationError on a key that is malformed or in use."""
    source = Source(key=key, name=name or key.replace("-", " ").capitalize(), priority=priority)
    source.full_clean()
    source.save()
    return source
