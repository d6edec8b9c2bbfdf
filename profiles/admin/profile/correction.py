"""The form for the correction of a trait, and its conversion of texts to JSON values."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.models import Profile, TraitDefinition
from profiles.services import Actor, checked_corrections, rectify, unlock

# The kind of value of a trait whose correction is taken back.
UNLOCKED = "unlocked"
# The Python types of the kinds of values that are written as JSON.
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


class RectifyForm(forms.Form):
    """A trait, its corrected value as text, and the reason."""

    key = forms.CharField(max_length=255, label=_("Trait"), widget=UnfoldAdminTextInputWidget())
    type = forms.ChoiceField(
        choices=[
            *TraitDefinition.Type.choices,
            ("empty", "no value: keep it empty"),
            (UNLOCKED, "no correction: let sources decide again"),
        ],
        label=_("Kind of value"),
        widget=UnfoldAdminSelectWidget(),
    )
    value = forms.CharField(
        required=False,
        strip=True,
        max_length=10_000,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("A date as 1990-12-31, a boolean as true or false, a list as JSON."),
    )
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            value = parse_value(cleaned.get("type", ""), cleaned.get("value", ""))
            cleaned["value"] = checked_corrections({cleaned.get("key", "?"): value})
        except ValueError as error:
            self.add_error("value", str(error))
        return cleaned

    def correct(self, profile: Profile, *, actor: Actor) -> None:
        """Lock the trait, or take its lock away. Raises ContactNotFree."""
        key, reason = self.cleaned_data["key"], self.cleaned_data["reason"]
        if self.cleaned_data["type"] == UNLOCKED:
            unlock(profile.pk, [key], actor=actor, reason=reason)
        else:
            rectify(profile.pk, self.cleaned_data["value"], actor=actor, reason=reason)


def parse_value(kind: str, text: str) -> Any:
    """Return the JSON value of a text, by its kind. Raises ValueError with a message for staff."""
    if kind in ("empty", UNLOCKED):
        return None
    if not text:
        raise ValueError("Say the value, or choose that there is none.")
    if kind == TraitDefinition.Type.TEXT:
        return text
    if kind == TraitDefinition.Type.DATE:
        # Only checked: JSON has no dates, so that the text itself is the value.
        datetime.fromisoformat(text)
        return text
    return _parse_json(kind, text)


def _parse_json(kind: str, text: str) -> Any:
    try:
        value = exact_json.with_floats(exact_json.read(text.encode(errors="replace")))
    except UnreadableJSON as error:
        raise ValueError(f"This must be {error.detail}.") from None
    is_boolean = isinstance(value, bool)
    # In Python a boolean is a number too.
    if not isinstance(value, JSON_TYPES[kind]) or (kind == "number" and is_boolean):
        raise ValueError(f"This is not a {kind} as JSON spells it.")
    return value


def initial_correction(request: HttpRequest, profile: Profile) -> dict[str, Any]:
    """Return the form's initial values: the trait in the query string, with its golden value."""
    key = request.GET.get("key", "")
    definition = TraitDefinition.objects.filter(key=key).first()
    value = profile.traits.get(key)
    text = value if isinstance(value, str) else json.dumps(value)
    return {
        "key": key,
        "type": definition.type if definition else TraitDefinition.Type.TEXT,
        "value": "" if value is None else text,
    }
