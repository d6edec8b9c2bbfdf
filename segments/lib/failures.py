"""Segments that are set apart because evaluating them failed.

Invariant: a segment that is set apart is closed: nobody enters it, its outlets refuse, and only
those leave who may not be a member of anything. It comes back when a rebuild of it succeeds.
"""

from collections.abc import Mapping
from datetime import timedelta

from profiles.lib.database import database_now
from profiles.lib.faults import retry_delay
from segments.models import Segment

FAILURE_FIELDS = ("failed_at", "failure", "failures", "retry_at")
# The word for a segment whose stored definition the language does not allow any more.
UNREADABLE = "unreadable_definition"
# The word for a segment whose rebuild ended several workers.
KILLED = "worker_lost"


class SegmentFailed(Exception):
    """The segment is set apart. `retry_in` is how long until it is tried again."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(f"{segment.key}: {segment.failure}")
        self.segment = segment

    @property
    def retry_in(self) -> timedelta:
        retry_at = self.segment.retry_at
        return timedelta() if retry_at is None else max(retry_at - database_now(), timedelta())


def require_open(segment: Segment) -> None:
    """Raise SegmentFailed if the segment is set apart."""
    if segment.failed_at is not None:
        raise SegmentFailed(segment)


def mark_failed(faults: Mapping[int, str]) -> None:
    """Set segments apart, each by its id with the word for what failed.

    The caller has locked them in the order of their ids.
    """
    now = database_now()
    for segment_id, fault in sorted(faults.items()):
        segment = Segment.objects.filter(pk=segment_id, status=Segment.Status.LIVE)
        for failures in segment.values_list("failures", flat=True):
            segment.update(
                failed_at=now,
                failure=fault,
                # The column holds no more, and the delay has long reached its limit.
                failures=min(failures + 1, 1000),
                retry_at=now + retry_delay(failures + 1),
            )


def bring_back(segment: Segment) -> None:
    """Let a segment that was built again take part. The caller saves it."""
    segment.failed_at = segment.retry_at = None
    segment.failure, segment.failures = "", 0


def count_failed() -> int:
    """Return how many live segments are set apart."""
    return Segment.objects.filter(status=Segment.Status.LIVE, failed_at__isnull=False).count()
