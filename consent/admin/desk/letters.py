"""Letters in the admin: their models, which officers change, and the letter of one request.

Invariant: a model with a field that there is not is refused with its name.
"""

from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext

from consent.admin.desk.page import ACT
from consent.letters.fields import FIELDS, UnknownField, check_fields
from consent.letters.writing import (
    Event,
    model_of,
    note_letter,
    proved_addresses,
    save_letter,
    send_letter,
    usual_event,
    write_letter,
)
from consent.models import LetterModel, PrivacyRequest
from profiles.admin.kit.base import MaskedAdmin, TesseraAdmin, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import ModelForm

Kind, Language = PrivacyRequest.Kind, LetterModel.Language
KEYS = ("kind", "event", "language")


class LetterForm(ModelForm):
    """Judges the fields of a model, so that the form can name the one that there is not."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        for name in ("subject", "text"):
            try:
                check_fields(cleaned.get(name) or "")
            except UnknownField as error:
                words = gettext("There is no field “%(name)s”. There are: %(fields)s.")
                fields = ", ".join(f"{{{field}}}" for field in FIELDS)
                fault = ValidationError(words % {"name": error.name, "fields": fields})
                self.add_error(name, fault)
        return cleaned


@admin.register(LetterModel)
class LetterModelAdmin(TesseraAdmin):
    """The models of letters: those that come with the store, until officers write their own."""

    form = LetterForm
    list_display = ("kind", "event", "language", "subject")
    sortable_by = ()
    fields = (*KEYS, "subject", "text")
    audit_type = "letter_model"
    seen_with = "consent.view_privacyrequest"

    def audit_key(self, row: LetterModel) -> str:
        return f"{row.kind}:{row.event}:{row.language}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACT)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(ACT)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return KEYS if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the text that is sent now."""
        chosen = {name: request.GET.get(name, "") for name in KEYS}
        if not _is_known(**chosen):
            return {}
        model = model_of(**chosen)
        return {**chosen, "subject": model.subject, "text": model.text}

    def save_model(
        self, request: HttpRequest, obj: LetterModel, form: ModelForm, change: Any
    ) -> None:
        save_letter(obj, actor=staff_actor(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all letters there are; what filters or sorts is answered by a list of own ones."""
        require(request, self.seen_with)
        if request.GET or request.method == "POST":
            return super().changelist_view(request, extra_context)
        return self.page(
            request,
            "admin/consent/letters.html",
            title=gettext("Letters"),
            events=Event.choices,
            rows=[(kind.label, _cells(kind)) for kind in Kind],
            may_change=request.user.has_perm(ACT),
        )


def letter_page(admin: MaskedAdmin, request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the letter of a request as it would leave; a POST mails it or notes that it was sent."""
    require(request, ACT)
    require(request, SEE_CONTACTS)
    privacy_request = admin.found_or_404(request, str(pk))
    event = request.GET.get("event") or usual_event(privacy_request)
    usual = privacy_request.language or get_language() or "en"
    language = request.GET.get("language") or usual[:2]
    if not _is_known(privacy_request.kind, event, language):
        raise Http404
    if request.method == "POST" and _send(request, privacy_request, event, language):
        return redirect("admin:consent_privacyrequest_change", pk)
    return admin.page(
        request,
        "admin/consent/letter.html",
        title=gettext("Letter"),
        privacy_request=privacy_request,
        letter=write_letter(privacy_request, event, language, now=timezone.now()),
        event=event,
        language=language,
        events=Event.choices,
        languages=Language.choices,
        addresses=proved_addresses(privacy_request),
    )


def _send(request: HttpRequest, privacy_request: PrivacyRequest, event: str, language: str) -> bool:
    now, actor = timezone.now(), staff_actor(request)
    address = request.POST.get("address", "")
    if not address:
        note_letter(privacy_request, event, actor=actor, now=now)
        messages.success(request, gettext("It is noted that the letter was sent."))
        return True
    letter = write_letter(privacy_request, event, language, now=now)
    try:
        send_letter(privacy_request, letter, address, actor=actor, now=now)
    except (ValueError, OSError, SMTPException):
        # The texts of these may have the address in them.
        messages.error(request, gettext("The mail could not be sent, and nothing is noted."))
        return False
    messages.success(request, gettext("The letter is mailed."))
    return True


def _is_known(kind: str, event: str, language: str) -> bool:
    return kind in Kind.values and event in Event.values and language in Language.values


def _cells(kind: str) -> list[list[tuple[str, str, bool]]]:
    """Return for each event the languages, where each is changed, and whether officers wrote it."""
    own = {(row.event, row.language): row.pk for row in LetterModel.objects.filter(kind=kind)}
    return [
        [_cell(kind, event, language, own.get((event, language))) for language in Language.values]
        for event in Event.values
    ]


def _cell(kind: str, event: str, language: str, pk: int | None) -> tuple[str, str, bool]:
    if pk is not None:
        return language, reverse("admin:consent_lettermodel_change", args=[pk]), True
    url = reverse("admin:consent_lettermodel_add")
    return language, f"{url}?kind={kind}&event={event}&language={language}", False
