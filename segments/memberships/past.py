"""Who was a member at a past instant, by the stored history.

It answers for people who are still here, under the id that they have today. After erasures and
merges they may be fewer than the size that was shown then, which no erasure rewrites.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from profiles.models import Merge, Profile
from segments.models import MembershipChange, Segment, SegmentSize


class BeforeHistory(LookupError):
    """The segment was first built at `earliest`, or never (None)."""

    def __init__(self, earliest: datetime | None) -> None:
        super().__init__("The segment has no history at this time.")
        self.earliest = earliest


class PastMember(NamedTuple):
    """A person of today who was a member, since `entered_at`."""

    profile: UUID
    entered_at: datetime


def size_at(segment: Segment, at: datetime) -> int:
    """Return the size that was measured last until then. Raises BeforeHistory."""
    sizes = SegmentSize.objects.filter(segment=segment)
    size = sizes.filter(measured_at__lte=at).order_by("-measured_at").first()
    if size is None:
        first = sizes.order_by("measured_at").first()
        raise BeforeHistory(first.measured_at if first else None)
    return size.size


def entries_in_force(segment: Segment, at: datetime) -> QuerySet[MembershipChange]:
    """Return the entries that no exit had followed by then."""
    changes = MembershipChange.objects.filter(segment=segment, changed_at__lte=at)
    later = changes.filter(profile_id=OuterRef("profile_id")).filter(
        Q(changed_at__gt=OuterRef("changed_at"))
        | Q(changed_at=OuterRef("changed_at"), id__gt=OuterRef("id"))
    )
    return changes.filter(has_entered=True).exclude(Exists(later))


def people_of(
    entries: Sequence[MembershipChange], segment: Segment, at: datetime
) -> list[PastMember]:
    """Return the people of some of the entries in force, each person once over all entries.

    Whoever was absorbed since is found under the id of the survivor. Erased people are left out,
    and those whose processing is restricted.
    """
    ids = [entry.profile_id for entry in entries]
    survivors = dict(
        Merge.objects.standing()
        .filter(absorbed_id__in=ids)
        .values_list("absorbed_id", "survivor_id")
    )
    repeated = _repeated(survivors, segment, at)
    uuids = dict(
        Profile.objects.filter(
            pk__in=[survivors.get(profile_id, profile_id) for profile_id in ids],
            is_restricted=False,
        ).values_list("pk", "uuid")
    )
    return [
        PastMember(uuids[person], entry.changed_at)
        for entry in entries
        if entry.profile_id not in repeated
        if (person := survivors.get(entry.profile_id, entry.profile_id)) in uuids
    ]


def _repeated(survivors: dict[int, int], segment: Segment, at: datetime) -> set[int]:
    """Return the absorbed profiles whose person is listed under a profile made earlier, too."""
    if not survivors:
        return set()
    profiles_of: dict[int, set[int]] = defaultdict(set)
    merges = Merge.objects.standing().filter(survivor_id__in=set(survivors.values()))
    for survivor, absorbed in merges.values_list("survivor_id", "absorbed_id"):
        profiles_of[survivor] |= {survivor, absorbed}
    everybody = set().union(*profiles_of.values())
    members = set(
        entries_in_force(segment, at)
        .filter(profile_id__in=everybody)
        .values_list("profile_id", flat=True)
    )
    # The survivor is the profile that was made first, so it has the smallest id.
    firsts = {survivor: min(ids & members, default=0) for survivor, ids in profiles_of.items()}
    return {absorbed for absorbed, survivor in survivors.items() if firsts[survivor] != absorbed}
