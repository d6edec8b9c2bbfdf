"""The tab By hand: who is kept in a segment or out of it, what it excludes, and its pause.

Invariant: whoever may not see contact data names nobody, since the answer tells whether somebody is
here.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.admin.kit.base import Question, question_page, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import Mask, mask_for
from profiles.admin.kit.people import display_name
from profiles.services import actor_names
from segments.admin.page.tabs import tab_page
from segments.admin.visibility import hiding_for, require_visible
from segments.language.calendar import local_midnight
from segments.models import Override, Segment
from segments.overrides.groups import segments_of
from segments.services import (
    Decision,
    SegmentError,
    pause_segment,
    release_overrides,
    resume_segment,
    set_overrides,
)

CHANGE = "segments.change_segment"
PAGE = "admin:segments_segment_decisions"
MOST = 200


class DecisionRow(NamedTuple):
    """One person who is kept in or out, as far as the user may see them."""

    profile_id: int
    name: str
    is_in: bool
    reason: str
    actor: str
    starts_at: datetime
    ends_at: datetime | None


class DecisionForm(forms.Form):
    """Whom to keep in or out, why, and until when."""

    identifier = forms.CharField(
        max_length=1024,
        label=gettext_lazy("person"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Such as email:ada@example.org."),
    )
    kind = forms.ChoiceField(
        choices=[
            (Override.Kind.INCLUDE.value, gettext_lazy("always in")),
            (Override.Kind.EXCLUDE.value, gettext_lazy("never in")),
        ],
        initial=Override.Kind.INCLUDE.value,
        label=gettext_lazy("whatever the definition says"),
        widget=UnfoldAdminRadioSelectWidget(),
    )
    reason = forms.CharField(
        max_length=500, label=gettext_lazy("reason"), widget=UnfoldAdminTextInputWidget()
    )
    ends_on = forms.DateField(
        required=False,
        label=gettext_lazy("until before"),
        widget=UnfoldAdminSingleDateWidget(),
        help_text=gettext_lazy("Empty: for good."),
    )


class DecisionActions:
    """The tab and its actions, mixed into the admin of segments."""

    def decision_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = {
            "decisions": self.decisions,
            "decide": self.decide,
            "release": self.release,
            "pause": self.pause,
        }
        return [
            path(f"<int:pk>/{name}/", view(page), name=f"segments_segment_{name}")
            for name, page in pages.items()
        ]

    def decisions(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Who is kept in or out by hand, and the segments that exclude this one."""
        segment: Segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "decisions")
        may_change = request.user.has_perm(CHANGE) and segment.status != Segment.Status.ARCHIVED
        return tab_page(
            self,
            request,
            segment,
            "decisions",
            rows=decision_rows(segment, mask_for(request)),
            rivals=segments_of(segment.group) if segment.group else [],
            may_pause=may_change,
            may_decide=may_change and request.user.has_perm(SEE_CONTACTS),
        )

    def decide(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a person and a reason, and keep them in or out."""
        segment = self._segment_to_decide(request, pk)
        form = DecisionForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and _set(request, segment, form):
            return redirect(PAGE, pk)
        question = Question(
            title=_("Keep somebody in %(name)s, or out of it") % {"name": segment.name},
            form=form,
            submit=_("Keep"),
            back=reverse(PAGE, args=[pk]),
        )
        return question_page(self, request, question)

    def release(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """End what was decided about one person, asked by a POST."""
        segment = self._segment_to_decide(request, pk)
        if request.method == "POST":
            person = request.POST.get("profile", "")
            rows = Override.objects.filter(segment=segment)
            # At most 17 digits, so that the number fits into a bigint.
            is_number = person.isdecimal() and len(person) < 18
            row = rows.filter(profile_id=int(person)).first() if is_number else None
            if row is not None:
                reference = f"profile:{row.profile.uuid}"
                release_overrides(segment, [reference], actor=staff_actor(request))
                messages.success(request, _("The definition alone holds for them again."))
        return redirect(PAGE, pk)

    def pause(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Hold back what leaves of the segment, or let it out again, asked by a POST."""
        require(request, CHANGE)
        segment: Segment = self.found_or_404(request, str(pk))
        if request.method == "POST":
            change = resume_segment if request.POST.get("resume") else pause_segment
            try:
                change(segment, actor=staff_actor(request))
            except SegmentError as error:
                messages.error(request, error.detail)
        return redirect(PAGE, pk)

    def _segment_to_decide(self: Any, request: HttpRequest, pk: int) -> Segment:
        require(request, CHANGE)
        require(request, SEE_CONTACTS)
        segment: Segment = self.found_or_404(request, str(pk))
        require_visible(request, segment)
        return segment


def decision_rows(segment: Segment, mask: Mask) -> list[DecisionRow]:
    """Return the latest decisions about people whose processing is not restricted."""
    rows = Override.objects.filter(segment=segment, profile__is_restricted=False)
    page = list(rows.select_related("profile").order_by("-starts_at", "profile_id")[:MOST])
    names = actor_names({row.actor for row in page})
    return [
        DecisionRow(
            row.profile_id,
            display_name(row.profile.traits, mask) or _("anonymous"),
            row.kind == Override.Kind.INCLUDE,
            # Somebody may have written a name into it.
            row.reason if mask.is_open else "",
            names[row.actor],
            row.starts_at,
            row.ends_at,
        )
        for row in page
    ]


def _set(request: HttpRequest, segment: Segment, form: DecisionForm) -> bool:
    """Keep the person of a valid form in or out; note its faults in it otherwise."""
    fields = form.cleaned_data
    end = fields["ends_on"]
    decision = Decision(
        Override.Kind(fields["kind"]),
        fields["reason"],
        ends_at=None if end is None else local_midnight(end, timezone.get_default_timezone()),
    )
    try:
        change = set_overrides(
            segment, [fields["identifier"]], decision, actor=staff_actor(request)
        )
    except SegmentError as error:
        form.add_error("ends_on" if error.field == "ends_at" else None, error.detail)
        return False
    if not change.people:
        form.add_error("identifier", _("This names nobody."))
        return False
    text = ngettext("%(count)d person.", "%(count)d people.", change.people)
    messages.success(request, text % {"count": change.people})
    return True
