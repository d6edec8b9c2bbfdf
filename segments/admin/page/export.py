"""The tab Export: members leave as a file, masked by role. Of a draft, whom its definition fits."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from profiles.admin.kit.base import require
from segments.admin.exporting import export_by, export_context, export_form
from segments.admin.page.tabs import CHANGE, tab_page
from segments.admin.visibility import hiding_for
from segments.models import MemberExport, Segment

SHOWN = 10


class ExportActions:
    """The export in the admin of segments."""

    def export_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("<int:pk>/export/", view(self.export), name="segments_segment_export")]

    def export(self: Any, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask for format, purpose and columns, then stream the file."""
        segment: Segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "export")
        form = export_form(request, segment.purpose_id)
        if form.is_bound:
            require(request, CHANGE)
            if form.is_valid() and (response := export_by(request, form, **_people(segment))):
                return response
        exports = MemberExport.objects.filter(segment=segment).select_related("purpose")[:SHOWN]
        return tab_page(
            self,
            request,
            segment,
            "export",
            exports=exports,
            **export_context(request, form, segment.size),
        )


def _people(segment: Segment) -> dict[str, Any]:
    """Return whom an order is of. A draft has no members yet, but its definition fits some."""
    if segment.status == Segment.Status.DRAFT:
        return {"definition": segment.definition, "name": segment.name}
    return {"segment": segment}
