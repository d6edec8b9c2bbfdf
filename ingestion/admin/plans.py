"""Tracking plans of sources in the admin: each version as it was saved, and a form for the next."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ingestion.models import PlanBreach, TrackingPlan
from ingestion.plans.content import parse_plan
from ingestion.services import PlanFaults, save_plan
from profiles.admin.kit.base import ReadOnlyAdmin, TesseraAdmin, staff_actor
from profiles.admin.kit.unfold import ModelForm


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """A plan to put in force."""

    def clean_content(self) -> Any:
        """Refuse a plan with all that is wrong with it, each with its path."""
        content = self.cleaned_data["content"]
        try:
            parse_plan(content)
        except PlanFaults as error:
            raise ValidationError(
                [f"{fault.path}: {fault.detail}" for fault in error.faults]
            ) from None
        return content


@admin.register(TrackingPlan)
class TrackingPlanAdmin(TesseraAdmin):
    """Versions of plans; the newest of each source is in force."""

    form = PlanForm
    list_display = ("source", "version", "made_at")
    list_filter = ("source",)
    list_select_related = ("source",)
    ordering = ("source__key", "-version")
    fields = ("source", "content")
    audit_type = "tracking_plan"

    def audit_key(self, row: TrackingPlan) -> str:
        return row.source.key

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: TrackingPlan, form: ModelForm, change: Any
    ) -> None:
        saved = save_plan(obj.source, obj.content, actor=staff_actor(request))
        # The page that follows shows the version in force, which an equal plan leaves as it is.
        obj.pk, obj.version = saved.pk, saved.version


@admin.register(PlanBreach)
class PlanBreachAdmin(ReadOnlyAdmin):
    """How many messages were taken that break the plan of their source."""

    list_display = ("day", "source", "event", "count")
    list_filter = ("source", "day")
    list_select_related = ("source",)
    fields = list_display
    readonly_fields = fields
