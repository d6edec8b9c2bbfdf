"""Named reads of memberships."""

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from consent.services import PERMITTED
from segments.compiler.fragments import fill, fill_named
from segments.models import Membership, Segment

PERMITTING = "SELECT p.id FROM profiles_profile p WHERE {permitted}"


def members_of(segment: Segment) -> QuerySet[Membership]:
    """Who is in the segment; whose processing was restricted a moment ago is left out already."""
    rows = Membership.objects.filter(segment=segment, profile__is_restricted=False)
    return rows.select_related("profile")


def permitting(
    members: QuerySet[Membership], purpose: str, *, at: datetime
) -> QuerySet[Membership]:
    """Those of the members who permit the purpose at this instant, asked in the same statement."""
    permitted = fill_named(PERMITTED, {"purpose": purpose, "at": at})
    ids = fill(PERMITTING, permitted=permitted)
    # The text is constant: purpose and instant are parameters.
    return members.filter(profile_id__in=RawSQL(ids.text, ids.params))  # noqa: S611
