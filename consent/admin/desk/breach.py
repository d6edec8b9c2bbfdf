"""The scope of a breach: what one account or key saw in a span of time, about how many people.

Invariant: whoever draws it up is written down, and the page names nobody whom it is about.
"""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget

from consent.admin.desk.page import ACT
from profiles.admin.kit.base import MaskedAdmin, require, staff_actor
from profiles.models import StaffRead
from profiles.services import people_read, readers, scope_of_reads


class ScopeForm(forms.Form):
    """Asks whose reads, and from which day to which; both days are whole."""

    reader = forms.ChoiceField(label=_("Who looked"), widget=UnfoldAdminSelectWidget())
    since = forms.DateField(label=_("First day"), widget=UnfoldAdminDateWidget())
    until = forms.DateField(label=_("Last day"), widget=UnfoldAdminDateWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["reader"]
        choice.choices = sorted(readers().items(), key=lambda item: item[1])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and cleaned["until"] < cleaned["since"]:
            self.add_error("until", gettext("This is before the first day."))
        return cleaned

    def span(self) -> dict[str, Any]:
        """Return whose reads, and between which times. The form must be valid."""
        zone, fields = timezone.get_current_timezone(), self.cleaned_data
        return {
            "reader": fields["reader"],
            "since": datetime.combine(fields["since"], time.min, zone),
            "until": datetime.combine(fields["until"] + timedelta(days=1), time.min, zone),
        }


def breach_page(admin: MaskedAdmin, request: HttpRequest) -> HttpResponse:
    """Show the form, and what somebody saw; or hand out the public ids of whom they saw."""
    require(request, ACT)
    today = timezone.localdate()
    form = ScopeForm(
        request.POST if request.method == "POST" else None,
        initial={"since": today - timedelta(days=6), "until": today},
    )
    scope = None
    if form.is_valid():
        if "export" in request.POST:
            return _download(people_read(**form.span(), actor=staff_actor(request)))
        scope = scope_of_reads(**form.span(), actor=staff_actor(request))
    return admin.page(
        request,
        "admin/consent/breach.html",
        title=gettext("Scope of a breach"),
        form=form,
        media=admin.media + form.media,
        scope=scope,
        pages=[(StaffRead.Page(page).label, number) for page, number in scope.pages.items()]
        if scope
        else [],
    )


def _download(uuids: list[str]) -> HttpResponse:
    response = HttpResponse("\n".join(["id", *uuids, ""]), content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="people.csv"'
    response["Cache-Control"] = "no-store"
    return response
