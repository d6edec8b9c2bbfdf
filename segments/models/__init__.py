"""The models of this app: segments with their memberships, history and exports, and lists."""

from segments.models.exports import MemberExport
from segments.models.lists import ListedPerson, StaticList
from segments.models.overrides import ExclusiveGroup, Override
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
    "ExclusiveGroup",
    "FamilyVersion",
    "ListedPerson",
    "MemberExport",
    "Membership",
    "MembershipChange",
    "NotedProfile",
    "Override",
    "Rebuild",
    "Segment",
    "SegmentFamily",
    "SegmentSize",
    "SegmentStar",
    "SegmentVersion",
    "StagedMembership",
    "StaticList",
    "Wakeup",
]
