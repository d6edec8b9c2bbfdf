"""The forms of requests about many people: whom, which kind, and why."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from consent.requests.bulk import BULK_KINDS, MOST_PEOPLE
from profiles.identifiers.lookup import load_normalisers, parse_reference, profiles_by_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.models import Profile
from profiles.services import persons_of


class BulkForm(forms.Form):
    """Asks for kind and reason; `persons` are those that were chosen in the list."""

    kind = forms.ChoiceField(label=_("Kind"), widget=UnfoldAdminSelectWidget())
    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, persons: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.persons, self.not_held = persons, 0
        choices: Any = self.fields["kind"]
        choices.choices = [(kind.value, kind.label) for kind in BULK_KINDS]


class PastedBulkForm(BulkForm):
    """Asks for the people as well, by their identifiers."""

    identifiers = forms.CharField(
        label=_("Identifiers"),
        max_length=1_000_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_("One a line: an e-mail address, or user_id:42."),
    )
    field_order = ("identifiers", "kind", "reason")

    def clean_identifiers(self) -> str:
        text: str = self.cleaned_data["identifiers"]
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if len(lines) > MOST_PEOPLE:
            raise forms.ValidationError(gettext("These are more than 10,000."))
        references = [_reference(line) for line in lines]
        _check(references)
        holders = profiles_by_reference(references)
        people = Profile.objects.filter(pk__in=set(holders.values()))
        self.persons = persons_of(list(people))
        self.not_held = len(set(references)) - len(holders)
        if not self.persons:
            raise forms.ValidationError(gettext("Nobody has any of these."))
        return text


def _check(references: list[str]) -> None:
    normalisers = load_normalisers()
    for number, reference in enumerate(references, 1):
        try:
            parse_reference(reference, normalisers)
        except InvalidIdentifier:
            words = gettext("Line %(number)s is no identifier.")
            raise forms.ValidationError(words % {"number": number}) from None


def _reference(line: str) -> str:
    return f"email:{line}" if "@" in line and ":" not in line else line
