"""The section of the profile page with the codes that the person was given."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.sections import Section, sections
from profiles.models import Profile
from segments.services import given_codes

MASKED = "•••"


def load_codes(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load the codes of a person. Takes two queries."""
    rows = given_codes(profile.pk)
    return {"codes": [(row, row.text if mask.is_open else MASKED) for row in rows]}


sections.declare(
    Section(
        key="codes",
        title=_("Codes"),
        icon="redeem",
        template="admin/segments/code_section.html",
        permission="segments.view_segment",
        load=load_codes,
        order=11,
    )
)
