"""Making and ending families.

Invariant: a family has a living segment for each of its groups or stages, whose definition nobody
edits, so that everybody with the event is in exactly one of them.
"""

from collections.abc import Mapping
from typing import Any

from profiles.lib.database import database_now
from profiles.services import Actor, audited, differences
from segments.definitions.boundaries import rfm_keys
from segments.definitions.dependencies import read_live_nodes
from segments.definitions.save import SegmentError, create_segment
from segments.language.measures import slug
from segments.language.nodes import Group, Stage
from segments.language.operands import DefinitionError, read_property_key
from segments.language.phrases import PHRASES, Language
from segments.language.windows import read_window
from segments.lib.locks import lock_definitions
from segments.memberships.archive import end_segment
from segments.memberships.recompute import next_hour
from segments.models import Segment, SegmentFamily

Kind = SegmentFamily.Kind
CHANGEABLE_FIELDS = ("name", "hour")


def create_family(
    *, kind: str, key: str, name: str, event: str, actor: Actor, **fields: Any
) -> SegmentFamily:
    """Save a family with its segments. Raises SegmentError.

    `fields` are the value, window and hour of an RFM model. Its segments have no members before
    the boundaries are computed.
    """
    with audited(actor, "segment_family.created") as deed:
        lock_definitions()
        family = SegmentFamily(kind=kind, key=key, name=name, event=event, **fields)
        _check(family)
        family.save()
        for part, definition in _parts(family).items():
            create_segment(
                key=f"{key}-{slug(part)}",
                name=f"{name}: {part_in_words(part, Language.ENGLISH)}",
                definition=definition,
                actor=actor,
                status=Segment.Status.LIVE,
                family=family,
                part=str(part),
            )
        deed.about("segment_family", key, **differences({}, _audited_state(family)))
    return family


def _check(family: SegmentFamily) -> None:
    if SegmentFamily.objects.filter(key=family.key).exists():
        raise SegmentError("key", "There is an RFM model or a life-cycle with this key.")
    try:
        if family.kind == Kind.RFM and family.value:
            read_property_key(family.value, "value")
        if family.window is not None:
            read_window(family.window, "window")
    except DefinitionError as error:
        raise SegmentError(error.errors[0].path, error.errors[0].detail) from None


def _parts(family: SegmentFamily) -> dict[Group | Stage, dict[str, Any]]:
    """Return the definition of each group or stage."""
    if family.kind == Kind.RFM:
        return {
            group: {"type": "rfm", "key": family.key, "groups": [str(group)]} for group in Group
        }
    return {
        stage: {"type": "life_cycle", "name": family.event, "stages": [str(stage)]}
        for stage in Stage
    }


def part_in_words(part: Group | Stage | str, language: Language) -> str:
    """Return the name of a group or a stage in a language."""
    phrases = PHRASES[language]
    return phrases.get(f"group.{part}") or phrases[f"stage.{part}"]


def update_family(
    family: SegmentFamily, *, actor: Actor, changes: Mapping[str, Any]
) -> SegmentFamily:
    """Change the name of a family, or the hour at which boundaries are computed."""
    with audited(actor, "segment_family.changed") as deed:
        family = SegmentFamily.objects.select_for_update().get(pk=family.pk)
        before = _audited_state(family)
        for field in CHANGEABLE_FIELDS:
            setattr(family, field, changes.get(field, getattr(family, field)))
        if family.recompute_at is not None:
            family.recompute_at = next_hour(database_now(), family.hour)
        family.save(update_fields=[*CHANGEABLE_FIELDS, "recompute_at"])
        after = _audited_state(family)
        deed.about("segment_family", family.key, **differences(before, after))
    return family


def end_family(family: SegmentFamily, *, actor: Actor) -> None:
    """Archive the segments of a family, and forget its boundaries.

    Raises SegmentError if a live segment refers to one of them, or reads its groups.
    """
    with audited(actor, "segment_family.ended") as deed:
        lock_definitions()
        segments = family.segments.exclude(status=Segment.Status.ARCHIVED)
        own = set(segments.values_list("key", flat=True))
        live = read_live_nodes()
        readers = {
            key
            for by_key in (live.saved, live.effective)
            for key, node in by_key.items()
            if family.key in rfm_keys(node) and key not in own
        }
        if readers and family.kind == Kind.RFM:
            raise SegmentError("key", f"Live segments lean on it: {', '.join(sorted(readers))}.")
        for segment in segments:
            end_segment(segment, actor=actor)
        deed.about("segment_family", family.key, **differences(_audited_state(family), {}))
        family.delete()


def _audited_state(family: SegmentFamily) -> dict[str, Any]:
    return {
        "kind": str(family.kind),
        "name": family.name,
        "event": family.event,
        "value": family.value,
        "hour": family.hour,
    }
