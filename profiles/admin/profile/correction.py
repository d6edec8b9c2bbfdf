"""The correction of a trait: its form, and what a text means as a value of some kind."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.models import Profile, TraitDefinition


class RectifyForm(forms.Form):
    """A trait, its right value, and why."""

    key = forms.CharField(max_length=255, label="Trait", widget=UnfoldAdminTextInputWidget())
    type = forms.ChoiceField(
        choices=[*TraitDefinition.Type.choices, ("empty", "no value: keep it empty")],
        label="Kind of value",
        widget=UnfoldAdminSelectWidget(),
    )
    value = forms.CharField(
        required=False,
        strip=True,
        max_length=10_000,
        widget=UnfoldAdminTextInputWidget(),
        help_text="A date as 1990-12-31, a boolean as true or false, a list as JSON.",
    )
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            cleaned["value"] = typed(cleaned.get("type", ""), cleaned.get("value", ""))
        except ValueError as fault:
            self.add_error("value", str(fault))
        return cleaned


def typed(kind: str, text: str) -> Any:
    """The JSON value that a text spells as this kind. Raises ValueError with what is wrong."""
    if kind == "empty":
        return None
    if not text:
        raise ValueError("Say the value, or choose that there is none.")
    if kind == TraitDefinition.Type.TEXT:
        return text
    if kind == TraitDefinition.Type.DATE:
        datetime.fromisoformat(text)
        return text
    return spelled(kind, text)


def spelled(kind: str, text: str) -> Any:
    """Numbers, booleans, lists and objects, as JSON spells them."""
    wanted = {"number": (int, float), "boolean": bool, "list": list, "object": dict}[kind]
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    is_number = kind == "number"
    if not isinstance(value, wanted) or (is_number and isinstance(value, bool)):
        raise ValueError(f"This is not a {kind} as JSON spells it.")
    return value


def initial_correction(request: HttpRequest, profile: Profile) -> dict[str, Any]:
    """The trait named in the address, as it stands."""
    key = request.GET.get("key", "")
    definition = TraitDefinition.objects.filter(key=key).first()
    value = profile.traits.get(key)
    plain = value if isinstance(value, str) else json.dumps(value)
    return {
        "key": key,
        "type": definition.type if definition else TraitDefinition.Type.TEXT,
        "value": "" if value is None else plain,
    }
