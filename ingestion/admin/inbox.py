"""The inbox, a pause of the drain, and the counts of dropped messages in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ingestion.models import DroppedCount, InboxRow
from ingestion.services import MAY_TRY, current_pause, try_drain_now
from profiles.admin.kit.base import ReadOnlyAdmin, require, staff_actor
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

    list_before_template = "admin/ingestion/inbox.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.try_now)
        return [path("try-now/", view, name="ingestion_inboxrow_try_now"), *super().get_urls()]

    @method_decorator(require_POST)
    def try_now(self, request: HttpRequest) -> HttpResponse:
        """Try one request at once, though the drain is paused."""
        require(request, MAY_TRY)
        if try_drain_now(actor=staff_actor(request)):
            messages.success(request, _("A worker tries one request now."))
        else:
            messages.info(request, _("The drain is not paused."))
        return redirect("admin:ingestion_inboxrow_changelist")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        pause = {"pause": current_pause(), "may_try": request.user.has_perm(MAY_TRY)}
        return super().changelist_view(request, {**(extra_context or {}), **pause})

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxRow]:
        rows: QuerySet[InboxRow] = super().get_queryset(request)
        # Bodies are up to 500 KB each, and not shown.
        return rows.defer("body").select_related("source")

    @display(description=gettext_lazy("state"), label={"waiting": "info", "leased": "success"})
    def state(self, row: InboxRow) -> tuple[str, str]:
        return ("leased", _("with a worker")) if row.lease else ("waiting", _("waiting"))


@admin.register(DroppedCount)
class DroppedCountAdmin(ReadOnlyAdmin):
    """What each source sent that was dropped: messages of erased people, and unusable parts."""

    list_display = ("day", "source", "reason", "count")
    list_filter = ("source", "reason", "day")
    list_select_related = ("source",)
    fields = list_display
    readonly_fields = fields
