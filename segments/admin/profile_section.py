"""The section of the profile page with the profile's segments and latest changes."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.sections import Section, sections
from profiles.models import Profile
from segments.admin.visibility import hiding_for, hiding_past_for
from segments.models import Membership, MembershipChange

MAX_CHANGES = 12


def load_segments(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load the memberships and the latest changes. Takes three queries."""
    memberships = Membership.objects.filter(profile_id=profile.pk).select_related("segment")
    changes = MembershipChange.objects.filter(profile_id=profile.pk)
    changes = changes.select_related("segment").prefetch_related("segment__versions")
    hides, hides_past = hiding_for(request), hiding_past_for(request)
    latest = changes.order_by("-changed_at", "-id")[:MAX_CHANGES]
    by_name = memberships.order_by("segment__name")
    return {
        "memberships": [row for row in by_name if not hides(row.segment)],
        "changes": [row for row in latest if not hides_past(row.segment)],
    }


sections.declare(
    Section(
        key="segments",
        title=_("Segments"),
        icon="pie_chart",
        template="admin/segments/section.html",
        permission="segments.view_segment",
        load=load_segments,
        order=10,
    )
)
