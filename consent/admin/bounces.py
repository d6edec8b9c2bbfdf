"""Mail that came back, in the admin: a section of the profile page, and lifting a block.

Invariant: addresses are shown behind the mask of who looks; the list has none.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from consent.models import BouncedAddress
from consent.services import bounces_of, lift_block
from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.sections import Section, sections
from profiles.models import Profile

VIEW, ACT = "profiles.view_profile", "segments.change_segment"
LIST = "admin:consent_bouncedaddress_changelist"


class LiftForm(forms.Form):
    """Asks why mail may go to an address again."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Without the address. It goes into the audit."),
    )


@admin.register(BouncedAddress)
class BouncedAddressAdmin(ReadOnlyAdmin):
    """Addresses that mail came back from, without the addresses."""

    seen_with = VIEW
    list_display = ("id", "kind", "soft_days", "last_at", "blocked_at", "lifted_at")
    list_filter = ("kind",)
    ordering = ("-last_at",)
    audit_type = "bounced_address"
    fields = readonly_fields = ("kind", "soft_days", "last_at", "blocked_at", "lifted_at")

    def audit_key(self, row: Any) -> str:
        return str(row.pk)

    def get_urls(self) -> list[URLPattern]:
        lift = self.admin_site.admin_view(self.lift)
        return [
            path("<int:pk>/lift/", lift, name="consent_bouncedaddress_lift"),
            *super().get_urls(),
        ]

    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, and let mail go to an address again."""
        require(request, ACT)
        row: BouncedAddress = self.found_or_404(request, str(pk))
        form = LiftForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            lift_block(row, reason=form.cleaned_data["reason"], actor=staff_actor(request))
            messages.success(request, gettext("Mail goes to this address again."))
            return redirect(LIST)
        question = Question(
            title=gettext("Let mail go to this address again"),
            form=form,
            submit=gettext("Lift the block"),
            back=reverse(LIST),
        )
        return question_page(self, request, question)


def load_bounces(request: HttpRequest, profile: Profile, mask: Mask) -> dict[str, Any]:
    """Load what came back from the profile's addresses. Takes one query."""
    # The page of a profile has loaded the identifiers.
    values = [row.value for row in profile.identifiers.all() if row.namespace == "email"]
    return {
        "bounces": [
            (mask.identifier("email", each.address), each.row) for each in bounces_of(values)
        ],
        "may_lift": request.user.has_perm(ACT),
    }


sections.declare(
    Section(
        key="bounces",
        title=_("Mail that came back"),
        icon="unsubscribe",
        template="admin/consent/section_bounces.html",
        permission=VIEW,
        load=load_bounces,
        order=25,
    )
)
