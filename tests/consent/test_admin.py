"""Consent in the admin: purposes gain versions, and requests are opened and decided in steps."""

import zipfile
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.models import (
    NoticeVersion,
    PrivacyRequest,
    Purpose,
    PurposeVersion,
    Suppression,
)
from consent.requests.deadlines import time_left
from consent.services import (
    NewRequest,
    act_on_request,
    confirm_archive,
    events_of,
    open_own_request,
    open_request,
)
from profiles.lib.database import database_now
from profiles.models import Event, Identifier, Profile
from profiles.services import actor_names
from tests.admin import make_world, sign_in
from tests.factories import TESTER, make_purpose
from tests.random_ids import without_ids

pytestmark = pytest.mark.django_db
TERMS = {
    "title": "Newsletter",
    "text": "We send you news.",
    "legal_basis": "consent",
    "validity": "P13M",
    "categories": "e-mail address\nname",
    "transfer_countries": "CH",
}
Status = PrivacyRequest.Status


def url_of(step: str, request: PrivacyRequest) -> str:
    return reverse(f"admin:consent_privacyrequest_{step}", args=[request.pk])


@pytest.fixture
def world() -> dict[str, Any]:
    return make_world()


def test_saving_a_purpose_makes_a_version_and_never_changes_one() -> None:
    officer = sign_in("privacy officer")
    assert (
        officer.post(reverse("admin:consent_purpose_add"), TERMS | {"key": "news"}).status_code
        == 302
    )
    purpose = Purpose.objects.get()
    url = reverse("admin:consent_purpose_change", args=[purpose.pk])
    assert (
        officer.post(url, TERMS | {"text": "More news.", "is_substantial": "on"}).status_code == 302
    )
    first, second = PurposeVersion.objects.order_by("number")
    assert (first.text, second.text) == ("We send you news.", "More news.")
    assert first.categories == ["e-mail address", "name"]
    purpose.refresh_from_db()
    assert (purpose.current_version, purpose.minimum_version) == (2, 2)


def test_a_change_without_substance_keeps_earlier_consents() -> None:
    purpose = make_purpose("news")
    url = reverse("admin:consent_purpose_change", args=[purpose.pk])
    assert sign_in("privacy officer").post(url, TERMS).status_code == 302
    purpose.refresh_from_db()
    assert (purpose.current_version, purpose.minimum_version) == (2, 1)


@pytest.mark.parametrize(
    "fault",
    [{"validity": "a year"}, {"transfer_countries": "Switzerland"}, {"text": ""}, {"key": "X!"}],
)
def test_a_purpose_with_a_fault_is_refused(fault: dict[str, str]) -> None:
    answer = sign_in("privacy officer").post(
        reverse("admin:consent_purpose_add"), TERMS | {"key": "news"} | fault
    )
    assert answer.status_code == 200
    assert not Purpose.objects.exists()


def test_a_notice_is_kept_and_cannot_be_changed() -> None:
    officer = sign_in("privacy officer")
    body = {
        "key": "signup",
        "language": "fr",
        "content": "En vous inscrivant…",
        "shown_from_0": "2026-03-01",
        "shown_from_1": "12:00:00",
    }
    assert officer.post(reverse("admin:consent_noticeversion_add"), body).status_code == 302
    notice = NoticeVersion.objects.get()
    url = reverse("admin:consent_noticeversion_change", args=[notice.pk])
    assert officer.post(url, body | {"content": "other"}).status_code == 403
    assert NoticeVersion.objects.get().content == "En vous inscrivant…"


