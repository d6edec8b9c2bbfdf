"""Rejected messages in the admin, with their reasons and a button to replay them."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from ingestion.inbox.body import unpack_message
from ingestion.models import RejectedMessage
from ingestion.services import replay_message
from profiles.admin.kit.base import MaskedAdmin, require, staff_actor
from profiles.admin.kit.unfold import display

REPLAY = "ingestion.change_rejectedmessage"
MAX_BODY_LENGTH = 100_000  # characters of a message on the page


class ReplayedFilter(admin.SimpleListFilter):
    """A filter of rejected messages by whether they were replayed."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("replayed", "replayed")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RejectedMessage]
    ) -> QuerySet[RejectedMessage]:
        if self.value() is None:
            return queryset
        return queryset.filter(replayed_at__isnull=self.value() == "open")


@admin.register(RejectedMessage)
class RejectedMessageAdmin(MaskedAdmin):
    """Rejected messages: a list, a page for each, and their replay."""

    list_display = ("fault", "type", "source", "rejected_at", "state")
    list_filter = (ReplayedFilter, "code", "source", "type")
    list_select_related = ("source",)
    sortable_by = ()
    actions = ("replay_selected",)
    fields = (
        "code",
        "path",
        "detail",
        "source",
        "trust",
        "type",
        "place",
        "received_at",
        "rejected_at",
        "replayed_at",
        "masked_body",
    )
    readonly_fields = fields
    change_form_outer_before_template = "admin/ingestion/replay.html"
    audit_type = "rejected_message"

    def audit_key(self, row: RejectedMessage) -> str:
        return str(row.uuid)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedMessage]:
        rejected_messages: QuerySet[RejectedMessage] = super().get_queryset(request)
        return rejected_messages.select_related("source")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/replay/", view(self.replay), name="ingestion_rejectedmessage_replay"),
            *super().get_urls(),
        ]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REPLAY)

    @display(description="fault", header=True)
    def fault(self, rejected: RejectedMessage) -> list[str]:
        return [rejected.code, rejected.path or "the whole message"]

    @display(description="state", label={"open": "warning", "replayed": "success"})
    def state(self, rejected: RejectedMessage) -> str:
        return "replayed" if rejected.replayed_at else "open"

    @display(description="message")
    def masked_body(self, rejected: Any) -> str:
        return format_html('<pre class="t-code">{}</pre>', pretty_body(rejected))

    @admin.action(description="Send again", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[RejectedMessage]) -> None:
        actor = staff_actor(request)
        count = sum(replay_message(rejected, actor=actor) for rejected in queryset)
        messages.success(request, f"{count} sent through the inbox again.")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may_replay = object_id is not None and request.user.has_perm(REPLAY)
        url = (
            reverse("admin:ingestion_rejectedmessage_replay", args=[object_id])
            if may_replay
            else ""
        )
        extra = {**(extra_context or {}), "replay_url": url}
        return super().changeform_view(request, object_id, form_url, extra)

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one message through the inbox again, on POST, and return to the list."""
        require(request, REPLAY)
        rejected = self.found_or_404(request, str(pk))
        if request.method == "POST":
            if replay_message(rejected, actor=staff_actor(request)):
                messages.success(request, "Sent through the inbox again.")
            else:
                messages.warning(request, "It was sent again before.")
        return redirect("admin:ingestion_rejectedmessage_changelist")


def pretty_body(rejected: Any) -> str:
    """Return the message as indented JSON, as the mask of the row lets the user see it."""
    text = unpack_message(rejected.body).decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        # Text that is not JSON cannot be masked.
        return text[:MAX_BODY_LENGTH] if rejected.mask.is_open else "not JSON"
    masked = json.dumps(rejected.mask.tree(body), ensure_ascii=False, indent=2)
    return masked[:MAX_BODY_LENGTH]
