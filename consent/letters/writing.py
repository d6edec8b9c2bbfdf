"""Writing a letter about a request, and noting that it was sent.

Invariant: a mail leaves only for an address that is proved to be the person's, in the transaction
that notes it; an answer is noted once.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, override

from consent.customers.mail import mail_text
from consent.letters.fields import check_fields, filled_in
from consent.letters.shipped import Letter, shipped_letter
from consent.models import LetterModel, PrivacyRequest
from consent.requests.statuses import CLOSED, Status, write_log
from profiles.models import Identifier
from profiles.services import Actor, audited, save_audited

Event, Means = LetterModel.Event, PrivacyRequest.AnsweredBy
# These say how a request ended.
ANSWERS = (Event.REFUSED, Event.DONE, Event.HELD, Event.NOTHING_HELD)
# Between the clock of a step and that of its entry.
_ABOUT = timedelta(minutes=1)
_KEPT = timedelta(days=30)


class WrittenLetter(NamedTuple):
    """A letter with nothing left to fill in, and the event that it is about."""

    event: str
    subject: str
    text: str


class NoProvedAddress(ValueError):
    """The address is not proved to be the person's, or nobody has it any more."""


def save_letter(letter: LetterModel, *, actor: Actor) -> None:
    """Keep a model of letters. Raises UnknownField and ValidationError."""
    for text in (letter.subject, letter.text):
        check_fields(text)
    key = f"{letter.kind}:{letter.event}:{letter.language}"
    save_audited(letter, actor=actor, noun="letter_model", key=key)


def model_of(kind: str, event: str, language: str) -> Letter:
    """Return what officers wrote for it, or what comes with the store."""
    row = LetterModel.objects.filter(kind=kind, event=event, language=language).first()
    return Letter(row.subject, row.text) if row else shipped_letter(kind, event, language)


def write_letter(
    request: PrivacyRequest, event: str, language: str, *, now: datetime
) -> WrittenLetter:
    """Return a letter about a request with all its fields filled in."""
    model = model_of(request.kind, event, language)
    with override(language):
        values = _values(request, event, now)
        filled = (filled_in(text, values) for text in model)
        return WrittenLetter(event, *filled)


def usual_event(request: PrivacyRequest) -> str:
    """Return what there is to say of a request as it stands."""
    if request.status == Status.REFUSED:
        return Event.REFUSED
    if request.status == Status.HELD:
        return Event.HELD
    if request.status == Status.DONE:
        return Event.DONE if request.identifier_ids else Event.NOTHING_HELD
    if request.status == Status.AWAITING_VERIFICATION:
        return Event.PROOF
    return Event.EXTENDED if request.extended_at else Event.RECEIVED


def proved_addresses(request: PrivacyRequest) -> list[str]:
    """Return the e-mail addresses of the person that a source vouches for."""
    proved = Identifier.objects.filter(
        pk__in=request.identifier_ids,
        namespace="email",
        is_vouched=True,
        quarantined_at=None,
        profile__isnull=False,
    )
    return sorted(proved.values_list("value", flat=True))


def send_letter(
    request: PrivacyRequest, letter: WrittenLetter, address: str, *, actor: Actor, now: datetime
) -> None:
    """Mail a letter to a proved address. Raises NoProvedAddress, OSError and SMTPException."""
    if address not in proved_addresses(request):
        raise NoProvedAddress(gettext("This address is not proved to be theirs."))
    with audited(actor, "privacy_request.letter_sent") as deed:
        _note(request, letter.event, Means.MAIL, actor=actor, now=now)
        deed.about("privacy_request", request.pk, **_changes(letter.event, Means.MAIL))
        # Last: a mail that fails takes back what says that it was sent.
        mail_text(address, letter.subject, letter.text, expires_at=now + _KEPT)


def note_letter(request: PrivacyRequest, event: str, *, actor: Actor, now: datetime) -> None:
    """Note that a letter was printed and sent."""
    with audited(actor, "privacy_request.letter_sent") as deed:
        _note(request, event, Means.LETTER, actor=actor, now=now)
        deed.about("privacy_request", request.pk, **_changes(event, Means.LETTER))


def _note(request: PrivacyRequest, event: str, means: str, *, actor: Actor, now: datetime) -> None:
    if event in ANSWERS:
        PrivacyRequest.objects.filter(pk=request.pk, answered_at=None, status__in=CLOSED).update(
            answered_at=now, answered_by=means
        )
    request.refresh_from_db(fields=["status", "answered_at", "answered_by"])
    words = {"event": Event(event).label, "means": Means(means).label}
    write_log(request, actor=actor, note=gettext("Letter: %(event)s, %(means)s") % words)


def _changes(event: str, means: str) -> dict[str, list[str | None]]:
    return {"letter": [None, event], "means": [None, means]}


def _values(request: PrivacyRequest, event: str, now: datetime) -> dict[str, str]:
    return {
        "company": settings.COMPANY_NAME,
        "reference": str(request.pk),
        "received": _day(request.received_at),
        "due": _day(request.due_at),
        "today": _day(now),
        "reason": _reason(request, event),
    }


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j F Y")


def _reason(request: PrivacyRequest, event: str) -> str:
    """Return what was noted with a refusal or an extension."""
    log = request.log.exclude(note="")
    if event == Event.REFUSED:
        entry = log.filter(status=Status.REFUSED).first()
    elif event == Event.EXTENDED and request.extended_at is not None:
        # The entry of the step has the time of its transaction.
        entry = log.filter(logged_at__lte=request.extended_at + _ABOUT).last()
    else:
        entry = None
    return entry.note if entry else "–"
