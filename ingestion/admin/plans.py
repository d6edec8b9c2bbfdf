"""Tracking plans of sources in the admin: each version as it was saved, and a form for the next."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Exists, JSONField, OuterRef
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from ingestion.admin.live import SEE
from ingestion.admin.plan_trial import try_plan
from ingestion.models import PlanBreach, TrackingPlan
from ingestion.plans.content import parse_plan
from ingestion.plans.keep import plan_in_force
from ingestion.services import PlanFaults, draft_plan, save_plan
from profiles.admin.kit.base import (
    ExactJSONField,
    ReadOnlyAdmin,
    TesseraAdmin,
    require,
    staff_actor,
)
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import ModelForm, display
from profiles.lib import exact_json
from profiles.models import Source

# What a form starts with where a source has no plan yet.
BLANK: Mapping[str, Any] = {
    "policy": "flag",
    "unplanned": "allow",
    "events": {
        "Order Completed": {
            "schema": {
                "type": "object",
                "required": ["order_id"],
                "properties": {"order_id": {"type": "string"}, "revenue": {"type": "number"}},
            }
        }
    },
}
STATE_COLOURS = {"in_force": "success", "former": "default"}


class PlanField(ExactJSONField):
    """A plan as text that people read and write."""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return msgspec.json.format(exact_json.dumps(value), indent=2)


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
    formfield_overrides = TesseraAdmin.formfield_overrides | {
        JSONField: {
            "form_class": PlanField,
            "decoder": exact_json.FormDecoder,
            "widget": UnfoldAdminTextareaWidget(
                attrs={"rows": 20, "class": "t-definition", "spellcheck": "false"}
            ),
        }
    }
    list_display = ("source", "version", "state", "made_at")
    list_filter = ("source",)
    list_select_related = ("source",)
    ordering = ("source__key", "-version")
    fields = ("source", "version", "standing", "made_at", "content", "next_version")
    change_form_outer_after_template = "admin/ingestion/plan_form_check.html"
    readonly_fields = ("version", "standing", "made_at", "next_version")
    audit_type = "tracking_plan"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.trial)
        return [path("check/", view, name="ingestion_trackingplan_check"), *super().get_urls()]

    def trial(self, request: HttpRequest) -> HttpResponse:
        """Say what is wrong with the plan of the form, and what it would do to messages."""
        require(request, "ingestion.add_trackingplan")
        source = _source_of(request.POST.get("source", ""))
        seen = source if request.user.has_perm(SEE) else None
        trial = try_plan(request.POST.get("content", ""), seen, mask_for(request))
        return TemplateResponse(request, "admin/ingestion/plan_check.html", {"trial": trial})

    def get_queryset(self, request: HttpRequest) -> Any:
        newer = TrackingPlan.objects.filter(
            source=OuterRef("source"), version__gt=OuterRef("version")
        )
        return super().get_queryset(request).annotate(is_former=Exists(newer))

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        return self.fields if obj else ("source", "content")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start with the plan in force of the source that the address names."""
        source = _source_of(request.GET.get("source", ""))
        if source is None:
            return {"content": BLANK}
        return {"content": self._first_content(request, source), "source": source.pk}

    def _first_content(self, request: HttpRequest, source: Source) -> Any:
        # Names of properties are of messages, which not everybody sees.
        if "draft" in request.GET and request.user.has_perm(SEE):
            return draft_plan(source).content
        plan = plan_in_force(source)
        return plan.content if plan else BLANK

    @display(description=_("state"), label=STATE_COLOURS)
    def state(self, row: Any) -> tuple[str, str]:
        return "former" if row.is_former else "in_force", self.standing(row)

    @display(description=_("state"))
    def standing(self, row: Any) -> str:
        return gettext("former") if row.is_former else gettext("in force")

    @display(description=_("next version"))
    def next_version(self, row: TrackingPlan) -> str:
        url = f"{reverse('admin:ingestion_trackingplan_add')}?source={row.source_id}"
        text = gettext("Write the next version")
        return format_html('<a class="t-link" href="{}">{}</a>', url, text)

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


def _source_of(pk: str) -> Source | None:
    is_key = pk.isascii() and pk.isdecimal() and len(pk) < 10
    return Source.objects.filter(pk=pk).first() if is_key else None


@admin.register(PlanBreach)
class PlanBreachAdmin(ReadOnlyAdmin):
    """How many messages broke the plan of their source, and where."""

    list_display = ("day", "source", "event", "path", "policy", "count")
    list_filter = ("source", "policy", "day")
    list_select_related = ("source",)
    fields = list_display
    readonly_fields = fields
