"""The steps that staff take with a privacy request: their forms and the services they call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent.models import PrivacyRequest
from consent.services import (
    cancel_request,
    extend_request,
    lift_restriction,
    refuse_request,
    stop_request,
    verify_request,
)
from profiles.admin.kit.base import Question
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.services import Actor

Kind = PrivacyRequest.Kind
# Rectification has its own form on the profile page, which knows the traits.
OPENED_HERE = (Kind.ACCESS, Kind.ERASURE, Kind.RESTRICTION, Kind.PORTABILITY, Kind.OBJECTION)


class ReasonForm(forms.Form):
    """Asks for a reason, which goes into the log."""

    reason = forms.CharField(label=_("Reason"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class RefusalForm(ReasonForm):
    """Asks for the article that allows a refusal, and for the reason."""

    article = forms.CharField(
        label=_("Article"),
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("What allows the refusal, such as article 12(5)."),
    )
    field_order = ("article", "reason")


class NewRequestForm(ReasonForm):
    """Asks for the kind of a new request, and for the reason."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(kind.value, kind.label) for kind in OPENED_HERE],
        widget=UnfoldAdminSelectWidget(),
    )
    field_order: tuple[str, ...] = ("kind", "reason")


class IdentifierForm(NewRequestForm):
    """Asks for an identifier as well, which nobody may have."""

    identifier = forms.CharField(
        label=_("Identifier"),
        max_length=320,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("An e-mail address, or user_id:42."),
    )
    field_order = ("identifier", "kind", "reason")

    def clean_identifier(self) -> str:
        text: str = self.cleaned_data["identifier"].strip()
        reference = f"email:{text}" if "@" in text and ":" not in text else text
        try:
            parse_reference(reference)
        except InvalidIdentifier as error:
            raise forms.ValidationError(gettext("This is no identifier.")) from error
        return reference


class ConfirmedRequestForm(NewRequestForm):
    """The same fields, hidden, on the page that asks for confirmation."""

    confirmed = forms.BooleanField(widget=forms.HiddenInput(), initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("kind", "reason"):
            self.fields[name].widget = forms.HiddenInput()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `perform` takes the request, the cleaned fields of the form, and who acts."""

    title: str | Promise
    submit: str | Promise
    perform: Callable[[PrivacyRequest, dict[str, Any], Actor], None]
    form: type[forms.Form] = ReasonForm
    warning: str | Promise = ""
    is_dangerous: bool = False

    def build(
        self, privacy_request: PrivacyRequest, sent: Any = None, files: Any = None
    ) -> forms.Form:
        """Return the form, which may need to know the request that it is about."""
        form = self.form(sent, files)
        about = getattr(form, "about", None)
        if about is not None:
            about(privacy_request)
        return form

    def question(self, form: forms.Form, back: str) -> Question:
        """Return the page with the form; `back` is the URL of its cancel button."""
        return Question(
            title=str(self.title),
            form=form,
            submit=str(self.submit),
            back=back,
            warning=str(self.warning),
            is_dangerous=self.is_dangerous,
        )


def _verify(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    verify_request(privacy_request, actor=actor, note=fields["reason"])


def _refuse(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    refuse_request(privacy_request, actor=actor, article=fields["article"], reason=fields["reason"])


def _cancel(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    cancel_request(privacy_request, actor=actor, note=fields["reason"])


def _stop(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    stop_request(privacy_request, actor=actor, reason=fields["reason"], now=database_now())


def _extend(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    extend_request(privacy_request, actor=actor, reason=fields["reason"], now=database_now())


def _lift(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    reason = fields["reason"]
    lift_restriction(privacy_request, actor=actor, reason=reason, now=database_now())


# By the last part of the URL.
STEPS = {
    "verify": Step(
        title=_("The customer is who they say they are"),
        submit=_("Verify"),
        perform=_verify,
        warning=_("You vouch that the whole profile is this customer's. Say how you know."),
    ),
    "refuse": Step(
        title=_("Refuse the request"),
        submit=_("Refuse"),
        perform=_refuse,
        form=RefusalForm,
        is_dangerous=True,
    ),
    "cancel": Step(
        title=_("Cancel the request"),
        submit=_("Cancel the request"),
        perform=_cancel,
    ),
    "stop": Step(
        title=_("Stop the erasure"),
        submit=_("Stop the erasure"),
        perform=_stop,
        warning=_("Nothing is erased, and the person is no longer restricted by this request."),
    ),
    "lift": Step(
        title=_("End the restriction"),
        submit=_("End the restriction"),
        perform=_lift,
        warning=_("Tell the person before you do (article 18(3)). What was kept is used again."),
    ),
    "extend": Step(
        title=_("Two more months"),
        submit=_("Extend"),
        perform=_extend,
        warning=_(
            "Once, within the first month, and the customer must be told why (article 12(3))."
        ),
    ),
}
