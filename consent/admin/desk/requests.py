"""Privacy requests in the admin: the list with their deadlines, and the pages below it.

Invariant: every step goes through the services.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.desk.actions import (
    act_now,
    delete_file,
    download_archive,
    download_file,
    take_step,
)
from consent.admin.desk.board import board_context
from consent.admin.desk.breach import breach_page
from consent.admin.desk.casework import CASEWORK
from consent.admin.desk.letters import letter_page
from consent.admin.desk.opening import OPEN, open_by_identifier, open_page
from consent.admin.desk.page import page_context
from consent.admin.desk.steps import STEPS
from consent.models import PrivacyRequest
from consent.requests.statuses import CLOSED
from consent.services import time_left
from profiles.admin.kit.base import MaskedAdmin, require
from profiles.admin.kit.unfold import display

Status = PrivacyRequest.Status
SET_APART = "set_apart"
STATUS_COLOURS = {
    Status.RECEIVED: "info",
    Status.VERIFIED: "info",
    Status.IN_PROGRESS: "info",
    Status.AWAITING_VERIFICATION: "warning",
    Status.COOLING: "warning",
    Status.HELD: "warning",
    Status.DONE: "success",
    Status.REFUSED: "danger",
    Status.CANCELLED: "default",
    SET_APART: "danger",
}


class OpenFilter(admin.SimpleListFilter):
    """Filters by whether the request is still open; open requests are sorted by deadline."""

    title = _("open")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("open")), ("no", gettext("closed"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PrivacyRequest]
    ) -> QuerySet[PrivacyRequest]:
        if self.value() == "yes":
            return queryset.exclude(status__in=CLOSED).order_by("due_at")
        return queryset.filter(status__in=CLOSED) if self.value() == "no" else queryset


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(MaskedAdmin):
    """Privacy requests and their deadlines."""

    list_display = ("kind_label", "status_label", "days_left", "door", "received_at", "due_at")
    list_filter = (OpenFilter, "kind", "status", "door")
    sortable_by = ("received_at", "due_at")
    audit_type = "privacy_request"

    def audit_key(self, row: PrivacyRequest) -> str:
        return str(row.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OPEN)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("breach/", view(self.breach), name="consent_privacyrequest_breach"),
            path("open/<int:profile_id>/", view(self.open), name="consent_privacyrequest_open"),
            *(
                path(
                    f"<uuid:pk>/{step}/",
                    view(self.step),
                    {"step": step},
                    name=f"consent_privacyrequest_{step}",
                )
                for step in (*STEPS, *CASEWORK)
            ),
            path(
                "<uuid:pk>/files/<int:number>/", view(self.file), name="consent_privacyrequest_file"
            ),
            path(
                "<uuid:pk>/files/<int:number>/delete/",
                view(self.delete_file),
                name="consent_privacyrequest_file_delete",
            ),
            path("<uuid:pk>/letter/", view(self.letter), name="consent_privacyrequest_letter"),
            path("<uuid:pk>/act/", view(self.act), name="consent_privacyrequest_act"),
            path("<uuid:pk>/archive/", view(self.archive), name="consent_privacyrequest_archive"),
            *super().get_urls(),
        ]

    @display(description=_("request"))
    def kind_label(self, privacy_request: PrivacyRequest) -> str:
        return privacy_request.get_kind_display()

    @display(description=_("status"), label=STATUS_COLOURS)
    def status_label(self, privacy_request: PrivacyRequest) -> tuple[str, str]:
        if privacy_request.failed_at and privacy_request.status not in CLOSED:
            return SET_APART, gettext("set apart")
        return privacy_request.status, privacy_request.get_status_display()

    @display(
        description=_("time left"),
        label={"overdue": "danger", "due soon": "warning", "in time": "success", "": "info"},
    )
    def days_left(self, privacy_request: PrivacyRequest) -> tuple[str, str]:
        return time_left(privacy_request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the board; what filters or sorts is answered by the table."""
        require(request, self.seen_with or "consent.view_privacyrequest")
        if request.GET or request.method == "POST":
            return super().changelist_view(request, extra_context)
        return self.page(
            request,
            "admin/consent/board.html",
            title=gettext("Privacy requests"),
            may_open=request.user.has_perm(OPEN),
            **board_context(request),
        )

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return open_by_identifier(self, request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page of one request."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        privacy_request = self.get_object(request, object_id or "")
        if privacy_request is None:
            return self.redirect_missing(request, object_id)
        return self.page(
            request, "admin/consent/request.html", **page_context(request, privacy_request)
        )

    def open(self, request: HttpRequest, profile_id: int) -> HttpResponse:
        return open_page(self, request, profile_id)

    def step(self, request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
        return take_step(self, request, pk, step)

    def act(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return act_now(self, request, pk)

    def breach(self, request: HttpRequest) -> HttpResponse:
        return breach_page(self, request)

    def letter(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return letter_page(self, request, pk)

    def file(self, request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
        return download_file(self, request, pk, number)

    def delete_file(self, request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
        return delete_file(self, request, pk, number)

    def archive(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return download_archive(self, request, pk)
