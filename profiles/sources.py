"""Creating and changing sources, with the golden traits that follow from the change."""

from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from profiles.audit import Actor, audited, differences
from profiles.identity.rules import load_rules
from profiles.identity.ruleset.versions import keep_version, record_rules
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import ApiKey, Source, SourceRecord, TraitDefinition
from profiles.traits.records import recompute_golden

_BATCH = 5_000


class SourceSettings(TypedDict, total=False):
    """What can be set of a source; `profiles.models.Source` says what each means."""

    name: str
    priority: int
    party: str
    joins_people: bool
    allowed_origins: list[str]
    keeps_address: bool
    session_minutes: int | None


# Their names, in the order in which forms and answers have them.
SOURCE_SETTINGS = tuple(SourceSettings.__annotations__)


def create_source(key: str, *, actor: Actor, **settings: Unpack[SourceSettings]) -> Source:
    """Create a source. Raises ValidationError on a key that is malformed or in use."""
    source = Source(key=key, **settings)
    source.name = source.name or key.replace("-", " ").capitalize()
    with audited(actor, "source.created") as deed:
        source.full_clean()
        source.save()
        deed.about("source", key, **differences({}, settings_of(source)))
    return source


def source_of_service(key: ApiKey, *, actor: Actor) -> Source:
    """Return the source as which the service of an API key sends; it is made on first use.

    Keys of one name share it, so that a service goes on as itself with its next key.
    """
    source_key = f"service-{slugify(key.name)[:50] or key.prefix.lower()}"
    source = Source.objects.filter(key=source_key).first()
    if source is not None:
        return source
    try:
        return create_source(source_key, actor=actor, name=key.name)
    except ValidationError:
        # Another process made it meanwhile.
        return Source.objects.get(key=source_key)


def change_source(source: Source, *, actor: Actor, **changes: Unpack[SourceSettings]) -> Source:
    """Change the given settings of a source; a new priority chooses golden traits again.

    `joins_people` applies to facts to come and leaves judged ones alone. Raises ValidationError.
    """
    with audited(actor, "source.changed") as deed:
        # First, so that the drain does not fold traits by the former priority meanwhile.
        people_lock()
        source.refresh_from_db()
        before = settings_of(source)
        if "joins_people" in changes:
            record_rules(load_rules())
        for field, value in changes.items():
            setattr(source, field, value)
        source.full_clean()
        source.save()
        differing = differences(before, settings_of(source))
        deed.about("source", source.key, **differing)
        if "joins_people" in differing:
            keep_version(actor=actor)
        if "priority" in differing and _is_priority_used():
            for profile_ids in _profiles_with_records_of(source):
                mark_changed(recompute_golden(profile_ids))
    return source


def settings_of(source: Source) -> dict[str, object]:
    """Return the settings of a source by name."""
    return {name: getattr(source, name) for name in SourceSettings.__annotations__}


def _is_priority_used() -> bool:
    return TraitDefinition.objects.filter(policy=TraitDefinition.Policy.SOURCE_ORDER).exists()


def _profiles_with_records_of(source: Source) -> Iterator[Sequence[int]]:
    """Return the profiles for which the source ever stated a trait, in batches."""
    records = SourceRecord.objects.filter(source=source)
    ids = sorted(set(records.values_list("profile_id", flat=True)))
    return batches(ids, _BATCH)
