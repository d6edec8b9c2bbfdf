"""The cooling-off time of erasures by staff: nothing leaves or is lost, and it can be stopped."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from consent.models import PrivacyRequest
from consent.services import (
    NewRequest,
    WrongStatus,
    act_on_requests,
    cancel_request,
    end_cooling_times,
    is_suppressed,
    may_process,
    open_own_request,
    open_request,
    refuse_request,
    stop_request,
)
from profiles.lib.database import database_now
from profiles.models import Event, Identifier, Profile
from tests.admin import sign_in
from tests.factories import TESTER, make_profile, make_purpose, profile_of, send_messages
from tests.tries import tries

DAY = 24


@pytest.fixture(autouse=True)
def _cooling_off(settings: Any) -> None:
    settings.ERASURE_COOLING_HOURS = DAY


def open_erasure(*references: str, door: str = "staff", kind: str = "erasure") -> PrivacyRequest:
    new_request = NewRequest(kind=kind, references=references or ("user_id:1",), reason="a letter")
    return open_request(new_request, door=door, actor=TESTER)


def stop(request: PrivacyRequest, *, now: datetime | None = None) -> None:
    stop_request(request, actor=TESTER, reason="the wrong person", now=now or database_now())


def later(hours: float) -> datetime:
    return database_now() + timedelta(hours=hours)


@pytest.mark.django_db
def test_an_erasure_by_staff_restricts_at_once_and_suppresses_nothing() -> None:
    ada = make_profile("user_id:1")
    make_purpose("orders", legal_basis="contract")
    assert may_process(ada.pk, "orders", at=database_now())
    request = open_erasure()
    assert request.status == "cooling"
    assert request.cooling_until is not None
    assert timedelta(hours=23) < request.cooling_until - database_now() <= timedelta(hours=24)
    assert not may_process(ada.pk, "orders", at=database_now())
    assert not is_suppressed("user_id:1")
    assert act_on_requests() == 0
    assert Profile.objects.filter(pk=ada.pk).exists()


@pytest.mark.django_db
def test_messages_are_stored_meanwhile_and_are_there_when_it_is_stopped() -> None:
    ada = make_profile("user_id:1")
    make_purpose("orders", legal_basis="contract")
    request = open_erasure()
    send_messages({"type": "track", "event": "Bought", "userId": "1", "messageId": "m1"})
    stop(request)
    request.refresh_from_db()
    assert request.status == "cancelled"
    assert request.log.last().note == "the wrong person"
    assert Event.objects.filter(profile=ada).count() == 1
    assert may_process(ada.pk, "orders", at=database_now())
    assert end_cooling_times(now=later(DAY + 1)) == 0


@pytest.mark.django_db
def test_at_its_end_a_worker_suppresses_and_erases_once() -> None:
    ada = make_profile("user_id:1")
    request = open_erasure()
    assert end_cooling_times(now=later(DAY - 1)) == 0
    assert end_cooling_times(now=later(DAY + 1)) == 1
    assert is_suppressed("user_id:1")
    assert end_cooling_times(now=later(DAY + 1)) == 0
    assert act_on_requests() == 1
    request.refresh_from_db()
    assert request.status == "done"
    assert not Profile.objects.filter(pk=ada.pk).exists()
    steps = ["received", "cooling", "verified", "in_progress", "done"]
    assert list(request.log.values_list("status", flat=True)) == steps


@pytest.mark.django_db
def test_once_the_time_is_over_nobody_stops_it_though_no_worker_came() -> None:
    make_profile("user_id:1")
    request = open_erasure()
    with pytest.raises(WrongStatus):
        stop(request, now=later(DAY + 1))
    request.refresh_from_db()
    assert request.status == "cooling"
    end_cooling_times(now=later(DAY + 1))
    with pytest.raises(WrongStatus):
        stop(request)


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["service", "controller"])
def test_requests_of_others_never_cool(door: str) -> None:
    make_profile("user_id:1")
    assert open_erasure(door=door).status == "verified"


@pytest.mark.django_db
def test_requests_by_the_person_never_cool() -> None:
    ada = make_profile("email:ada@example.org")
    own = ada.identifiers.get(namespace="email")
    request = open_own_request(NewRequest(kind="erasure"), identifier_id=own.pk, actor=TESTER)
    assert request.status == "verified"


@pytest.mark.django_db
def test_what_cools_is_stopped_and_neither_cancelled_nor_refused() -> None:
    make_profile("user_id:1")
    request = open_erasure()
    with pytest.raises(WrongStatus):
        cancel_request(request, actor=TESTER)
    with pytest.raises(WrongStatus):
        refuse_request(request, actor=TESTER, article="17(3)", reason="a claim")


@pytest.mark.django_db
def test_without_hours_an_erasure_takes_effect_at_once(settings: Any) -> None:
    settings.ERASURE_COOLING_HOURS = 0
    make_profile("user_id:1")
    assert open_erasure().status == "verified"


@pytest.mark.django_db
def test_a_merge_takes_the_restriction_along_and_stopping_lifts_it() -> None:
    send_messages({"userId": "1"}, {"anonymousId": "a1"})
    request = open_erasure("user_id:1")
    send_messages({"userId": "1", "anonymousId": "a1"})
    survivor = profile_of("user_id:1")
    assert survivor == profile_of("anonymous_id:a1")
    assert survivor.is_restricted
    stop(request)
    survivor.refresh_from_db()
    assert not survivor.is_restricted


@pytest.mark.django_db
def test_a_profile_that_absorbs_a_restricted_one_is_restricted() -> None:
    send_messages({"anonymousId": "a1"})
    send_messages({"userId": "1"})
    open_erasure("user_id:1", kind="restriction")
    send_messages({"userId": "1", "anonymousId": "a1"})
    assert profile_of("anonymous_id:a1").is_restricted


# --- the machine against an oracle ------------------------------------------------------------


@dataclass
class Story:
    """What should be, by the words of the rule alone: one person and the requests about them."""

    hour: int = 0
    is_there: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)

    def open(self, kind: str, door: str, hours: int) -> None:
        cools = kind == "erasure" and door == "staff" and hours > 0
        status = "cooling" if cools else "verified"
        self.requests.append({"kind": kind, "status": status, "until": hours})

    def stop(self, number: int) -> bool:
        row = self.requests[number]
        if row["status"] != "cooling" or self.hour >= row["until"]:
            return False
        row["status"] = "cancelled"
        return True

    def work(self) -> None:
        for row in self.requests:
            if row["status"] == "cooling" and row["until"] <= self.hour:
                row["status"] = "verified"
        for row in self.requests:
            if row["status"] == "verified":
                row["status"] = "done"
                if row["kind"] == "erasure":
                    self.is_there = False
                    self._close_restrictions()

    def _close_restrictions(self) -> None:
        """Other open requests of an erased person are cancelled with them."""
        for row in self.requests:
            if row["kind"] == "restriction" and row["status"] == "verified":
                row["status"] = "cancelled"

    @property
    def is_restricted(self) -> bool:
        return any(
            row["status"] in ("verified", "done")
            if row["kind"] == "restriction"
            else row["status"] in ("cooling", "verified")
            for row in self.requests
        )


STEPS = st.one_of(
    st.tuples(
        st.just("open"),
        st.sampled_from(("erasure", "erasure", "restriction")),
        st.sampled_from(("staff", "staff", "staff", "service")),
        st.sampled_from((0, 1, 24, 72)),
    ),
    st.tuples(st.just("stop"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from((1, 12, 40))),
    st.tuples(st.just("work")),
)


class TestMachine(TestCase):
    @settings(max_examples=tries(60), deadline=None)
    @given(st.lists(STEPS, max_size=9))
    def test_any_story_comes_to_what_the_rule_says(self, steps: list[Any]) -> None:
        ada, story, rows = make_profile("user_id:1"), Story(), []
        start = database_now()
        for step in steps:
            now = start + timedelta(hours=story.hour, minutes=1)
            match step:
                case ("open", kind, door, hours) if story.is_there:
                    with self.settings(ERASURE_COOLING_HOURS=hours):
                        rows.append(open_erasure(kind=kind, door=door))
                    story.open(kind, door, hours)
                case ("stop", number) if number < len(rows):
                    assert story.stop(number) == _could_stop(rows[number], now)
                case ("wait", hours):
                    story.hour += hours
                case ("work",):
                    end_cooling_times(now=now)
                    act_on_requests()
                    story.work()
                case _:
                    continue
            self._compare(story, rows, ada)

    def _compare(self, story: Story, rows: list[PrivacyRequest], ada: Profile) -> None:
        statuses = [PrivacyRequest.objects.get(pk=row.pk).status for row in rows]
        assert statuses == [row["status"] for row in story.requests]
        profile = Profile.objects.filter(pk=ada.pk).first()
        assert (profile is not None) == story.is_there
        if profile is not None:
            assert profile.is_restricted == story.is_restricted
        verified = [row for row in story.requests if row["kind"] == "erasure"]
        has_taken_effect = any(row["status"] in ("verified", "done") for row in verified)
        assert is_suppressed("user_id:1") == has_taken_effect


def _could_stop(request: PrivacyRequest, now: datetime) -> bool:
    try:
        stop_request(request, actor=TESTER, reason="no", now=now)
    except WrongStatus:
        return False
    return True


# --- the page -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_page_says_whom_it_erases_and_until_when_and_another_member_of_staff_stops_it() -> None:
    ada = make_profile(
        "email:ada@example.org", "user_id:1", traits={"first_name": "Ada", "last_name": "Lovelace"}
    )
    first, second = sign_in("privacy officer"), sign_in("privacy officer")
    url = reverse("admin:consent_privacyrequest_open", args=[ada.pk])
    first.post(url, {"kind": "erasure", "reason": "by letter", "confirmed": "True"})
    request = PrivacyRequest.objects.get()
    page = reverse("admin:consent_privacyrequest_change", args=[request.pk])
    answer = second.get(page)
    shown = answer.content.decode()
    assert "Ada Lovelace" in shown
    assert answer.context["people"][0]["counts"]["Identifiers"] == 3
    assert "can be stopped until" in shown
    stop_url = reverse("admin:consent_privacyrequest_stop", args=[request.pk])
    assert stop_url in shown
    second.post(stop_url, {"reason": "not this Ada"})
    request.refresh_from_db()
    assert request.status == "cancelled"
    assert not Profile.objects.get(pk=ada.pk).is_restricted
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_privacyrequest"))
    client = Client()
    client.force_login(viewer)
    masked = client.get(page).content.decode()
    assert "Lovelace" not in masked
    assert stop_url not in masked


@pytest.mark.django_db
def test_a_refused_step_keeps_what_was_typed() -> None:
    make_profile("user_id:1")
    request = open_erasure(kind="access")
    officer = sign_in("privacy officer")
    url = reverse("admin:consent_privacyrequest_cancel", args=[request.pk])
    answer = officer.post(url, {"reason": "a long and careful explanation"})
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "a long and careful explanation" in shown
    assert "A request that is verified cannot become cancelled." in shown


@pytest.mark.django_db
def test_a_request_that_was_only_received_can_be_refused() -> None:
    now = database_now()
    request = PrivacyRequest.objects.create(
        kind="access", status="received", door="controller", received_at=now, due_at=now
    )
    refuse_request(request, actor=TESTER, article="12(5)", reason="excessive")
    request.refresh_from_db()
    assert request.status == "refused"
    assert not Identifier.objects.exists()
