"""Exclusive groups: of several segments a person is in the first that would have them.

Invariant: no segment leans on itself through its rivals. A group that changes is built again as a
whole, in one swap.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from profiles.lib.change_queue import nudge
from profiles.services import Actor, audited, differences
from segments.definitions.dependencies import read_live_nodes
from segments.definitions.references import first_circle
from segments.definitions.save import SegmentError
from segments.lib.locks import lock_definitions
from segments.models import ExclusiveGroup, Segment

MAX_IN_GROUP = 20
CHANGEABLE_FIELDS = ("name",)


def create_group(*, key: str, name: str, segments: Sequence[str], actor: Actor) -> ExclusiveGroup:
    """Make a group of segments, by key, the first before all others. Raises SegmentError."""
    with audited(actor, "exclusive_group.created") as deed:
        lock_definitions()
        if ExclusiveGroup.objects.filter(key=key).exists():
            raise SegmentError("key", "There is a group with this key.")
        group = ExclusiveGroup(key=key, name=name)
        group.full_clean()
        group.save()
        _place(group, segments)
        deed.about("exclusive_group", key, **differences({}, _audited_state(group)))
        return group


def update_group(
    group: ExclusiveGroup, *, actor: Actor, changes: Mapping[str, Any]
) -> ExclusiveGroup:
    """Change the name of a group, or its segments and their order. Raises SegmentError."""
    with audited(actor, "exclusive_group.changed") as deed:
        lock_definitions()
        group = ExclusiveGroup.objects.select_for_update().get(pk=group.pk)
        before = _audited_state(group)
        group.name = changes.get("name", group.name)
        group.full_clean()
        group.save()
        if "segments" in changes:
            _place(group, changes["segments"])
        deed.about("exclusive_group", group.key, **differences(before, _audited_state(group)))
        return group


def delete_group(group: ExclusiveGroup, *, actor: Actor) -> None:
    """End a group: its segments have their members without regard to each other again."""
    with audited(actor, "exclusive_group.deleted") as deed:
        lock_definitions()
        deed.about("exclusive_group", group.key, **differences(_audited_state(group), {}))
        _place(group, [])
        ExclusiveGroup.objects.filter(pk=group.pk).delete()


def segments_of(group: ExclusiveGroup) -> list[Segment]:
    """Return the segments of a group in their order."""
    return list(Segment.objects.filter(group=group).order_by("place_in_group", "pk"))


def _place(group: ExclusiveGroup, keys: Sequence[str]) -> None:
    """Make these segments those of a group, in this order."""
    if len(keys) > MAX_IN_GROUP:
        raise SegmentError("segments", f"A group has at most {MAX_IN_GROUP} segments.")
    if len(set(keys)) < len(keys):
        raise SegmentError("segments", "A segment stands in its group once.")
    usable = Segment.objects.exclude(status=Segment.Status.ARCHIVED).filter(key__in=keys)
    rows = {row.key: row for row in usable.select_for_update().order_by("pk")}
    for key in keys:
        if key not in rows:
            raise SegmentError("segments", f"There is no segment {key}.")
        if rows[key].group_id not in (None, group.pk):
            raise SegmentError("segments", f"{key} is in another group.")
    Segment.objects.filter(group=group).update(group=None, place_in_group=0)
    for place, key in enumerate(keys):
        Segment.objects.filter(pk=rows[key].pk).update(group=group, place_in_group=place)
    _refuse_circle(keys)
    nudge("segments.resume_rebuilds")


def _refuse_circle(keys: Sequence[str]) -> None:
    live = read_live_nodes()
    for nodes in (live.saved, live.effective):
        if circle := first_circle(keys, nodes):
            steps = " → ".join(circle)
            raise SegmentError("segments", f"A segment would lean on itself: {steps}.")


def _audited_state(group: ExclusiveGroup) -> dict[str, Any]:
    return {"name": group.name, "segments": [row.key for row in segments_of(group)]}
