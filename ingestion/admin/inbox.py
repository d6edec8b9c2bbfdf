"""The inbox and the counts of dropped messages in the admin, read only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ingestion.models import DroppedCount, InboxRow
from profiles.admin.kit.base import ReadOnlyAdmin
from profiles.admin.kit.unfold import display


@admin.register(InboxRow)
class InboxRowAdmin(ReadOnlyAdmin):
    """Requests that are accepted and not drained yet, without their content."""

    list_display = ("id", "source", "message_count", "received_at", "attempts", "state")
    list_filter = ("source", "attempts")
    list_select_related = ("source",)
    sortable_by = ()
    ordering = ("id",)
    fields = (
        "source",
        "trust",
        "message_count",
        "is_opted_out",
        "received_at",
        "attempts",
        "leased_until",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxRow]:
        rows: QuerySet[InboxRow] = super().get_queryset(request)
        # Bodies are up to 500 KB each, and not shown.
        return rows.defer("body").select_related("source")

    @display(description="state", label={"waiting": "info", "with a worker": "success"})
    def state(self, row: InboxRow) -> str:
        return "with a worker" if row.lease else "waiting"


@admin.register(DroppedCount)
class DroppedCountAdmin(ReadOnlyAdmin):
    """What each source sent that was dropped: messages of erased people, and unusable parts."""

    list_display = ("day", "source", "reason", "count")
    list_filter = ("source", "reason", "day")
    list_select_related = ("source",)
    fields = list_display
    readonly_fields = fields
