"""The suppression list in the admin: only counts, since its rows concern erased people."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from consent.models import Suppression
from profiles.admin.kit.base import ReadOnlyAdmin


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """The number of suppressions by key."""

    def get_urls(self) -> list[URLPattern]:
        # Only the list: a row has no page of its own.
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="consent_suppression_changelist")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        keys = (
            Suppression.objects.values("key_id", "normaliser_version")
            .annotate(count=Count("pk"), first=Min("created_at"), last=Max("created_at"))
            .order_by("-last")
        )
        return self.page(
            request, "admin/consent/suppressions.html", title="Suppressions", keys=keys
        )
