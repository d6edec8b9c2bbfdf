"""The forms of automations: what is saved of one, and what a template asks for."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from consent.models import Purpose
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from segments import services
from segments.admin.flow.building import EMPTY
from segments.admin.forms import DefinitionFormField, fault_text
from segments.language.operands import DefinitionError
from segments.models import Automation


class AutomationForm(forms.Form):
    """What is saved of an automation."""

    name = forms.CharField(
        label=gettext_lazy("name"), max_length=120, widget=UnfoldAdminTextInputWidget()
    )
    purpose = forms.ModelChoiceField(
        label=gettext_lazy("purpose"),
        queryset=Purpose.objects.order_by("key"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("People must permit it when a message is to leave."),
    )
    priority = forms.IntegerField(
        label=gettext_lazy("priority"),
        min_value=0,
        max_value=1000,
        initial=100,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("Where one day has too many starts, the smaller number is first."),
    )
    definition = DefinitionFormField(
        label=gettext_lazy("definition"),
        initial=EMPTY,
    )

    class Media:
        js = ("segments/builder.js",)

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_see = request.user.has_perm(SEE_CONTACTS)

    def clean_definition(self) -> Any:
        definition = self.cleaned_data["definition"]
        try:
            services.parse_automation(definition)
        except DefinitionError as error:
            raise forms.ValidationError(list(map(fault_text, error.errors))) from None
        if not self.may_see and services.is_sensitive_automation(definition):
            raise forms.ValidationError(_("It asks for contact or special data."))
        if not self.may_see and services.names_destination(definition):
            raise forms.ValidationError(_("It sends what names people to a destination."))
        return definition


class NewAutomationForm(AutomationForm):
    """The same, with the key of a new one."""

    key = forms.CharField(
        label=gettext_lazy("key"),
        max_length=63,
        validators=[*Automation._meta.get_field("key").validators],
        widget=UnfoldAdminTextInputWidget(),
    )
    field_order = ("key", "name", "purpose", "priority", "definition")


class InstallForm(forms.Form):
    """A template, and the purpose for which its messages leave."""

    purpose = AutomationForm.base_fields["purpose"]