def test_an_erasure_is_opened_only_after_a_reason_and_a_look_at_what_it_is_about(
    world: dict[str, Any],
) -> None:
    profile = world["profile"]
    officer = sign_in("privacy officer")
    url = reverse("admin:consent_privacyrequest_open", args=[profile.pk])
    erasures = PrivacyRequest.objects.filter(kind="erasure")
    assert "Continue" in officer.get(url).content.decode()
    officer.post(url, {"kind": "erasure", "reason": "", "confirmed": "True"})
    assert not erasures.exists()
    page = officer.post(url, {"kind": "erasure", "reason": "asked by letter"})
    assert not erasures.exists()
    assert (
        page.context["question"].counts["Events"] == Event.objects.filter(profile=profile).count()
    )
    assert page.context["question"].counts["Identifiers"] == 4
    officer.post(url, {"kind": "erasure", "reason": "asked by letter", "confirmed": "True"})
    request = erasures.get()
    assert (request.status, request.door, request.reason) == (
        "verified",
        "staff",
        "asked by letter",
    )
    names = actor_names([request.requested_by])
    assert names[request.requested_by].startswith("privacy officer")
    officer.post(url_of("act", request))
    assert not Profile.objects.filter(pk=profile.pk).exists()
    page = officer.get(url_of("change", request)).content.decode()
    asked = page.partition("What was asked")[2].partition("</section>")[0]
    assert "ada" not in without_ids(asked).lower()


@pytest.mark.parametrize("role", ["marketer", "steward", "auditor"])
def test_other_roles_open_no_request(role: str, world: dict[str, Any]) -> None:
    url = reverse("admin:consent_privacyrequest_open", args=[world["profile"].pk])
    body = {"kind": "erasure", "reason": "no", "confirmed": "True"}
    assert sign_in(role).post(url, body).status_code == 403
    assert not PrivacyRequest.objects.filter(kind="erasure").exists()


def test_a_request_of_which_only_a_part_is_proven_waits_until_staff_verify_it(
    world: dict[str, Any],
) -> None:
    profile = world["profile"]
    proven = Identifier.objects.get(profile=profile, namespace="email")
    Identifier.objects.create(
        namespace="phone",
        value="+33639980001",
        profile=profile,
        component=proven.component,
        since=proven.since,
        first_seen_on=proven.since,
        last_seen_on=proven.since,
    )
    new_request = NewRequest(kind="restriction", reason="")
    request = open_own_request(new_request, identifier_id=proven.pk, actor=TESTER)
    assert request.status == Status.AWAITING_VERIFICATION
    officer = sign_in("privacy officer")
    assert "Verify" in officer.get(url_of("change", request)).content.decode()
    assert officer.post(url_of("verify", request), {"reason": ""}).status_code == 200
    officer.post(url_of("verify", request), {"reason": "called back"})
    request.refresh_from_db()
    assert request.status == Status.VERIFIED
    assert request.log.filter(note="called back").exists()


def test_a_refusal_names_its_article_and_its_reason(world: dict[str, Any]) -> None:
    request, officer = world["request"], sign_in("privacy officer")
    officer.post(url_of("refuse", request), {"reason": "abusive", "article": ""})
    request.refresh_from_db()
    assert request.status == Status.VERIFIED
    officer.post(url_of("refuse", request), {"reason": "abusive", "article": "article 12(5)"})
    request.refresh_from_db()
    assert request.status == Status.REFUSED
    assert request.log.filter(note="article 12(5): abusive").exists()


def test_a_step_from_where_the_request_does_not_stand_is_told_and_changes_nothing(
    world: dict[str, Any],
) -> None:
    request, officer = world["request"], sign_in("privacy officer")
    answer = officer.post(url_of("cancel", request), {"reason": "mistake"}, follow=True)
    assert "cannot become cancelled" in answer.content.decode()
    request.refresh_from_db()
    assert request.status == Status.VERIFIED


def test_a_deadline_is_extended_once(world: dict[str, Any]) -> None:
    request, officer = world["request"], sign_in("privacy officer")
    due = request.due_at
    officer.post(url_of("extend", request), {"reason": "many sources"})
    request.refresh_from_db()
    assert request.due_at > due
    extended = request.due_at
    officer.post(url_of("extend", request), {"reason": "again"})
    request.refresh_from_db()
    assert request.due_at == extended


