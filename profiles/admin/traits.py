"""Traits and event names: what sources taught us, and how golden values are chosen."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display

from profiles.admin.kit.base import ReadOnlyAdmin, TesseraAdmin
from profiles.models import EventName, TraitDefinition
from profiles.traits.definitions import save_definition


@admin.register(TraitDefinition)
class TraitDefinitionAdmin(TesseraAdmin):
    """Traits as they were met; the policy says which value is golden."""

    list_display = ("named", "type", "category_shown", "policy", "reviewed", "created_at")
    list_filter = ("is_reviewed", "category", "type", "policy")
    search_fields = ("key", "label")
    ordering = ("is_reviewed", "key")
    fields = ("key", "label", "type", "category", "policy", "is_reviewed")

    @display(description="trait", header=True, ordering="key")
    def named(self, definition: TraitDefinition) -> list[str]:
        return [definition.label or definition.key, definition.key if definition.label else ""]

    @display(
        description="category",
        ordering="category",
        label={"contact": "info", "special (article 9)": "danger"},
    )
    def category_shown(self, definition: TraitDefinition) -> str:
        return definition.get_category_display()

    @display(description="review", ordering="is_reviewed", label={"to review": "warning"})
    def reviewed(self, definition: TraitDefinition) -> str:
        return "reviewed" if definition.is_reviewed else "to review"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: TraitDefinition, form: ModelForm, change: Any
    ) -> None:
        """Through the service: golden values follow a new policy at once."""
        save_definition(obj)


@admin.register(EventName)
class EventNameAdmin(ReadOnlyAdmin):
    """What events are called, and which of their properties is summed."""

    list_display = ("name", "kind", "value_property")
    list_filter = ("kind",)
    search_fields = ("name",)
    fields = ("name", "kind", "value_property")
    readonly_fields = fields
