"""The list of exports: who took members of which segment, for what, and how many were left out."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import BoundedList, ReadOnlyAdmin
from profiles.admin.kit.unfold import ChangeList, display
from profiles.services import actor_names
from segments.admin.visibility import hiding_for
from segments.models import MemberExport

VIEW = "segments.view_segment"


class ExportList(BoundedList):
    """A page of exports with the names of those who made them, in two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A list, since a queryset would load the rows again and lose the names.
        rows: list[Any] = list(self.result_list)
        names, hides = actor_names(row.actor for row in rows), hiding_for(request)
        for row in rows:
            row.actor_name = names[row.actor]
            row.is_hidden = hides(row.segment)
        self.result_list = rows


@admin.register(MemberExport)
class MemberExportAdmin(ReadOnlyAdmin):
    """Exports, for whoever may see segments."""

    seen_with = VIEW
    list_display = (
        "segment",
        "purpose",
        "format",
        "written_count",
        "left_out_total",
        "who",
        "state",
        "started_at",
    )
    list_filter = ("state", "format", "purpose")
    list_select_related = ("segment", "purpose")
    ordering = ("-started_at",)
    fields = ("segment", "purpose", "format", "columns", "state", "started_at", "moved_at")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExportList

    @display(description=_("in the file"))
    def written_count(self, export: Any) -> str:
        return "–" if export.is_hidden else f"{export.written:,}"

    @display(description=_("left out"))
    def left_out_total(self, export: Any) -> str:
        return "–" if export.is_hidden else f"{export.left_out_count:,}"

    @display(description=_("who"))
    def who(self, export: Any) -> str:
        return str(export.actor_name)