def test_the_archive_is_handed_out_to_who_may_see_contacts_until_it_is_confirmed(
    world: dict[str, Any],
) -> None:
    request = world["request"]
    assert act_on_request(request.pk, actor=TESTER)
    officer = sign_in("privacy officer")
    assert sign_in("auditor").post(url_of("archive", request)).status_code == 403
    assert officer.get(url_of("archive", request)).status_code == 302
    answer = officer.post(url_of("archive", request))
    assert "no-store" in answer["Cache-Control"]
    assert "data.json" in zipfile.ZipFile(BytesIO(answer.content)).namelist()
    page = officer.get(url_of("change", request)).content.decode()
    assert "fetched 1 of 10 times" in page
    confirm_archive(request, actor=TESTER, now=database_now())
    gone = officer.post(url_of("archive", request), follow=True)
    assert "confirmed" in gone.content.decode()


def test_the_page_of_an_open_request_counts_the_days(world: dict[str, Any]) -> None:
    request = world["request"]
    for days, urgency, words in (
        (-2, "overdue", "2 days overdue"),
        (-1, "overdue", "1 day overdue"),
        (0, "due soon", "0 days left"),
        (3, "due soon", "3 days left"),
        (4, "in time", "4 days left"),
    ):
        request.due_at = timezone.now() + timedelta(days=days)
        assert time_left(request) == (urgency, words)
    request.status = Status.DONE
    assert time_left(request) == ("", "closed")


def test_the_ledger_shows_rows_that_outlive_their_person(world: dict[str, Any]) -> None:
    profile = world["profile"]
    event = events_of([profile.pk]).first()
    assert event is not None
    new_request = NewRequest(kind="erasure", references=(f"profile:{profile.uuid}",), reason="x")
    act_on_request(open_request(new_request, door="staff", actor=TESTER).pk, actor=TESTER)
    auditor = sign_in("auditor")
    page = auditor.get(reverse("admin:consent_consentevent_changelist"))
    assert "erased" in page.content.decode()
    page = auditor.get(reverse("admin:consent_consentevent_change", args=[event.pk]))
    assert "the body is erased" in page.content.decode()


def test_a_marketer_does_not_read_the_ledger_but_sees_what_is_permitted(
    world: dict[str, Any],
) -> None:
    marketer = sign_in("marketer")
    assert marketer.get(reverse("admin:consent_consentevent_changelist")).status_code == 403
    url = reverse("admin:profiles_profile_change", args=[world["profile"].pk])
    page = marketer.get(url).content.decode()
    assert "permitted" in page
    assert "History of" not in page
    assert "History of" in sign_in("privacy officer").get(url).content.decode()


def test_suppressions_are_counted_and_never_shown(world: dict[str, Any]) -> None:
    answer = sign_in("auditor").get(reverse("admin:consent_suppression_changelist"))
    assert [key["count"] for key in answer.context["keys"]] == [Suppression.objects.count()]
    assert (
        sign_in("marketer").get(reverse("admin:consent_suppression_changelist")).status_code == 403
    )


def test_the_proof_of_a_consent_is_a_page_that_prints_the_words_and_masks_the_person() -> None:
    world = make_world(people=1)
    event = events_of([world["profile"].pk]).get()
    page = reverse("admin:consent_consentevent_change", args=[event.pk])
    url = reverse("admin:consent_consentevent_proof", args=[event.pk])
    officer = sign_in("privacy officer")
    assert url in officer.get(page).content.decode()
    shown = officer.get(url).content.decode()
    assert event.digest in shown
    assert event.purpose_version.text in shown
    assert "anonymous_id:a-" in shown
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_consentevent"))
    client = Client()
    client.force_login(viewer)
    masked = client.get(url).content.decode()
    assert event.digest in masked
    assert event.purpose_version.text in masked
    assert "anonymous_id:a-" not in masked
    assert "eyJ" in shown
    assert "eyJ" not in masked
    assert sign_in("marketer").get(url).status_code == 403
