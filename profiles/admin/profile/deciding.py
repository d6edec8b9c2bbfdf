"""Deciding on a person's page who is who: the form, and what would come of it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from profiles.admin.kit.base import Question
from profiles.api.decision_effects import Effects, decide_with_effects
from profiles.identifiers.lookup import parse_reference, restricted_identifiers
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.identity.engine import PROFILE
from profiles.models import DecisionVerdict, Identifier, Profile
from profiles.services import Actor, DecisionConflict, DecisionError, NewDecision

VERDICTS = {
    DecisionVerdict.NOT_SAME: _("two people: part them"),
    DecisionVerdict.SAME: _("one person: join them"),
    DecisionVerdict.RELATED: _("two people of one household: part them"),
}


class DecideForm(forms.Form):
    """A verdict on an identifier of the person and another, with the reason.

    The first submission tries it, and the second, of the same fields, does it.
    """

    verdict = forms.ChoiceField(
        label=_("Verdict"), choices=VERDICTS.items, widget=UnfoldAdminSelectWidget()
    )
    one = forms.ModelChoiceField(
        queryset=Identifier.objects.none(),
        label=_("This person's identifier"),
        widget=UnfoldAdminSelectWidget(),
    )
    other = forms.CharField(
        max_length=1024,
        label=_("The other identifier"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("As email:ada@example.org: this person's to part it, or another's to join."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    tried = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(
        self,
        profile: Profile,
        posted: QueryDict | None,
        *,
        with_restricted: bool,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self._with_restricted = with_restricted
        self._posted = posted.copy() if posted else None
        super().__init__(self._posted, initial=dict(initial or {}))
        one: Any = self.fields["one"]
        one.queryset = (
            Identifier.objects.filter(profile=profile)
            .exclude(namespace=PROFILE)
            .order_by("namespace", "value")
        )

    def clean_other(self) -> Identifier:
        """Return the identifier that the reference names."""
        try:
            namespace, value = parse_reference(self.cleaned_data["other"])
        except InvalidIdentifier as error:
            raise forms.ValidationError(error.reason) from error
        identifier = Identifier.objects.filter(namespace=namespace, value=value).first()
        if identifier is None:
            raise forms.ValidationError(gettext("No message has named this identifier."))
        if not self._with_restricted and restricted_identifiers([identifier]):
            raise forms.ValidationError(gettext("This person's processing is restricted."))
        return identifier

    @property
    def fingerprint(self) -> str:
        """What the user saw the effects of: another choice has to be tried again."""
        one, other = self.cleaned_data["one"], self.cleaned_data["other"]
        return f"{self.cleaned_data['verdict']} {one.pk} {other.pk}"

    @property
    def was_tried(self) -> bool:
        return bool(self.cleaned_data["tried"] == self.fingerprint)

    def remember_trial(self) -> None:
        """Let the next submission of the same choice be the one that counts."""
        if self._posted is not None:
            self._posted["tried"] = self.fingerprint

    def effects(self, *, actor: Actor) -> Effects | None:
        """Try the verdict, or write it if it was tried, and return whom it concerns.

        Returns None if the form has a fault, be it that the verdict may not be given.
        """
        if not self.is_valid():
            return None
        new = NewDecision(
            DecisionVerdict(self.cleaned_data["verdict"]),
            self.cleaned_data["one"],
            self.cleaned_data["other"],
            self.cleaned_data["reason"],
        )
        try:
            return decide_with_effects(
                new,
                actor=actor,
                with_restricted=self._with_restricted,
                is_dry_run=not self.was_tried,
            ).profiles
        except DecisionError as error:
            self.add_error(error.field, str(error))
        except DecisionConflict as conflict:
            words = gettext("Another verdict or a rule keeps them apart: %(chain)s.")
            chain = " – ".join(str(identifier) for identifier in conflict.chain)
            self.add_error("other", words % {"chain": chain})
        return None


class ReasonForm(forms.Form):
    """Why a verdict is undone."""

    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def decide_question(form: DecideForm, effects: Effects | None, back: str) -> Question:
    """Return the question: first what to decide, then whether it shall be as it was tried."""
    if effects is None:
        return Question(
            title=gettext("Decide who is who"),
            form=form,
            submit=gettext("See what it would do"),
            back=back,
            warning=gettext("Nothing is written before you have seen what it would do."),
        )
    form.remember_trial()
    return Question(
        title=gettext("Decide who is who"),
        form=form,
        submit=gettext("Decide so"),
        back=back,
        warning=gettext("So it would be. It holds whatever sources send, until it is undone."),
        counts=counts_of(effects),
    )


def counts_of(effects: Effects) -> dict[str, int]:
    """Return how many people there would be, and what each would have."""
    counts = {gettext("People afterwards"): len(effects)}
    for row in effects:
        if "traits" in row:  # else restricted, for this user
            name = row["traits"].get("name") or f"…{str(row['id'])[-12:]}"
            counts[gettext("%(name)s: identifiers") % {"name": name}] = len(row["identifiers"])
            counts[gettext("%(name)s: events") % {"name": name}] = row["events"]
    return counts
