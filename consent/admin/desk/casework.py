"""The casework that staff do on a request: its forms, beside the steps that decide it."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from consent.admin.desk.steps import Step
from consent.models import PrivacyRequest
from consent.services import (
    add_note,
    answer_request,
    assign_request,
    attach,
    close_as_duplicate,
    duplicates_of,
    note_check,
)
from profiles.lib.database import database_now
from profiles.services import Actor

CHECKS = (
    ("mail_link", _("They followed a link that was mailed to the address we hold")),
    ("called_back", _("They were called back on the number we hold")),
    ("knows_facts", _("They know what only they can know, such as an order")),
    ("document_seen", _("They showed a document, of which no copy was kept")),
)
_AREA = {"rows": 3}


class NoteForm(forms.Form):
    """Asks for a note."""

    note = forms.CharField(
        label=_("Note"), max_length=5000, widget=UnfoldAdminTextareaWidget(attrs=_AREA)
    )


class CheckForm(NoteForm):
    """Asks what was asked of the person, and what it showed."""

    check = forms.ChoiceField(label=_("Check"), choices=CHECKS, widget=UnfoldAdminSelectWidget())
    field_order = ("check", "note")


class OwnerForm(forms.Form):
    """Asks who sees to a request."""

    owner = forms.ModelChoiceField(
        queryset=User.objects.none(),
        label=_("Owner"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who_may = User.objects.with_perm(  # its name of the backend has a default
            "consent.change_privacyrequest", include_superusers=True
        )
        choice: Any = self.fields["owner"]
        choice.queryset = who_may.filter(is_staff=True).order_by("username")


class AnswerForm(forms.Form):
    """Asks how the person was told."""

    means = forms.ChoiceField(
        label=_("Told"),
        choices=PrivacyRequest.AnsweredBy.choices,
        widget=UnfoldAdminSelectWidget(),
    )


class FileForm(forms.Form):
    """Asks for a file."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget(),
        help_text=_("PDF, PNG, JPEG or plain text, up to 10 MB. No copies of identity documents."),
    )


class DuplicateForm(forms.Form):
    """Asks which request this one repeats."""

    original = forms.ModelChoiceField(
        queryset=PrivacyRequest.objects.none(),
        label=_("It repeats"),
        widget=UnfoldAdminSelectWidget(),
    )

    def about(self, privacy_request: PrivacyRequest) -> None:
        choice: Any = self.fields["original"]
        choice.queryset = duplicates_of(privacy_request)
        choice.label_from_instance = _dated


def _dated(privacy_request: PrivacyRequest) -> str:
    return f"{privacy_request}, {privacy_request.received_at:%Y-%m-%d %H:%M}"


def _note(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    add_note(privacy_request, fields["note"], actor=actor)


def _check(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    note_check(privacy_request, fields["check"], fields["note"], actor=actor)


def _assign(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    assign_request(privacy_request, fields["owner"], actor=actor)


def _answer(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    answer_request(privacy_request, fields["means"], actor=actor, now=database_now())


def _attach(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    file = fields["file"]
    attach(privacy_request, file.name, file.read(), actor=actor, now=database_now())


def _duplicate(privacy_request: PrivacyRequest, fields: dict[str, Any], actor: Actor) -> None:
    close_as_duplicate(privacy_request, fields["original"], actor=actor, now=database_now())


# By the last part of the URL.
CASEWORK = {
    "note": Step(title=_("Add a note"), submit=_("Add"), perform=_note, form=NoteForm),
    "check": Step(title=_("Who are they?"), submit=_("Save"), perform=_check, form=CheckForm),
    "assign": Step(title=_("Who sees to it?"), submit=_("Assign"), perform=_assign, form=OwnerForm),
    "answer": Step(
        title=_("The person was told"), submit=_("Save"), perform=_answer, form=AnswerForm
    ),
    "attach": Step(title=_("Add a file"), submit=_("Add"), perform=_attach, form=FileForm),
    "duplicate": Step(
        title=_("It repeats another request"),
        submit=_("Close it"),
        perform=_duplicate,
        form=DuplicateForm,
        warning=_("This request is closed, and points at the other, which goes on."),
    ),
}
