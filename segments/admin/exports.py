"""Exports in the admin: who took whom, for what, how far each is, and what waits to be approved."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from profiles.admin.kit.base import BoundedList, ReadOnlyAdmin, require, show_secret, staff_actor
from profiles.admin.kit.formatting import number
from profiles.admin.kit.unfold import ChangeList, display
from profiles.services import Actor, SamePerson, actor_names, are_one_person
from segments.admin.page.tabs import CHANGE
from segments.admin.visibility import hiding_export_for
from segments.api.export_files import file_response
from segments.exports.orders import DEFAULT_HOURS, MOST_HOURS
from segments.lib.failures import SegmentFailed
from segments.lib.left_out import LeftOut
from segments.models import MemberExport
from segments.services import (
    ExportGone,
    SegmentError,
    approve_export,
    decline_export,
    make_link,
    take_export,
    withdraw_export,
)

VIEW = "segments.view_segment"
PAGE = "admin:segments_memberexport_change"
State = MemberExport.State
REASONS = {
    LeftOut.RESTRICTED: gettext_lazy("processing is restricted"),
    LeftOut.OBJECTED: gettext_lazy("objected"),
    LeftOut.REFUSED: gettext_lazy("refused or withdrew"),
    LeftOut.EXPIRED: gettext_lazy("the consent has expired"),
    LeftOut.OUTDATED: gettext_lazy("consented to an earlier version"),
    LeftOut.NEVER_GIVEN: gettext_lazy("never consented"),
}
# What is done by one click, and what is said then.
_ACTS: dict[str, tuple[Callable[..., None], Any]] = {
    "approve": (approve_export, gettext_lazy("Approved: who asked for it may fetch it.")),
    "decline": (decline_export, gettext_lazy("Declined: nobody leaves.")),
    "withdraw": (withdraw_export, gettext_lazy("Withdrawn: nobody fetches it any more.")),
}


class LeftOutRow(NamedTuple):
    """A reason in words, and how many were left out for it."""

    reason: Any
    people: int


class LinkForm(forms.Form):
    """How long a link works."""

    hours = forms.IntegerField(min_value=1, max_value=MOST_HOURS)


class ExportList(BoundedList):
    """A page of exports with the names of those who made them, in two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A list, since a queryset would load the rows again and lose the names.
        rows: list[Any] = list(self.result_list)
        names, hides = actor_names(row.actor for row in rows), hiding_export_for(request)
        for row in rows:
            row.actor_name = names[row.actor]
            row.is_hidden = hides(row)
        self.result_list = rows


