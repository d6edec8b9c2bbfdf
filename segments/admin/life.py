"""Actions on the page of a segment: copy it, go back to a version, bring it back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from profiles.admin.kit.base import Question, question_page, require, staff_actor
from segments.admin.forms import CloneForm, fault_text
from segments.admin.visibility import require_visible, require_visible_version
from segments.language.operands import DefinitionError
from segments.models import Segment
from segments.services import SegmentError, clone_segment, restore_segment, roll_back

CHANGE = "segments.change_segment"
ADD = "segments.add_segment"
PAGE = "admin:segments_segment_overview"


class LifeActions:
    """The actions of the admin of segments. All but the copy ask for a POST only."""

    def life_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/clone/", view(self.clone), name="segments_segment_clone"),
            path("<int:pk>/restore/", view(self.restore), name="segments_segment_restore"),
            path(
                "<int:pk>/rollback/<int:number>/",
                view(self.rollback),
                name="segments_segment_rollback",
            ),
        ]

    def clone(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the key and name of a copy, then make it."""
        require(request, ADD)
        segment: Segment = self.found_or_404(request, str(pk))
        require_visible(request, segment)
        initial = {"key": f"{segment.key}-copy"[:63], "name": f"{segment.name} (copy)"[:120]}
        form = CloneForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            try:
                copy = clone_segment(segment, actor=staff_actor(request), **form.cleaned_data)
            except (SegmentError, DefinitionError) as error:
                _add_faults(form, error)
            else:
                messages.success(request, _("%(name)s is a draft.") % {"name": copy.name})
                return redirect(PAGE, copy.pk)
        question = Question(
            title=_("Copy %(name)s") % {"name": segment.name},
            form=form,
            submit=_("Copy"),
            back=reverse(PAGE, args=[pk]),
            warning=_("The copy is a draft with the same definition, purpose and labels."),
        )
        return question_page(self, request, question)

    def restore(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Bring an archived segment back as a draft."""
        require(request, CHANGE)
        segment: Segment = self.found_or_404(request, str(pk))
        if request.method == "POST":
            try:
                restore_segment(segment, actor=staff_actor(request))
                messages.success(request, _("%(name)s is a draft again.") % {"name": segment.name})
            except SegmentError as error:
                messages.error(request, error.detail)
        return redirect(PAGE, pk)

    def rollback(self: Any, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Give a segment the definition of an earlier version."""
        require(request, CHANGE)
        segment: Segment = self.found_or_404(request, str(pk))
        require_visible(request, segment)
        require_visible_version(request, segment, number)
        if request.method == "POST":
            try:
                roll_back(segment, number, actor=staff_actor(request))
                words = _("The definition is that of version %(number)s again.")
                messages.success(request, words % {"number": number})
            except SegmentError as error:
                messages.error(request, error.detail)
            except DefinitionError as error:
                for fault in error.errors:
                    messages.error(request, fault_text(fault))
        return redirect(PAGE, pk)


def _add_faults(form: forms.Form, error: SegmentError | DefinitionError) -> None:
    if isinstance(error, SegmentError):
        form.add_error(error.field if error.field in form.fields else None, error.detail)
    else:
        form.add_error(None, list(map(fault_text, error.errors)))
