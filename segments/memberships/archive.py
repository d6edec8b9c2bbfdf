"""The end of a segment: its members leave it. It can be brought back as a draft."""

from django.db import connection

from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.services import Actor, audited, differences
from segments.activation.derive import compare_again
from segments.definitions.dependencies import dependants
from segments.definitions.save import SegmentError, audited_state
from segments.lib.failures import bring_back
from segments.lib.locks import lock_all_slots, lock_definitions
from segments.memberships import sql
from segments.models import MembershipChange, Segment


def archive_segment(segment: Segment, *, actor: Actor) -> Segment:
    """End a segment: its members leave it, and its history stays.

    Raises SegmentError if a live segment refers to it, or if it is a group of a family.
    """
    if segment.family_id is not None:
        raise SegmentError("key", "It is a group of a family, which ends as a whole.")
    return end_segment(segment, actor=actor)


def end_segment(segment: Segment, *, actor: Actor) -> Segment:
    """End a segment, also one of a family. Raises SegmentError as `archive_segment` does."""
    with audited(actor, "segment.archived") as deed:
        lock_definitions()
        lock_all_slots()
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if keys := dependants(segment.key):
            raise SegmentError("key", f"Live segments lean on it: {', '.join(keys)}.")
        before = audited_state(segment)
        with connection.cursor() as cursor:
            cursor.execute(sql.CLOSE_ALL, {"segment": segment.pk, "now": database_now()})
        segment.status, segment.size = Segment.Status.ARCHIVED, 0
        segment.live_version = segment.live_definition = segment.evaluated_at = None
        segment.boundaries, segment.recompute_at = [], None
        compare_again([segment.pk], reason=MembershipChange.Reason.DEFINITION)
        # The others of its group are built again, since they now have whom it had.
        segment.group, segment.place_in_group, segment.paused_at = None, 0, None
        bring_back(segment)
        segment.save()
        deed.about("segment", segment.key, **differences(before, audited_state(segment)))
        nudge("segments.resume_rebuilds")
    return segment


def restore_segment(segment: Segment, *, actor: Actor) -> Segment:
    """Bring an archived segment back as a draft, with its definition, versions and history.

    Raises SegmentError where it is not archived, or where another segment has its key by now.
    """
    with audited(actor, "segment.restored") as deed:
        lock_definitions()
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if segment.status != Segment.Status.ARCHIVED:
            raise SegmentError("status", "Only an archived segment can be brought back.")
        others = Segment.objects.filter(key=segment.key).exclude(status=Segment.Status.ARCHIVED)
        if others.exists():
            raise SegmentError("key", "Another segment has this key by now.")
        before = audited_state(segment)
        segment.status = Segment.Status.DRAFT
        segment.save(update_fields=["status"])
        deed.about("segment", segment.key, **differences(before, audited_state(segment)))
    return segment
