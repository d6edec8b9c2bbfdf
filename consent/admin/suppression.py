"""The suppression list in the admin: only counts, since its rows concern erased people.

Staff who have a proof let somebody come back from here.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from consent.models import Suppression
from consent.services import welcome_back
from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier

ACT = "consent.change_privacyrequest"
LIST = "admin:consent_suppression_changelist"


class ReturnForm(forms.Form):
    """Asks whom to store again, and for the proof that they want it."""

    identifiers = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autocomplete": "off"}),
        help_text=_("Of one person, one a line, such as email:ada@example.org"),
    )
    proof = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("What shows that the person wants to be stored again. It goes into the audit."),
    )

    def clean_identifiers(self) -> list[str]:
        references: list[str] = self.cleaned_data["identifiers"].split()
        for reference in references:
            try:
                parse_reference(reference)
            except InvalidIdentifier as error:
                raise forms.ValidationError(str(error)) from None
        return references


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """The number of suppressions by key."""

    def get_urls(self) -> list[URLPattern]:
        # A row has no page of its own.
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="consent_suppression_changelist"),
            path("return/", view(self.let_return), name="consent_suppression_return"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        keys = (
            Suppression.objects.values("key_id", "normaliser_version")
            .annotate(count=Count("pk"), first=Min("created_at"), last=Max("created_at"))
            .order_by("-last")
        )
        return self.page(
            request,
            "admin/consent/suppressions.html",
            title=gettext("Suppressions"),
            keys=keys,
            may_lift=request.user.has_perm(ACT),
        )

    def let_return(self, request: HttpRequest) -> HttpResponse:
        """Store a person again who was erased, on proof."""
        require(request, ACT)
        form = ReturnForm(request.POST or None)
        if not form.is_valid():
            question = Question(
                title=gettext("Let somebody come back"),
                form=form,
                submit=gettext("Store them again"),
                back=reverse(LIST),
                warning=gettext(
                    "From now on they are stored again. What they had refused or objected to "
                    "stays refused, and messages from before today stay out."
                ),
            )
            return question_page(self, request, question)
        fields = form.cleaned_data
        is_lifted = welcome_back(
            fields["identifiers"], actor=staff_actor(request), reason=fields["proof"]
        )
        if is_lifted:
            messages.success(request, _("They are stored again."))
        else:
            messages.info(request, _("None of these is suppressed; nothing was changed."))
        return redirect(LIST)
