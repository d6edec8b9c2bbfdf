"""All writes to segments and memberships, and the questions that are asked of them."""

from segments.services.definitions import (
    SegmentError,
    archive_segment,
    check_definition,
    create_segment,
    dependants,
    update_segment,
)
from segments.services.locks import MomentError
from segments.services.previews import Preview, preview
from segments.services.readings import effective_definition
from segments.services.reasons import Why, why
from segments.services.rebuilds import LeaseLostError, rebuild, resume_rebuilds
from segments.services.refreshes import refresh_changed, refresh_due
from segments.services.verification import verify

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
    "update_segment",
    "verify",
    "why",
]
