"""The registry in the admin: events, their properties, and traits, with what is known of them."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from ingestion.admin.schema_review import ReviewedAdmin, share_of, types_in_words
from profiles.admin.kit.base import TesseraAdmin, staff_actor
from profiles.admin.kit.charts import Bar, bars
from profiles.admin.kit.formatting import number, short_day
from profiles.admin.kit.unfold import ModelForm, display
from profiles.models import EventName, SchemaKey, SchemaPart, TraitDefinition
from profiles.services import (
    ReductionError,
    check_reduced,
    days_of_event,
    figures_of_key,
    frequent_values,
    last_days,
    review_properties,
    save_trait_definition,
    set_reduced,
    sources_of_event,
    with_event_figures,
    with_figures,
    with_trait_figures,
)
from profiles.services import Review as Decision

MOST_PROPERTIES = 300
VIEW, CHANGE = "profiles.view_schemakey", "profiles.change_schemakey"


def picture_of(days: Mapping[Any, int]) -> dict[str, Any]:
    """Return the bars of the last days, and their sum."""
    columns = [Bar(short_day(day), days.get(day, 0)) for day in last_days(timezone.now())]
    title = _("Messages per day in the last 30 days")
    return {"picture": bars(columns, title=title), "total": sum(days.values())}


def known_of(key: SchemaKey | None) -> dict[str, Any]:
    """Return what the page of a property or trait shows."""
    if key is None:
        return {"key": None}
    figures = figures_of_key(key, now=timezone.now())
    return {
        "key": key,
        **picture_of(figures.days),
        "types": types_in_words(key.types),
        "sources": figures.sources,
        "values": frequent_values(key),
    }


@admin.register(SchemaKey)
class SchemaKeyAdmin(ReviewedAdmin):
    """Properties of events and parts of the context, those first that nobody reviewed."""

    list_display = (
        *("path_and_event", "types_seen", "filled", "in_days", "last_seen"),
        *("category_label", "is_money", "review"),
    )
    list_filter = ("is_reviewed", "category", "is_money", "part", "name")
    list_select_related = ("name",)
    search_fields = ("path",)
    ordering = ("is_reviewed", "path", "id")
    fields = ("path", "name", "category", "is_money")
    readonly_fields = ("path", "name")
    change_form_outer_before_template = "admin/ingestion/schema_key.html"
    audit_type = "schema_property"

    def review_of(self, chosen: QuerySet[SchemaKey]) -> Mapping[str, Any]:
        return {"properties": list(chosen.values_list("uuid", flat=True))}

    def audit_key(self, row: SchemaKey) -> str:
        return str(row.uuid)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SchemaKey]:
        rows: QuerySet[SchemaKey] = super().get_queryset(request)
        return with_figures(rows.exclude(part=SchemaPart.TRAIT), now=timezone.now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @display(description=gettext_lazy("property"), header=True)
    def path_and_event(self, key: SchemaKey) -> list[str]:
        return [key.path, key.name.name if key.name else str(key.get_part_display())]

    def shown_beside(self, request: HttpRequest, row: SchemaKey) -> dict[str, Any]:
        return {"known": known_of(row)}

    def save_model(
        self, request: HttpRequest, obj: SchemaKey, form: ModelForm, change: Any
    ) -> None:
        decision = Decision(obj.category, obj.is_money)
        review_properties([obj.uuid], decision, actor=staff_actor(request))


@admin.register(TraitDefinition)
class TraitDefinitionAdmin(ReviewedAdmin):
    """Trait definitions, with what came and the policy by which the golden value is chosen."""

    list_display = (
        *("label_and_key", "type", "types_seen", "filled", "in_days", "last_seen"),
        *("category_label", "is_money", "policy", "review"),
    )
    list_filter = ("is_reviewed", "category", "is_money", "origin", "party", "type", "policy")
    search_fields = ("key", "label")
    ordering = ("is_reviewed", "key")
    fields = (
        *("key", "label", "type", "category", "is_money", "origin", "party", "policy"),
        "is_reviewed",
    )
    change_form_outer_before_template = "admin/ingestion/schema_key.html"
    audit_type = "trait_definition"

    def review_of(self, chosen: QuerySet[TraitDefinition]) -> Mapping[str, Any]:
        return {"traits": list(chosen.values_list("key", flat=True))}

    def get_queryset(self, request: HttpRequest) -> QuerySet[TraitDefinition]:
        rows: QuerySet[TraitDefinition] = super().get_queryset(request)
        return with_trait_figures(rows, now=timezone.now())

    @display(description=gettext_lazy("trait"), header=True)
    def label_and_key(self, definition: TraitDefinition) -> list[str]:
        return [definition.label or definition.key, definition.key if definition.label else ""]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        # Sources send the key, so that a change would make it another trait.
        return ("key",) if obj else ()

    def shown_beside(self, request: HttpRequest, row: TraitDefinition) -> dict[str, Any]:
        keys = SchemaKey.objects.filter(part=SchemaPart.TRAIT, path=row.key)
        return {"known": known_of(keys.first())}

    def save_model(
        self, request: HttpRequest, obj: TraitDefinition, form: ModelForm, change: Any
    ) -> None:
        # The service also updates golden values when the policy changes.
        save_trait_definition(obj, actor=staff_actor(request))


class EventNameForm(forms.ModelForm):  # type: ignore[type-arg]
    """Which event's net value an event reduces."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reduces" in self.fields:
            tracked = EventName.objects.filter(kind=EventName.Kind.TRACK, reduces="")
            names = tracked.exclude(pk=self.instance.pk).values_list("name", flat=True)
            # What is set may be a name that no event came with yet.
            known = sorted({*names, self.instance.reduces} - {""})
            self.fields["reduces"] = forms.ChoiceField(
                label=self.fields["reduces"].label,
                help_text=self.fields["reduces"].help_text,
                choices=[("", _("none")), *((name, name) for name in known)],
                required=False,
                widget=UnfoldAdminSelectWidget,
            )

    def clean_reduces(self) -> str:
        name = str(self.cleaned_data["reduces"])
        try:
            check_reduced(self.instance, name)
        except ReductionError as error:
            raise ValidationError(str(error)) from None
        return name


