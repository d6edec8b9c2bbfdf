"""Trait definitions and event names in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import ReadOnlyAdmin, TesseraAdmin, staff_actor
from profiles.admin.kit.unfold import ModelForm, display
from profiles.models import EventName, TraitDefinition
from profiles.services import save_trait_definition

CATEGORY_COLOURS = {"ordinary": "default", "contact": "info", "special": "danger"}
REVIEW_COLOURS = {"open": "warning", "reviewed": "default"}


@admin.register(TraitDefinition)
class TraitDefinitionAdmin(TesseraAdmin):
    """Trait definitions, with the policy by which the golden value is chosen."""

    list_display = ("label_and_key", "type", "category_label", "policy", "review", "created_at")
    list_filter = ("is_reviewed", "category", "origin", "type", "policy")
    search_fields = ("key", "label")
    ordering = ("is_reviewed", "key")
    fields = ("key", "label", "type", "category", "origin", "policy", "is_reviewed")
    audit_type = "trait_definition"

    @display(description=_("trait"), header=True, ordering="key")
    def label_and_key(self, definition: TraitDefinition) -> list[str]:
        return [definition.label or definition.key, definition.key if definition.label else ""]

    @display(
        description=_("category"),
        ordering="category",
        label=CATEGORY_COLOURS,
    )
    def category_label(self, definition: TraitDefinition) -> tuple[str, str]:
        return definition.category, definition.get_category_display()

    @display(description=_("review"), ordering="is_reviewed", label=REVIEW_COLOURS)
    def review(self, definition: TraitDefinition) -> tuple[str, str]:
        if definition.is_reviewed:
            return "reviewed", gettext("reviewed")
        return "open", gettext("to review")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        # Sources send the key, so that a change would make it another trait.
        return ("key",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: TraitDefinition, form: ModelForm, change: Any
    ) -> None:
        # The service also updates golden values when the policy changes.
        save_trait_definition(obj, actor=staff_actor(request))


@admin.register(EventName)
class EventNameAdmin(ReadOnlyAdmin):
    """Names of events, with the property whose sum is kept."""

    list_display = ("name", "kind", "value_property")
    list_filter = ("kind",)
    search_fields = ("name",)
    fields = ("name", "kind", "value_property")
    readonly_fields = fields
