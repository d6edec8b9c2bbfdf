"""The public functions of this app: saving, evaluating, previewing and explaining segments."""

from segments.definitions.dependencies import check_definition, dependants
from segments.definitions.live import effective_definition
from segments.definitions.previews import Preview, preview
from segments.definitions.save import SegmentError, create_segment, update_segment
from segments.definitions.sensitivity import sensitive_segments
from segments.definitions.why import Why, why
from segments.memberships.archive import archive_segment
from segments.memberships.moments import MomentError
from segments.memberships.rebuild import LeaseLostError, rebuild, resume_rebuilds
from segments.memberships.refresh import refresh_changed, refresh_due
from segments.memberships.verify import verify_memberships

__all__ = [
    "LeaseLostError",
    "MomentError",
    "Preview",
    "SegmentError",
    "Why",
    "archive_segment",
    "check_definition",
    "create_segment",
    "dependants",
    "effective_definition",
    "preview",
    "rebuild",
    "refresh_changed",
    "refresh_due",
    "resume_rebuilds",
    "sensitive_segments",
    "update_segment",
    "verify_memberships",
    "why",
]
