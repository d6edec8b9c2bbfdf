"""The forms of destinations: an account at a tool with its mapping, and whom to look up."""

from typing import Any

import msgspec
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from consent.models import Purpose
from profiles.lib import exact_json
from segments.activation.destinations.tools import Setting, Tool
from segments.models import Destination, Segment
from segments.services import SegmentError, heard_segments

SETTING = "setting_"


class PersonForm(forms.Form):
    """Whose truth is looked up, by the public id."""

    person = forms.UUIDField(
        label=gettext_lazy("Public id of a person"), widget=UnfoldAdminTextInputWidget
    )


class SegmentsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """A choice of segments, each with its key, by which a priority names it."""

    def label_from_instance(self, segment: Segment) -> str:
        return f"{segment.name} · {segment.key}"


class DestinationForm(forms.Form):
    """A destination: whom it is sent, for what, by which account, and what of them."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    segments = SegmentsField(
        label=gettext_lazy("Segments"),
        queryset=Segment.objects.filter(status=Segment.Status.LIVE).order_by("name"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    purpose = forms.ModelChoiceField(
        label=gettext_lazy("Purpose"),
        queryset=Purpose.objects.order_by("key"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("People must permit it, and the purpose of the segment."),
    )
    priority = forms.CharField(
        label=gettext_lazy("Priority"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "Keys of segments with commas, such as vip, loyal: whoever is in several of these is "
            "sent for the first alone."
        ),
    )
    only_vouched = forms.BooleanField(
        label=gettext_lazy("Vouched identifiers only"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Addresses and numbers that a visitor only typed are not sent."),
    )
    mapping = forms.CharField(
        label=gettext_lazy("Mapping"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
        help_text=gettext_lazy("JSON with JMESPath expressions over the person's document."),
    )

    def __init__(
        self,
        request: HttpRequest,
        tool: Tool,
        *,
        destination: Destination | None = None,
        data: Any = None,
    ) -> None:
        self.tool, self.is_new = tool, destination is None
        super().__init__(data, initial=_initial(tool, destination))
        for setting in tool.settings:
            self.fields[SETTING + setting.name] = _field(setting, is_new=self.is_new)
        of_tool = [SETTING + each.name for each in tool.settings]
        self.order_fields(["name", "segments", "priority", "purpose", *of_tool])

    def clean_mapping(self) -> Any:
        try:
            return exact_json.with_floats(exact_json.read(self.cleaned_data["mapping"].encode()))
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not JSON.")) from None

    def fields_of_service(self) -> dict[str, Any]:
        """Return what the service is given. A secret that is left empty is not."""
        clean = self.cleaned_data
        settings = {each.name: clean[SETTING + each.name] for each in self.tool.settings}
        secrets = {each.name for each in self.tool.settings if each.is_secret}
        return {
            "name": clean["name"],
            "segments": list(clean["segments"]),
            "purpose": clean["purpose"],
            "only_vouched": clean["only_vouched"],
            "priority": [key for part in clean["priority"].split(",") if (key := part.strip())],
            "mapping": clean["mapping"],
            "settings": {
                name: value for name, value in settings.items() if value or name not in secrets
            },
        }

    def show_fault(self, error: SegmentError) -> None:
        """Show the fault that a service found, at its field."""
        kind, _dot, name = error.field.partition(".")
        if kind == "settings":
            self.add_error(SETTING + name, error.detail)
        elif kind.startswith("priority["):
            self.add_error("priority", error.detail)
        elif kind == "mapping":
            self.add_error("mapping", f"{error.field}: {error.detail}")
        else:
            self.add_error(error.field if error.field in self.fields else None, error.detail)


def _initial(tool: Tool, destination: Destination | None) -> dict[str, Any]:
    if destination is None:
        return {"mapping": pretty(tool.mapping)}
    settings = {SETTING + name: value for name, value in destination.settings.items()}
    return {
        "name": destination.name,
        "segments": heard_segments(destination),
        "purpose": destination.purpose,
        "only_vouched": destination.only_vouched,
        "priority": ", ".join(destination.priority),
        "mapping": pretty(destination.mapping),
        **settings,
    }


def _field(setting: Setting, *, is_new: bool) -> forms.Field:
    is_required = setting.is_required and not setting.default
    label: Any = setting.label
    if setting.choices:
        return forms.ChoiceField(
            label=label,
            choices=[(each, each) for each in setting.choices],
            initial=setting.default,
            widget=UnfoldAdminSelectWidget,
        )
    widget: Any = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    if setting.is_long:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})
    kept = _("Nobody is shown it again. Left empty, it stays as it is.")
    return forms.CharField(
        label=label,
        initial=setting.default,
        required=is_required and (is_new or not setting.is_secret),
        max_length=8000,
        widget=widget,
        help_text=kept if setting.is_secret else "",
    )


def pretty(value: Any) -> str:
    """Return JSON that people read."""
    text: str = msgspec.json.format(exact_json.dumps(value), indent=2)
    return text