@admin.register(EventName)
class EventNameAdmin(TesseraAdmin):
    """Names of events, with what came of each, and which reduces the net value of another."""

    form = EventNameForm
    list_display = (
        *("name", "kind", "reduces", "in_days", "property_count", "unreviewed", "last_day"),
    )
    list_filter = ("kind",)
    search_fields = ("name",)
    sortable_by = ("name",)
    ordering = ("name",)
    fields = ("name", "kind", "value_property", "reduces")
    change_form_outer_before_template = "admin/ingestion/schema_event.html"
    audit_type = "event_name"

    def audit_key(self, row: EventName) -> str:
        return f"{row.kind}:{row.name}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(CHANGE)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        is_tracked = isinstance(obj, EventName) and obj.kind == EventName.Kind.TRACK
        return tuple(name for name in self.fields if not (is_tracked and name == "reduces"))

    def save_model(
        self, request: HttpRequest, obj: EventName, form: ModelForm, change: Any
    ) -> None:
        set_reduced(obj, obj.reduces, actor=staff_actor(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventName]:
        rows: QuerySet[EventName] = super().get_queryset(request)
        return with_event_figures(rows, now=timezone.now())

    @display(description=gettext_lazy("in 30 days"))
    def in_days(self, name: Any) -> str:
        return number(name.messages)

    @display(description=gettext_lazy("properties"))
    def property_count(self, name: Any) -> int:
        count: int = name.properties
        return count

    @display(description=gettext_lazy("to review"))
    def unreviewed(self, name: Any) -> int:
        count: int = name.unreviewed
        return count

    @display(description=gettext_lazy("last seen"))
    def last_day(self, name: Any) -> Any:
        return name.last_day

    def shown_beside(self, request: HttpRequest, row: EventName) -> dict[str, Any]:
        now = timezone.now()
        keys = with_figures(SchemaKey.objects.filter(name=row), now=now)
        known = {
            **picture_of(days_of_event(row, now=now)),
            "name": row,
            "sources": sources_of_event(row),
            "rows": [
                (key, types_in_words(key.types), share_of(key))
                for key in keys.order_by("is_reviewed", "path")[:MOST_PROPERTIES]
            ],
            "may_view": request.user.has_perm(VIEW),
        }
        return {"known": known}