@admin.register(MemberExport)
class MemberExportAdmin(ReadOnlyAdmin):
    """Exports, for whoever may see segments."""

    seen_with = VIEW
    audit_type = "export"
    list_display = (
        "people",
        "purpose",
        "format",
        "written_count",
        "left_out_total",
        "who",
        "state_label",
        "started_at",
    )
    list_filter = ("state", "format", "purpose")
    list_select_related = ("segment", "list", "purpose")
    ordering = ("-started_at",)

    def audit_key(self, row: MemberExport) -> str:
        return str(row.pk)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExportList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<uuid:export_id>/progress/",
                view(self.progress),
                name="segments_memberexport_progress",
            ),
            path(
                "<uuid:pk>/file/", view(require_POST(self.file)), name="segments_memberexport_file"
            ),
            path(
                "<uuid:pk>/link/", view(require_POST(self.link)), name="segments_memberexport_link"
            ),
            *(
                path(
                    f"<uuid:pk>/{name}/",
                    view(require_POST(self.act)),
                    {"name": name},
                    name=f"segments_memberexport_{name}",
                )
                for name in _ACTS
            ),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("people"))
    def people(self, export: MemberExport) -> str:
        return name_of(export)

    @display(description=gettext_lazy("in the file"))
    def written_count(self, export: Any) -> str:
        return "–" if export.is_hidden else number(export.written)

    @display(description=gettext_lazy("left out"))
    def left_out_total(self, export: Any) -> str:
        return "–" if export.is_hidden else number(export.left_out_count)

    @display(description=gettext_lazy("who"))
    def who(self, export: Any) -> str:
        return str(export.actor_name)

    @display(
        description=gettext_lazy("state"),
        label={State.WAITING: "warning", State.DONE: "success", State.STOPPED: "danger"},
    )
    def state_label(self, export: MemberExport) -> tuple[str, str]:
        return export.state, export.get_state_display()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what is exported, who asked and decided, how far it is, and what can be done."""
        export = self._visible(request, object_id)
        names = actor_names({export.actor, export.decided_by})
        return self.page(
            request,
            "admin/segments/export.html",
            title=name_of(export),
            asked_by=names[export.actor],
            decided_by=names[export.decided_by] if export.decided_by else "",
            may=_may(request, export),
            hours=DEFAULT_HOURS,
            most_hours=MOST_HOURS,
            **_progress(export, export.pk),
        )

    def progress(self, request: HttpRequest, export_id: UUID) -> TemplateResponse:
        """Say how far an export is, which may not have begun yet."""
        require(request, VIEW)
        export = self.get_object(request, str(export_id))
        if export is not None and hiding_export_for(request)(export):
            raise PermissionDenied
        return self.page(
            request,
            "admin/segments/export_progress.html",
            title=_("Export"),
            **_progress(export, export_id),
        )

    def file(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Stream the file of an export that is ready, to who asked for it."""
        export = self._own(request, pk)
        try:
            take_export(export, actor=staff_actor(request))
        except ExportGone:
            messages.error(request, _("It was fetched already, or is over."))
        except SegmentError as error:
            messages.error(request, error.detail)
        except SegmentFailed:
            messages.error(request, _("The segment is set apart: nobody leaves by it."))
        else:
            return file_response(export)
        return redirect(PAGE, pk)

    def link(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Make a link, and show it this once."""
        export = self._own(request, pk)
        form = LinkForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("A link works for 1 to 168 hours."))
            return redirect(PAGE, pk)
        try:
            link = make_link(export, hours=form.cleaned_data["hours"], actor=staff_actor(request))
        except ExportGone:
            messages.error(request, _("It was fetched already, or is over."))
            return redirect(PAGE, pk)
        return show_secret(
            self,
            request,
            title=_("The link"),
            secret=link.url,
            back=reverse(PAGE, args=[pk]),
            template="admin/segments/export_link.html",
            expires_at=link.expires_at,
        )

    def act(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        """Approve, decline or withdraw an export."""
        require(request, CHANGE)
        export = self._visible(request, str(pk))
        perform, done = _ACTS[name]
        try:
            perform(export, actor=staff_actor(request))
        except SamePerson as error:
            messages.error(request, str(error))
        except ExportGone:
            messages.error(request, _("It was decided already, or is over."))
        else:
            messages.success(request, done)
        return redirect(PAGE, pk)

    def _visible(self, request: HttpRequest, object_id: str) -> MemberExport:
        export: MemberExport = self.found_or_404(request, object_id)
        if hiding_export_for(request)(export):
            raise PermissionDenied
        return export

    def _own(self, request: HttpRequest, pk: UUID) -> MemberExport:
        require(request, CHANGE)
        export = self._visible(request, str(pk))
        if export.actor != str(staff_actor(request)):
            # The file is masked by the role of who asked for it.
            raise PermissionDenied
        return export


def name_of(export: MemberExport) -> str:
    """Return what the people of an export are called."""
    return export.name or (export.segment.name if export.segment else _("A choice of people"))


def left_out_rows(export: MemberExport) -> list[LeftOutRow]:
    """Return why people were left out of an export, the most frequent reason first."""
    counts = sorted(export.left_out.items(), key=lambda pair: -pair[1])
    return [LeftOutRow(REASONS[LeftOut(reason)], count) for reason, count in counts]


def _progress(export: MemberExport | None, export_id: UUID) -> dict[str, Any]:
    left_out = [] if export is None else left_out_rows(export)
    return {"export": export, "export_id": export_id, "left_out": left_out}


def _may(request: HttpRequest, export: MemberExport) -> dict[str, bool]:
    """Return which buttons the page has for this member of staff."""
    may_change = request.user.has_perm(CHANGE)
    is_waiting = may_change and export.state == State.WAITING
    is_ready = may_change and export.state == State.READY
    is_own = export.actor == str(staff_actor(request))
    is_one = are_one_person(Actor.parse(export.actor), staff_actor(request))
    return {
        "approve": is_waiting and not is_one,
        "decline": is_waiting,
        "fetch": is_ready and is_own,
        "withdraw": is_ready,
    }
