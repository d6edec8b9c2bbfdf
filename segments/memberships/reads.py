"""Reading memberships."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from consent.services import PERMITTED
from segments.compiler.fragments import fill, fill_named
from segments.lib.failures import require_open
from segments.models import Membership, Segment

# Returns the ids of the profiles for which a purpose is permitted. Not ORM: the gate is SQL text.
PERMITTED_PROFILES = "SELECT p.id FROM profiles_profile p WHERE {permitted}"


def find_segment(key: str) -> Segment | None:
    """Return the segment with this key; of archived ones, where no other has it, the last."""
    return (
        Segment.objects.filter(key=key)
        .select_related("purpose", "owner")
        .annotate(is_archived=Q(status=Segment.Status.ARCHIVED))
        .order_by("is_archived", "-id")
        .first()
    )


def members_of(segment: Segment) -> QuerySet[Membership]:
    """Return the memberships of a segment with their profiles.

    Raises SegmentFailed where the segment is set apart.
    """
    require_open(segment)
    # A profile whose processing was restricted a moment ago may not have been evaluated since.
    rows = Membership.objects.filter(segment=segment, profile__is_restricted=False)
    return rows.select_related("profile")


def filter_permitted(
    members: QuerySet[Membership], purpose: str, *, at: datetime
) -> QuerySet[Membership]:
    """Keep the members for whom the purpose is permitted at this time.

    The gate is part of the same statement, so no consent can be withdrawn between the two.
    """
    permitted = fill_named(PERMITTED, {"purpose": purpose, "at": at})
    ids = fill(PERMITTED_PROFILES, permitted=permitted)
    # The text is constant; the purpose and the time are parameters.
    return members.filter(profile_id__in=RawSQL(ids.text, ids.params))  # noqa: S611
