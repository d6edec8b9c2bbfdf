"""The form of a segment: its definition as JSON, with every fault named by its path."""

from typing import Any

import msgspec
from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from profiles.lib import exact_json
from segments.language.operands import DefinitionError, Fault
from segments.models import Segment
from segments.services import check_definition

EXAMPLE = '{\n  "type": "trait",\n  "key": "city",\n  "operator": "equals",\n  "value": "Lyon"\n}'
# Shown beside the field: one leaf of each common kind.
GUIDE = """{"type": "and", "children": [
  {"type": "trait", "key": "birth_date", "operator": "age_between", "value": [30, 40]},
  {"type": "trait", "key": "interests", "operator": "includes", "value": "tennis"},
  {"type": "event", "name": "Order Completed", "aggregate": "sum", "property": "revenue",
   "operator": "gte", "value": 200, "window": {"last": {"years": 1}}},
  {"type": "not", "child": {"type": "segment", "key": "lapsed"}},
  {"type": "consent", "purpose": "newsletter", "permitted": true}
]}"""
SPOKEN = (
    *("type", "count", "key", "name", "kind", "purpose", "aggregate", "property", "operator"),
    *("value", "permitted", "ignore_case", "window", "where", "child", "children"),
)
Status = Segment.Status


class DefinitionFormField(forms.CharField):
    """JSON text in, a checked definition out. Numbers stay exact."""

    def __init__(self, **options: Any) -> None:
        attrs = {"rows": 18, "class": "t-definition", "spellcheck": "false"}
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs=attrs), **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else formatted_definition(value)

    def to_python(self, value: Any) -> Any:
        try:
            return exact_json.loads(super().to_python(value) or "null")
        except ValueError as fault:
            raise forms.ValidationError(f"This is not JSON: {fault}.") from None


class SegmentForm(forms.ModelForm):
    """What people say about a segment. Saving goes through the services."""

    definition = DefinitionFormField(
        initial=EXAMPLE,
        help_text="What its members have in common. Preview shows who that is without saving.",
    )
    status = forms.ChoiceField(
        choices=[(Status.DRAFT.value, "draft"), (Status.LIVE.value, "live: kept up to date")],
        widget=UnfoldAdminSelectWidget(),
    )

    class Meta:
        model = Segment
        fields = ("key", "name", "description", "purpose", "status", "definition")
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.status == Status.LIVE and "status" in self.fields:
            self.fields["status"].choices = [(Status.LIVE.value, "live: kept up to date")]

    def clean_definition(self) -> Any:
        definition = self.cleaned_data["definition"]
        key = self.instance.key or str(self.data.get("key", ""))
        try:
            check_definition(definition, key=key)
        except DefinitionError as error:
            raise forms.ValidationError([said(fault) for fault in error.errors]) from None
        return definition


def said(fault: Fault) -> str:
    return f"{fault.path or 'definition'}: {fault.detail}"


def formatted_definition(definition: object) -> str:
    """A definition as people edit it."""
    return msgspec.json.format(exact_json.dumps(with_type_first(definition)), indent=2)


def with_type_first(value: Any) -> Any:
    """Fields in the order in which they are spoken: the database keeps them by length."""
    if isinstance(value, list):
        return [with_type_first(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    place = {name: number for number, name in enumerate(SPOKEN)}
    names = sorted(value, key=lambda name: (place.get(name, len(place)), name))
    return {name: with_type_first(value[name]) for name in names}
