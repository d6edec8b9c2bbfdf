"""The steps that staff take with a privacy request: what each asks for, and the service that takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent.models import PrivacyRequest
from consent.services import cancel_request, extend_request, refuse_request, verify_request
from profiles.admin.kit.base import Question
from profiles.lib.database import database_now

Kind = PrivacyRequest.Kind
# Rectification has its own form on the profile page, which knows the trait.
OPENED_HERE = (Kind.ACCESS, Kind.ERASURE, Kind.RESTRICTION, Kind.PORTABILITY, Kind.OBJECTION)


class ReasonForm(forms.Form):
    """Why, in words that the log keeps."""

    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class RefusalForm(ReasonForm):
    article = forms.CharField(
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What allows the refusal, such as article 12(5).",
    )
    field_order = ("article", "reason")


class NewRequestForm(ReasonForm):
    """What staff ask for in a customer's name."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in OPENED_HERE],
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("kind", "reason")


class ConfirmedRequestForm(NewRequestForm):
    """The same once more, unseen, beside the counts."""

    confirmed = forms.BooleanField(widget=forms.HiddenInput(), initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("kind", "reason"):
            self.fields[name].widget = forms.HiddenInput()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAction:
    """One decision: `take` is given the request, what was filled in, and who decides."""

    title: str
    submit: str
    take: Callable[[PrivacyRequest, dict[str, Any], str], None]
    form: type[forms.Form] = ReasonForm
    warning: str = ""
    is_dangerous: bool = False

    def question(self, form: forms.Form, back: str) -> Question:
        return Question(
            title=self.title,
            form=form,
            submit=self.submit,
            back=back,
            warning=self.warning,
            is_dangerous=self.is_dangerous,
        )


def _verify(asked: PrivacyRequest, said: dict[str, Any], actor: str) -> None:
    verify_request(asked, actor=actor, note=said["reason"])


def _refuse(asked: PrivacyRequest, said: dict[str, Any], actor: str) -> None:
    refuse_request(asked, actor=actor, article=said["article"], reason=said["reason"])


def _cancel(asked: PrivacyRequest, said: dict[str, Any], actor: str) -> None:
    cancel_request(asked, actor=actor, note=said["reason"])


def _extend(asked: PrivacyRequest, said: dict[str, Any], actor: str) -> None:
    extend_request(asked, actor=actor, reason=said["reason"], now=database_now())


REQUEST_ACTIONS = {
    "verify": RequestAction(
        title="The customer is who he says",
        submit="Verify",
        take=_verify,
        warning="You vouch that the whole profile is this customer's. Say how you know.",
    ),
    "refuse": RequestAction(
        title="Refuse the request",
        submit="Refuse",
        take=_refuse,
        form=RefusalForm,
        is_dangerous=True,
    ),
    "cancel": RequestAction(title="Cancel the request", submit="Cancel the request", take=_cancel),
    "extend": RequestAction(
        title="Two more months",
        submit="Extend",
        take=_extend,
        warning="Once, within the first month, and the customer must be told why (article 12(3)).",
    ),
}
