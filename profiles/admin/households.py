"""The section of a person's page with the others of their household."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import display_name
from profiles.admin.kit.sections import Section, sections
from profiles.households import Reason, household_of
from profiles.models import Profile

REASONS: Mapping[Reason, str | Promise] = {
    Reason.RELATED: _("related, by a verdict"),
    Reason.ADDRESS: _("the same address"),
}


def load_household(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Find the others of the household, with their names as the user may see them."""
    return {
        "relatives": [
            {
                "profile": each.profile,
                "name": display_name(each.profile.traits, mask) or gettext("anonymous"),
                "reasons": [REASONS[reason] for reason in each.reasons],
            }
            for each in household_of(profile)
        ]
    }


sections.declare(
    Section(
        key="household",
        title=_("Household"),
        icon="home",
        template="admin/profiles/household.html",
        permission="profiles.view_profile",
        load=load_household,
        order=45,
        is_lazy=True,
    )
)
