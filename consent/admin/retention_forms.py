"""The forms of retention rules."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from consent.lib.durations import parse_duration
from consent.models import Anchor, Purpose
from consent.services import RuleTerms
from profiles.models import EventName, TraitDefinition


class DurationField(forms.CharField):
    """An ISO 8601 duration."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        try:
            parse_duration(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        return text


class TermsForm(forms.Form):
    """Asks how long data are kept."""

    period = DurationField(
        label=_("Kept for"),
        max_length=32,
        initial="P2Y",
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as P2Y, P18M or P90D."),
    )
    anchor = forms.ChoiceField(
        label=_("Counted from"), choices=Anchor.choices, widget=UnfoldAdminSelectWidget()
    )
    grace = DurationField(
        label=_("At most, once the purpose ended"),
        max_length=32,
        initial="P30D",
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("After a withdrawal, an objection, or the end of a consent."),
    )


class NewRuleForm(TermsForm):
    """Asks for what data, and for which purpose, too."""

    event = forms.ModelChoiceField(
        label=_("Events of the name"),
        queryset=EventName.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    category = forms.ChoiceField(
        label=_("Or traits of the category"),
        choices=[("", "–"), *TraitDefinition.Category.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    purpose = forms.ModelChoiceField(
        label=_("For the purpose"),
        queryset=Purpose.objects.all(),
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("event", "category", "purpose", "period", "anchor", "grace")


def terms_from(form: TermsForm) -> RuleTerms:
    """Return the terms that the user entered. The form must be valid."""
    return RuleTerms(**{name: form.cleaned_data[name] for name in TermsForm.base_fields})
