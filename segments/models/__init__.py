"""The models of this app: segments with their definitions, memberships, history and exports."""

from segments.models.exports import MemberExport
from segments.models.segments import (
    FamilyVersion,
    Membership,
    MembershipChange,
    NotedProfile,
    Rebuild,
    Segment,
    SegmentFamily,
    SegmentSize,
    SegmentVersion,
    StagedMembership,
    Wakeup,
)
from segments.models.stars import SegmentStar

__all__ = [
    "FamilyVersion",
    "MemberExport",
    "Membership",
    "MembershipChange",
    "NotedProfile",
    "Rebuild",
    "Segment",
    "SegmentFamily",
    "SegmentSize",
    "SegmentStar",
    "SegmentVersion",
    "StagedMembership",
    "Wakeup",
]
