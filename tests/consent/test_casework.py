"""The officers' desk: the board, owners, notes, checks, files, answers and duplicates."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from consent.models import PrivacyRequest, RequestAttachment
from consent.services import (
    NewRequest,
    UnfitFile,
    WrongStatus,
    act_on_request,
    act_on_requests,
    answer_request,
    attach,
    close_as_duplicate,
    duplicates_of,
    open_request,
)
from profiles.models import AuditEntry, Profile
from tests.admin import sign_in
from tests.factories import TESTER, make_profile

pytestmark = pytest.mark.django_db
BOARD = "admin:consent_privacyrequest_changelist"


def url_of(step: str, request: PrivacyRequest, *more: int) -> str:
    return reverse(f"admin:consent_privacyrequest_{step}", args=[request.pk, *more])


def ask(*references: str, kind: str = "access", door: str = "staff") -> PrivacyRequest:
    new_request = NewRequest(kind=kind, references=references or ("user_id:1",), reason="a letter")
    return open_request(new_request, door=door, actor=TESTER)


def due_in(days: int, **fields: Any) -> PrivacyRequest:
    now = timezone.now()
    fields = {"kind": "access", "status": "verified", "door": "staff"} | fields
    return PrivacyRequest.objects.create(
        received_at=now, due_at=now + timedelta(days=days), requested_by=str(TESTER), **fields
    )


def test_the_board_puts_each_request_under_the_days_that_are_left() -> None:
    rows = {
        "overdue": due_in(-1),
        "3": due_in(3),
        "10": due_in(10),
        "later": due_in(11),
        "proof": due_in(20, status="awaiting_verification"),
        "closed": due_in(20, status="done", done_at=timezone.now()),
    }
    due_in(20, status="done", done_at=timezone.now() - timedelta(days=8))
    columns = sign_in("privacy officer").get(reverse(BOARD)).context["columns"]
    shown = {column.key: [card.request for card in column.cards] for column in columns}
    assert shown == {key: [row] for key, row in rows.items()}


def test_cards_name_the_person_the_owner_and_duplicates_in_a_bounded_number_of_queries() -> None:
    officer = sign_in("privacy officer")
    make_profile("user_id:1", traits={"first_name": "Ada", "last_name": "Lovelace"})
    first = ask()
    officer.post(url_of("assign", first), {"owner": officer.session["_auth_user_id"]})
    with CaptureQueriesContext(
        connection,
    ) as few:
        officer.get(reverse(BOARD))
    for number in range(2, 9):
        make_profile(f"user_id:{number}")
        ask(f"user_id:{number}")
    ask()
    ask("email:nobody@example.org")
    with CaptureQueriesContext(connection) as many:
        answer = officer.get(reverse(BOARD))
    assert len(many) == len(few)
    cards = {card.request.pk: card for column in answer.context["columns"] for card in column.cards}
    card = cards[first.pk]
    assert (card.person, card.duplicates) == ("Ada Lovelace", 1)
    shown = answer.content.decode()
    assert User.objects.get(pk=officer.session["_auth_user_id"]).username in shown
    assert "nobody held" in shown


def test_the_table_is_one_click_away() -> None:
    officer = sign_in("privacy officer")
    due_in(3)
    answer = officer.get(f"{reverse(BOARD)}?open=yes")
    assert answer.context["cl"].result_count == 1


def test_notes_and_checks_of_identity_go_into_the_log_and_with_the_person() -> None:
    make_profile("user_id:1")
    request, officer = ask(), sign_in("privacy officer")
    officer.post(url_of("note", request), {"note": "She called about it."})
    officer.post(url_of("check", request), {"check": "called_back", "note": "Knew her last order."})
    page = officer.get(url_of("change", request)).content.decode()
    assert page.count("check_box<") == 1
    assert "She called about it." in page
    act_on_request(ask(kind="erasure", door="service").pk, actor=TESTER)
    request.refresh_from_db()
    assert not request.log.exclude(note="").exists()
    assert request.body == {}


def test_done_is_not_answered_yet() -> None:
    make_profile("user_id:1")
    request, officer = ask(), sign_in("privacy officer")
    with pytest.raises(WrongStatus):
        answer_request(request, "mail", actor=TESTER, now=timezone.now())
    act_on_requests()
    assert "to be answered" in officer.get(reverse(BOARD)).content.decode()
    officer.post(url_of("answer", request), {"means": "letter"})
    request.refresh_from_db()
    assert (request.status, request.answered_by) == ("done", "letter")
    assert request.answered_at is not None
    assert "to be answered" not in officer.get(reverse(BOARD)).content.decode()
    with pytest.raises(WrongStatus):
        answer_request(request, "mail", actor=TESTER, now=timezone.now())


@pytest.mark.parametrize("status", ["received", "awaiting_verification"])
def test_a_duplicate_is_closed_and_points_at_the_other(status: str) -> None:
    make_profile("user_id:1")
    first, second = ask(), ask()
    PrivacyRequest.objects.filter(pk=second.pk).update(status=status)
    officer = sign_in("privacy officer")
    assert list(duplicates_of(second)) == [first]
    officer.post(url_of("duplicate", second), {"original": str(first.pk)})
    second.refresh_from_db()
    assert (second.status, second.duplicate_of) == ("cancelled", first)
    assert not duplicates_of(first).exists()
    assert "which goes on" in officer.get(url_of("change", second)).content.decode()


def test_a_duplicate_that_cools_is_stopped_and_the_person_stays_restricted(settings: Any) -> None:
    settings.ERASURE_COOLING_HOURS = 24
    ada = make_profile("user_id:1")
    first, second = ask(kind="erasure"), ask(kind="erasure")
    close_as_duplicate(second, first, actor=TESTER, now=timezone.now())
    second.refresh_from_db()
    assert second.status == "cancelled"
    assert Profile.objects.get(pk=ada.pk).is_restricted


def test_requests_of_other_kinds_or_people_are_no_duplicates() -> None:
    make_profile("user_id:1")
    make_profile("user_id:2")
    first, other_kind, other_person = ask(), ask(kind="portability"), ask("user_id:2")
    for other in (other_kind, other_person):
        with pytest.raises(WrongStatus):
            close_as_duplicate(first, other, actor=TESTER, now=timezone.now())
    unknown = [ask("email:nobody@example.org") for _ in range(2)]
    assert list(duplicates_of(unknown[0])) == [unknown[1]]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 x", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"Dear", "text/plain"),
    ],
)
def test_files_are_kept_by_what_they_are_and_go_with_the_person(content: bytes, kind: str) -> None:
    make_profile("user_id:1")
    request, officer = ask(), sign_in("privacy officer")
    file = SimpleUploadedFile("letter.html", content, content_type="text/html")
    officer.post(url_of("attach", request), {"file": file})
    attachment = RequestAttachment.objects.get()
    assert attachment.content_type == kind
    answer = officer.get(url_of("file", request, attachment.pk))
    assert (answer.content, answer["Content-Type"]) == (content, kind)
    assert answer["Content-Disposition"].startswith("attachment")
    assert sign_in("marketer").get(url_of("file", request, attachment.pk)).status_code == 403
    assert AuditEntry.objects.filter(verb="privacy_request.file_added").exists()
    act_on_request(ask(kind="erasure", door="service").pk, actor=TESTER)
    assert not RequestAttachment.objects.exists()


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a\x00\x01", b"\xff\xfe\x00", b"x" * (10 * 1024**2 + 1)]
)
def test_other_files_are_refused(content: bytes) -> None:
    make_profile("user_id:1")
    with pytest.raises(UnfitFile):
        attach(ask(), "a.pdf", content, actor=TESTER, now=timezone.now())


def test_a_request_about_nobody_is_opened_by_its_identifier_and_recorded() -> None:
    ada = make_profile("email:ada@example.org")
    officer, url = sign_in("privacy officer"), reverse("admin:consent_privacyrequest_add")
    fields = {"kind": "access", "reason": "by letter"}
    known = officer.post(url, fields | {"identifier": "Ada@example.org"})
    assert known["Location"] == reverse("admin:consent_privacyrequest_open", args=[ada.pk])
    assert "no identifier" in officer.post(url, fields | {"identifier": "x"}).content.decode()
    unknown = officer.post(url, fields | {"identifier": "eve@example.org"}, follow=True)
    assert "Nothing is held" in unknown.content.decode()
    request = PrivacyRequest.objects.get()
    assert request.identifier_ids == []
    assert act_on_requests() == 1
