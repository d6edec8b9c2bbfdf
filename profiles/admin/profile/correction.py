"""The form for the correction of a trait, and its conversion of texts to JSON values.

Of a trait that is registered it asks in the trait's own type. It is a part of the person's page
where that page asked for it, and a page of its own otherwise.
"""

import json
import re
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.lib import exact_json
from profiles.lib.exact_json import UnreadableJSON
from profiles.models import Profile, TraitDefinition, TraitLock
from profiles.services import Actor, checked_corrections, rectify, unlock

# The kinds of value of a trait that is kept empty, and of one whose correction is taken back.
EMPTY, UNLOCKED = "empty", "unlocked"
WITHOUT_VALUE = {
    EMPTY: _("no value: keep it empty"),
    UNLOCKED: _("no correction: let sources decide again"),
}
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
            *WITHOUT_VALUE.items(),
        ],
        label=_("Kind of value"),
        widget=UnfoldAdminSelectWidget(),
    )
    value = forms.CharField(
        required=False,
        strip=True,
        max_length=10_000,
        label=_("Value"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("A date as 1990-12-31, a boolean as true or false, a list as JSON."),
    )
    reason = forms.CharField(label=_("Reason"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))

    def ask_of(self, profile: Profile, definition: TraitDefinition) -> None:
        """Ask for the value of this trait, in its type; `initial` has its value as text."""
        self.fields["key"].widget = forms.HiddenInput()
        locks = TraitLock.objects.filter(profile=profile, key=definition.key)
        kind: Any = self.fields["type"]
        kind.label = _("What holds")
        kind.choices = [(definition.type, _("this value")), (EMPTY, WITHOUT_VALUE[EMPTY])]
        if locks.exists():
            kind.choices = [*kind.choices, (UNLOCKED, WITHOUT_VALUE[UNLOCKED])]
        value = self.fields["value"]
        value.label = definition.label or definition.key
        value.widget, value.help_text = _widget_for(definition.type, self.initial["value"])
        value.widget.attrs["autofocus"] = True

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
    if kind in WITHOUT_VALUE:
        return None
    if not text:
        raise ValueError(gettext("Say the value, or choose that there is none."))
    if kind == TraitDefinition.Type.TEXT:
        return text
    if kind == TraitDefinition.Type.DATE:
        # Only checked: JSON has no dates, so that the text itself is the value.
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(gettext("Write a date as 1990-12-31.")) from None
        return text
    return _parse_json(kind, text)


def _parse_json(kind: str, text: str) -> Any:
    try:
        value = exact_json.with_floats(exact_json.read(text.encode(errors="replace")))
    except UnreadableJSON as error:
        words = gettext("This must be %(what)s.") % {"what": error.detail}
        raise ValueError(words) from None
    is_boolean = isinstance(value, bool)
    # In Python a boolean is a number too.
    if not isinstance(value, JSON_TYPES[kind]) or (kind == "number" and is_boolean):
        label = TraitDefinition.Type(kind).label
        raise ValueError(gettext("JSON spells no value of the type %(type)s so.") % {"type": label})
    return value


def _widget_for(kind: str, text: str) -> tuple[forms.Widget, Any]:
    """Return how a value of this kind is asked for, and what helps to write it."""
    if kind == TraitDefinition.Type.BOOLEAN:
        return UnfoldAdminSelectWidget(choices=[("true", _("yes")), ("false", _("no"))]), ""
    if kind == TraitDefinition.Type.NUMBER:
        return _input("number", step="any"), ""
    # Browsers show nothing of a time in a field for a date.
    if kind == TraitDefinition.Type.DATE and re.fullmatch(r"(\d{4}-\d\d-\d\d)?", text):
        return _input("date"), ""
    if kind == TraitDefinition.Type.DATE:
        return UnfoldAdminTextInputWidget(), _("A time as 1990-12-31T08:30:00Z.")
    if kind == TraitDefinition.Type.LIST:
        return UnfoldAdminTextareaWidget(attrs={"rows": 2}), _('As JSON: ["tennis", "cinema"]')
    if kind == TraitDefinition.Type.OBJECT:
        return UnfoldAdminTextareaWidget(attrs={"rows": 4}), _('As JSON: {"city": "Lyon"}')
    return UnfoldAdminTextInputWidget(), ""


def _input(kind: str, **attributes: str) -> forms.Widget:
    widget: forms.TextInput = UnfoldAdminTextInputWidget(attrs=attributes)
    widget.input_type = kind
    return widget


def correction_form(request: HttpRequest, profile: Profile) -> RectifyForm:
    """Return the form for the trait in the query string, with its golden value, or for any."""
    definition = TraitDefinition.objects.filter(key=request.GET.get("key", "")).first()
    initial = _initial_correction(request.GET.get("key", ""), definition, profile)
    form = RectifyForm(request.POST or None, initial=initial)
    if definition is not None:
        form.ask_of(profile, definition)
    return form


def _initial_correction(
    key: str, definition: TraitDefinition | None, profile: Profile
) -> dict[str, Any]:
    value = profile.traits.get(key)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {
        "key": key,
        "type": definition.type if definition else TraitDefinition.Type.TEXT,
        "value": "" if value is None else text,
    }
