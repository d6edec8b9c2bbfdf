"""The form of a segment, with its definition as JSON."""

from typing import Any

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.admin.kit.unfold import ModelForm
from profiles.lib import exact_json
from profiles.services import Category
from segments.definitions.sensitivity import load_sensitivity
from segments.language.operands import DefinitionError, Fault
from segments.models import Segment
from segments.services import check_definition

# What a new segment starts from.
EMPTY: dict[str, Any] = {"type": "and", "children": []}
# The fields of a node in the order in which a reader expects them.
FIELD_ORDER = (
    "type",
    "count",
    "party",
    "key",
    "namespace",
    "salt",
    "name",
    "kind",
    "purpose",
    "aggregate",
    "property",
    "operator",
    "value",
    "permitted",
    "part",
    "zone",
    "ignore_case",
    "ignore_accents",
    "period",
    "at_least",
    "within_km",
    "of",
    "from",
    "to",
    "entered_within",
    "seen_within",
    "stated_within",
    "within",
    "same",
    "absent",
    "window",
    "steps",
    "where",
    "child",
    "children",
)
SENSITIVE = _("It asks for contact or special data: only who may see them may count by them.")
Status = Segment.Status


class DefinitionFormField(forms.CharField):
    """A field for a definition as JSON text, whose numbers stay exact."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else formatted_definition(value)

    def to_python(self, value: Any) -> Any:
        try:
            return exact_json.read((super().to_python(value) or "null").encode(errors="replace"))
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from None


class SegmentForm(ModelForm):
    """The form of a segment. It checks the definition; saving goes through the services."""

    # The builder shows it, below the other fields.
    definition = DefinitionFormField(initial=EMPTY)
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[
            (Status.DRAFT.value, _("draft")),
            (Status.LIVE.value, _("live: kept up to date")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )

    # Whether the user may count people by contact or special data; set by the admin.
    may_count_people = False

    class Meta:
        model = Segment
        fields = (
            "key",
            "name",
            "description",
            "folder",
            "tags",
            "owner",
            "purpose",
            "status",
        )
        widgets = {
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "tags": UnfoldAdminTextInputWidget(),
        }
        labels = {
            "key": _("Key"),
            "name": _("Name"),
            "description": _("Description"),
            "folder": _("Folder"),
            "tags": _("Tags"),
            "owner": _("Owner"),
            "purpose": _("Purpose"),
            "status": _("Status"),
        }
        help_texts = {"tags": _("With commas between them.")}

    class Media:
        js = ("segments/builder.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            # Not a field of Meta, whose fields are those that the page lists.
            self.initial["definition"] = self.instance.definition
        status = self.fields.get("status")
        # A live segment cannot become a draft again.
        if self.instance.status == Status.LIVE and isinstance(status, forms.ChoiceField):
            status.choices = [(Status.LIVE.value, _("live: kept up to date"))]

    def clean_tags(self) -> list[str]:
        # A list in the order in which they were written, each once.
        return list(dict.fromkeys(self.cleaned_data["tags"] or ()))

    def clean_definition(self) -> Any:
        definition = self.cleaned_data["definition"]
        key = self.instance.key or self.cleaned_data.get("key", "")
        try:
            check_definition(definition, key=key)
        except DefinitionError as error:
            raise forms.ValidationError(list(map(fault_text, error.errors))) from None
        if not self.may_count_people and load_sensitivity().of(definition) != Category.ORDINARY:
            raise forms.ValidationError(SENSITIVE)
        return definition


class CloneForm(forms.Form):
    """The key and name of a copy."""

    key = forms.CharField(
        max_length=63,
        validators=[*Segment._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as lapsed-in-lyon."),
    )
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget())


def fault_text(fault: Fault) -> str:
    """Return a fault as text, with its path."""
    return f"{fault.path or 'definition'}: {fault.detail}"


def formatted_definition(definition: object) -> str:
    """Return a definition as indented JSON with its fields in a readable order."""
    return msgspec.json.format(exact_json.dumps(sort_fields(definition)), indent=2)


def sort_fields(value: Any) -> Any:
    """Return a definition with its fields in `FIELD_ORDER`; jsonb sorts them by length."""
    if isinstance(value, list):
        return [sort_fields(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    positions = {name: position for position, name in enumerate(FIELD_ORDER)}
    names = sorted(value, key=lambda name: (positions.get(name, len(positions)), name))
    return {name: sort_fields(value[name]) for name in names}
