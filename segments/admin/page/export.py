"""The tab Export: members leave as a file, masked by role, and the page says how far it is."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import Purpose
from profiles.admin.kit.base import require, staff_actor
from profiles.admin.kit.masks import mask_for
from segments.admin.page.tabs import CHANGE, tab_page
from segments.admin.visibility import hiding_for, require_visible
from segments.api.exports import file_response
from segments.exports.columns import MAX_COLUMNS, column_choices, read_columns
from segments.lib.failures import SegmentFailed
from segments.lib.left_out import LeftOut
from segments.models import MemberExport, Segment
from segments.services import SegmentError, start_export

USUAL_COLUMNS = ("id", "entered_at")
REASONS = {
    LeftOut.RESTRICTED: gettext_lazy("processing is restricted"),
    LeftOut.OBJECTED: gettext_lazy("objected"),
    LeftOut.REFUSED: gettext_lazy("refused or withdrew"),
    LeftOut.EXPIRED: gettext_lazy("the consent has expired"),
    LeftOut.OUTDATED: gettext_lazy("consented to an earlier version"),
    LeftOut.NEVER_GIVEN: gettext_lazy("never consented"),
}


class LeftOutRow(NamedTuple):
    """A reason in words, and how many were left out for it."""

    reason: Any
    people: int


class ExportForm(forms.Form):
    """What is taken out, for what, and as which file."""

    id = forms.UUIDField(widget=forms.HiddenInput)
    format = forms.ChoiceField(choices=MemberExport.Format.choices)
    purpose = forms.ModelChoiceField(Purpose.objects.order_by("key"), empty_label=None)
    columns = forms.MultipleChoiceField(required=False)

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns: Any = self.fields["columns"]
        columns.choices = [(name, name) for name in names]

    def clean_columns(self) -> list[str]:
        columns: list[str] = self.cleaned_data["columns"]
        if len(columns) > MAX_COLUMNS:
            raise forms.ValidationError(_("At most %(most)s columns.") % {"most": MAX_COLUMNS})
        return columns


class ExportActions:
    """The export in the admin of segments."""

    def export_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/export/", view(self.export), name="segments_segment_export"),
            path(
                "<int:pk>/export/<uuid:export_id>/",
                view(self.export_progress),
                name="segments_segment_progress",
            ),
        ]

    def export(self: Any, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for format, purpose and columns, then stream the file."""
        segment: Segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "export")
        choices = column_choices()
        initial = {
            "format": MemberExport.Format.CSV,
            "purpose": segment.purpose_id,
            "columns": USUAL_COLUMNS,
        }
        posted = request.POST if request.method == "POST" else None
        form = ExportForm(posted, initial=initial, names=list(choices))
        if posted is not None:
            require(request, CHANGE)
            if form.is_valid():
                columns = read_columns(form.cleaned_data["columns"], choices)
                try:
                    export = start_export(
                        segment,
                        purpose=form.cleaned_data["purpose"],
                        columns=columns,
                        format=form.cleaned_data["format"],
                        actor=staff_actor(request),
                        export_id=form.cleaned_data["id"],
                    )
                except SegmentError as error:
                    form.add_error(None, error.detail)
                except SegmentFailed:
                    form.add_error(None, _("The segment is set apart: nobody leaves by it."))
                else:
                    return file_response(export, columns, mask_for(request))
        exports = MemberExport.objects.filter(segment=segment).select_related("purpose")[:10]
        return tab_page(
            self,
            request,
            segment,
            "export",
            form=form,
            is_masked=not mask_for(request).is_open,
            exports=exports,
            # Of the file that the form will ask for: each page has one of its own.
            export_id=uuid4(),
        )

    def export_progress(
        self: Any, request: HttpRequest, pk: int, export_id: UUID
    ) -> TemplateResponse:
        """Say how far an export is, and how many were left out and why."""
        segment: Segment = self.found_or_404(request, str(pk))
        require_visible(request, segment)
        export = MemberExport.objects.filter(pk=export_id).first()
        if export is not None and export.segment_id != segment.pk:
            raise Http404
        part = "progress" if request.headers.get("HX-Request") else "progress_page"
        page: TemplateResponse = self.page(
            request,
            f"admin/segments/page/{part}.html",
            title=_("Export"),
            segment=segment,
            export_id=export_id,
            export=export,
            left_out=[] if export is None else left_out_rows(export),
        )
        return page


def left_out_rows(export: MemberExport) -> list[LeftOutRow]:
    """Return why members were left out of an export, the most frequent reason first."""
    counts = sorted(export.left_out.items(), key=lambda pair: -pair[1])
    return [LeftOutRow(REASONS[LeftOut(reason)], count) for reason, count in counts]
