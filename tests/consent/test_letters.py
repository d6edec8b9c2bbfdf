"""Letters about requests: what comes with the store, what officers write, and what is noted."""

from itertools import product
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from consent.letters.fields import FIELDS, UnknownField, check_fields, filled_in
from consent.letters.shipped import shipped_letter
from consent.letters.writing import (
    NoProvedAddress,
    note_letter,
    send_letter,
    usual_event,
    write_letter,
)
from consent.models import LetterModel, PrivacyRequest
from consent.services import (
    NewRequest,
    act_on_requests,
    extend_request,
    open_request,
    refuse_request,
)
from tests.admin import sign_in
from tests.consent.held_ada import erase_ada, hold_ada, send_ada
from tests.factories import TESTER, make_identifier, make_profile

pytestmark = pytest.mark.django_db
KINDS, EVENTS = PrivacyRequest.Kind.values, LetterModel.Event.values


def ask(kind: str = "access", reference: str = "user_id:1") -> PrivacyRequest:
    new_request = NewRequest(kind=kind, references=(reference,), reason="a letter")
    return open_request(new_request, door="staff", actor=TESTER)


def url_of(request: PrivacyRequest, query: str = "") -> str:
    return reverse("admin:consent_privacyrequest_letter", args=[request.pk]) + query


@pytest.mark.parametrize(("kind", "event", "language"), list(product(KINDS, EVENTS, ("en", "fr"))))
def test_every_letter_that_comes_with_the_store_is_whole(
    kind: str, event: str, language: str
) -> None:
    letter = shipped_letter(kind, event, language)
    for text in letter:
        check_fields(text)
        values = dict.fromkeys(FIELDS, "x")
        assert "{" not in filled_in(text, values)
    # Each kind is named, so that no two letters are the same.
    others = [shipped_letter(other, event, language) for other in KINDS if other != kind]
    assert letter not in others


@pytest.mark.parametrize("text", ["{name}", "{}", "{ due }", "{due", "due}", "{{due}}", "{due!r}"])
def test_a_field_that_there_is_not_is_named(text: str) -> None:
    with pytest.raises(UnknownField):
        check_fields(text)


def test_values_are_never_read_as_fields() -> None:
    values = dict.fromkeys(FIELDS, "") | {"reason": "{company}", "company": "Acme"}
    assert filled_in("{reason} {company}", values) == "{company} Acme"


def test_the_letter_says_what_was_decided_and_why() -> None:
    make_profile("user_id:1")
    request = ask()
    assert usual_event(request) == "received"
    extend_request(request, actor=TESTER, reason="many sources", now=request.received_at)
    assert usual_event(request) == "extended"
    assert "many sources" in write_letter(request, "extended", "fr", now=timezone.now()).text
    refuse_request(request, actor=TESTER, article="article 12(5)", reason="excessive")
    assert usual_event(request) == "refused"
    text = write_letter(request, "refused", "en", now=timezone.now()).text
    assert "article 12(5): excessive" in text
    assert str(request.pk) in text


def test_officers_write_their_own_and_a_wrong_field_is_named() -> None:
    officer, url = sign_in("privacy officer"), reverse("admin:consent_lettermodel_add")
    keys = {"kind": "access", "event": "done", "language": "fr"}
    begun = officer.get(url, keys).content.decode()
    assert "copie de toutes les données" in begun
    wrong = officer.post(url, {**keys, "subject": "Vos données", "text": "Cher {prénom},"})
    assert "“prénom”" in wrong.content.decode()
    right = officer.post(url, {**keys, "subject": "Vos données", "text": "Voici. {reference}"})
    assert right.status_code == 302
    make_profile("user_id:1")
    request = ask()
    letter = write_letter(request, "done", "fr", now=timezone.now())
    assert letter == ("done", "Vos données", f"Voici. {request.pk}")
    assert "own" in officer.get(reverse("admin:consent_lettermodel_changelist")).content.decode()
    auditor = sign_in("auditor")
    assert auditor.get(reverse("admin:consent_lettermodel_changelist")).status_code == 200
    assert auditor.post(url, keys).status_code == 403


def test_a_letter_is_mailed_to_a_proved_address_only_and_noted_as_the_answer() -> None:
    profile = make_profile("email:ada@example.org", "user_id:1")
    make_identifier("email:claimed@example.org", profile=profile, is_vouched=False)
    request, officer = ask(), sign_in("privacy officer")
    act_on_requests()
    page = officer.get(url_of(request)).content.decode()
    assert "ada@example.org" in page
    assert "claimed@example.org" not in page
    officer.post(url_of(request), {"address": "claimed@example.org"})
    assert not mail.outbox
    officer.post(url_of(request, "?event=done&language=fr"), {"address": "ada@example.org"})
    [sent] = mail.outbox
    assert sent.to == ["ada@example.org"]
    assert "Vous recevez avec la présente" in sent.body
    request.refresh_from_db()
    assert (request.answered_by, request.log.last().note) == ("mail", "Letter: done, by e-mail")


def test_a_letter_is_in_the_language_of_the_request() -> None:
    make_profile("email:ada@example.org")
    new_request = NewRequest(
        kind="access", references=("email:ada@example.org",), reason="asked", language="fr"
    )
    request = open_request(new_request, door="service", actor=TESTER)
    officer = sign_in("privacy officer")
    assert officer.get(url_of(request)).context["language"] == "fr"
    assert officer.get(url_of(request, "?language=en")).context["language"] == "en"


def test_a_mail_that_fails_notes_nothing(settings: Any) -> None:
    make_profile("email:ada@example.org", "user_id:1")
    request = ask()
    act_on_requests()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    letter = write_letter(request, "done", "en", now=timezone.now())
    with pytest.raises(OSError):
        send_letter(request, letter, "ada@example.org", actor=TESTER, now=timezone.now())
    request.refresh_from_db()
    assert request.answered_at is None
    assert not request.log.filter(note__startswith="Letter").exists()


def test_a_request_about_nobody_is_answered_by_post() -> None:
    request, officer = ask(reference="email:eve@example.org"), sign_in("privacy officer")
    act_on_requests()
    request.refresh_from_db()
    page = officer.get(url_of(request)).content.decode()
    assert "We hold no data under what you told us." in page
    letter = write_letter(request, "nothing_held", "en", now=timezone.now())
    with pytest.raises(NoProvedAddress):
        send_letter(request, letter, "eve@example.org", actor=TESTER, now=timezone.now())
    officer.post(url_of(request), {})
    request.refresh_from_db()
    assert request.answered_by == "letter"


def test_what_is_no_letter_is_not_found() -> None:
    request, officer = ask(), sign_in("privacy officer")
    assert officer.get(url_of(request, "?event=spam")).status_code == 404
    assert officer.get(url_of(request, "?language=xx")).status_code == 404
    assert sign_in("steward").get(url_of(request)).status_code == 403


def test_an_erasure_that_is_held_back_has_a_letter_that_says_so_and_answers_it() -> None:
    send_ada()
    hold_ada()
    request = erase_ada()
    assert (request.status, usual_event(request)) == ("held", "held")
    letter = write_letter(request, "held", "fr", now=timezone.now())
    assert "article 17" in letter.text
    note_letter(request, "held", actor=TESTER, now=timezone.now())
    request.refresh_from_db()
    assert (request.answered_by, request.answered_at is None) == ("letter", False)
