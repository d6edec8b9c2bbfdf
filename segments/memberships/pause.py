"""Holding back what leaves the system of a segment, while it is evaluated all the same."""

from profiles.lib.database import database_now
from profiles.services import Actor, audited
from segments.activation.derive import compare_again
from segments.definitions.save import SegmentError
from segments.models import Segment


def pause_segment(segment: Segment, *, actor: Actor) -> Segment:
    """Hold back what leaves the system of a segment. Raises SegmentError for an archived one."""
    return _set_paused(segment, actor, is_paused=True)


def resume_segment(segment: Segment, *, actor: Actor) -> Segment:
    """Let out again what leaves the system of a segment. Raises SegmentError as `pause` does."""
    return _set_paused(segment, actor, is_paused=False)


def require_delivering(segment: Segment) -> None:
    """Raise SegmentError if the segment is paused. Asked by whatever hands out for a purpose."""
    if Segment.objects.filter(pk=segment.pk, paused_at__isnull=False).exists():
        raise SegmentError("status", "The segment is paused: nothing of it leaves.")


def _set_paused(segment: Segment, actor: Actor, *, is_paused: bool) -> Segment:
    with audited(actor, "segment.paused" if is_paused else "segment.resumed") as deed:
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if segment.status == Segment.Status.ARCHIVED:
            raise SegmentError("status", "An archived segment does not change.")
        if (segment.paused_at is not None) != is_paused:
            segment.paused_at = database_now() if is_paused else None
            segment.save(update_fields=["paused_at"])
            compare_again([segment.pk])
            deed.about("segment", segment.key, paused=[not is_paused, is_paused])
    return segment
