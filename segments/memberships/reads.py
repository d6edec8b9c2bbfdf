"""Reading memberships."""

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from consent.services import PERMITTED
from segments.compiler.fragments import fill, fill_named
from segments.models import Membership, Segment

# Returns the ids of the profiles for which a purpose is permitted. Not ORM: the gate is SQL text.
PERMITTED_PROFILES = "SELECT p.id FROM profiles_profile p WHERE {permitted}"


def members_of(segment: Segment) -> QuerySet[Membership]:
    """Return the memberships of a segment with their profiles."""
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
