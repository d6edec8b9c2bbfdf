"""Legal holds: what stays after an erasure, who sees it, and how it goes once a hold is lifted."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.lib import checkpoints
from consent.models import HeldRow, LegalHold
from consent.services import (
    HoldLifted,
    InvalidHold,
    change_hold,
    find_suppressed,
    overdue_holds,
    prove_erasure,
    record,
    resume_held_back,
    signed_receipt,
)
from profiles.lib.checkpoints import handled
from profiles.models import DecisionVerdict, Event, Identifier, Profile, SourceRecord
from profiles.services import NewDecision, decide, undo_decision
from tests.admin import sign_in
from tests.consent.callers import BASE, service
from tests.consent.held_ada import (
    ADA,
    ORDERS,
    erase_ada,
    held,
    hold_ada,
    lift,
    order,
    send_ada,
)
from tests.consent.inputs import consent_input
from tests.factories import TESTER, make_purpose, make_source, send_messages

pytestmark = pytest.mark.django_db


def test_what_a_hold_names_stays_and_everything_else_is_erased() -> None:
    send_ada()
    hold_ada()
    request = erase_ada()
    assert (request.status, held()) == ("held", {"events: Order Completed": 2})
    assert not Event.objects.exists()
    assert not SourceRecord.objects.exists()
    assert not Profile.objects.exists()
    assert not Identifier.objects.exists()
    assert find_suppressed([ADA, "user_id:ada"]) == {ADA, "user_id:ada"}


def test_held_rows_are_exact_copies() -> None:
    send_ada()
    before = Event.objects.filter(name__name="Order Completed").first()
    assert before is not None
    hold_ada()
    erase_ada()
    content = HeldRow.objects.filter(content__contains=str(before.id)).get().content
    assert "9007199254740993" in content  # which no float can hold
    row = json.loads(content)
    assert (row["name"], row["source"], row["kind"]) == ("Order Completed", "shop", "track")


def test_the_receipt_counts_what_is_held_and_names_nobody() -> None:
    send_ada()
    hold = hold_ada()
    request = erase_ada()
    assert request.receipt["held"] == {
        "rows": {"events": 2},
        "grounds": ["legal_claim"],
        "review_on": hold.review_on.isoformat(),
    }
    text = json.dumps(request.receipt)
    assert not [word for word in ("ada@", "sued", "2026/17") if word in text]
    assert signed_receipt(request) is not None


def test_lifting_resumes_the_erasure_without_another_decision() -> None:
    send_ada()
    hold = hold_ada()
    request = erase_ada()
    assert resume_held_back() == 0
    lift(hold)
    assert resume_held_back() == 1
    request.refresh_from_db()
    hold.refresh_from_db()
    assert (request.status, held()) == ("done", {})
    assert "held" not in request.receipt
    assert request.receipt["released"] == {"events": 2}
    assert (hold.reason, hold.case_reference, hold.identifier_ids) == ("", "", [])
    assert resume_held_back() == 0


def test_a_worker_that_is_killed_while_it_resumes_leaves_all_for_the_next() -> None:
    send_ada()
    hold = hold_ada()
    request = erase_ada()
    lift(hold)

    def fail(_: object) -> None:
        raise RuntimeError("killed")

    with handled(checkpoints.SETTLING, fail):
        assert resume_held_back() == 0
    assert held() == {"events: Order Completed": 2}
    assert resume_held_back() == 1
    request.refresh_from_db()
    assert (request.status, held()) == ("done", {})


def test_what_two_holds_name_stays_until_both_are_lifted() -> None:
    send_ada()
    first, second = hold_ada(), hold_ada({"source_records": []})
    request = erase_ada()
    lift(first)
    assert resume_held_back() == 0
    request.refresh_from_db()
    assert (request.status, held()) == ("held", {"source_records: shop": 1})
    assert request.receipt["held"]["rows"] == {"source_records": 1}
    lift(second)
    assert resume_held_back() == 1
    assert held() == {}


def test_a_hold_that_names_nothing_of_the_person_keeps_no_erasure_back() -> None:
    send_ada()
    hold_ada({"events": ["Refund Requested"]})
    request = erase_ada()
    assert (request.status, held()) == ("done", {})


def test_a_lifted_hold_keeps_nothing_and_is_emptied_with_the_person() -> None:
    send_ada()
    hold = hold_ada()
    lift(hold)
    resume_held_back()
    hold.refresh_from_db()
    assert hold.reason == "Ada sued us"
    request = erase_ada()
    hold.refresh_from_db()
    assert (request.status, held(), hold.reason) == ("done", {}, "")


def test_a_review_that_is_past_reminds_and_releases_nothing() -> None:
    send_ada()
    hold = hold_ada()
    erase_ada()
    later = timezone.now() + timedelta(days=100)
    assert overdue_holds(timezone.now()) == 0
    assert overdue_holds(later) == 1
    assert resume_held_back() == 0
    assert held() == {"events: Order Completed": 2}
    change_hold(
        hold,
        changes={"review_on": later.date() + timedelta(days=30)},
        actor=TESTER,
        now=later,
    )
    assert overdue_holds(later) == 0


def test_a_second_erasure_of_the_same_person_waits_for_the_hold_too() -> None:
    send_ada()
    hold = hold_ada()
    first, second = erase_ada(), erase_ada()
    assert (first.status, second.status) == ("held", "held")
    lift(hold)
    assert resume_held_back() == 2
    assert held() == {}


def test_messages_stay_out_but_for_those_of_the_sources_that_the_hold_names() -> None:
    send_ada()
    make_source(key="till")
    hold = hold_ada(ORDERS, sources=["till"])
    erase_ada()
    before = len(HeldRow.objects.filter(hold=hold))
    send_messages(order(), order(name="Product Viewed"), source="till")
    send_messages(order(), source="shop")
    late = HeldRow.objects.filter(hold=hold)[before:]
    assert [row.kind for row in late] == ["Order Completed"]
    assert "ada" in late[0].content
    assert not Event.objects.exists()
    lift(hold)
    resume_held_back()
    send_messages(order(), source="till")
    assert held() == {}


def test_what_a_named_source_says_of_the_person_later_is_kept_as_its_record() -> None:
    send_ada()
    make_source(key="till")
    hold_ada({"source_records": ["till"]}, sources=["till"])
    request = erase_ada()
    assert request.status == "held"
    send_messages({"userId": "ada", "traits": {"city": "Brest"}}, source="till")
    send_messages({"userId": "ada", "traits": {"city": "Paris"}}, source="shop")
    assert held() == {"source_records: till": 1}
    assert not Profile.objects.exists()


def test_a_hold_follows_a_merge_and_an_unmerge() -> None:
    send_ada()
    send_messages({"userId": "grace"}, order("grace"))
    hold_ada()
    sides = [Identifier.objects.get(value=value) for value in ("ada", "grace")]
    verdict = decide(NewDecision(DecisionVerdict.SAME, *sides, "One person."), actor=TESTER)
    undo_decision(verdict, actor=TESTER)
    apart = erase_ada("user_id:grace")
    assert (apart.status, held()) == ("done", {})
    request = erase_ada()
    assert (request.status, held()) == ("held", {"events: Order Completed": 2})


def test_a_hold_covers_whom_its_person_was_merged_with() -> None:
    send_ada()
    send_messages({"userId": "grace"}, order("grace"))
    hold_ada()
    sides = [Identifier.objects.get(value=value) for value in ("ada", "grace")]
    decide(NewDecision(DecisionVerdict.SAME, *sides, "One person."), actor=TESTER)
    request = erase_ada()
    assert (request.status, held()) == ("held", {"events: Order Completed": 3})


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"references": ["email:nobody@example.org"]}, "identifiers"),
        ({"scope": {"shoes": []}}, "scope.shoes"),
        ({"sources": ["nowhere"]}, "sources"),
        ({"review_on": date(2020, 1, 1)}, "review_on"),
    ],
)
def test_a_hold_that_cannot_be_is_refused(overrides: dict[str, Any], path: str) -> None:
    send_ada()
    with pytest.raises(InvalidHold) as refusal:
        hold_ada(**overrides)
    assert refusal.value.path == path


def test_nothing_of_a_lifted_hold_changes() -> None:
    send_ada()
    hold = hold_ada()
    lift(hold)
    with pytest.raises(HoldLifted):
        lift(hold)
    with pytest.raises(HoldLifted):
        change_hold(hold, changes={"reason": "again"}, actor=TESTER, now=timezone.now())


def test_the_proof_of_an_erasure_lists_held_rows_apart(tmp_path: Path, settings: Any) -> None:
    # Files of this test alone: others write their mails and logs at the same time.
    settings.DATA_DIR = tmp_path
    make_purpose()
    ada = send_ada()
    record(consent_input(ada, evidence={"address": "ada@example.org"}))
    hold_ada({"consent_evidence": [], "identifiers": ["email"]})
    request = erase_ada()
    report = prove_erasure(request.pk, [ADA])
    assert report.content["hits"] == []
    assert report.content["held"]["rows"]["rows"] == {"consent_evidence": 1, "identifiers": 1}
    assert [hit["place"] for hit in report.content["held"]["hits"]] == ["consent_heldrow"]


def test_the_api_places_shows_changes_and_lifts_holds() -> None:
    send_ada()
    client = service("privacy:admin")
    url = f"{BASE}/privacy/holds/"
    body = {
        "identifiers": [ADA],
        "scope": ORDERS,
        "ground": "legal_claim",
        "reason": "A claim",
        "review_on": (timezone.now().date() + timedelta(days=30)).isoformat(),
    }
    created = client.post(url, body, format="json")
    assert created.status_code == 201, created.json()
    erase_ada()
    address = f"{url}{created.json()['id']}/"
    assert client.get(address).json()["row_counts"] == {"events": 2}
    assert client.get(url).json()["results"][0]["is_review_due"] is False
    rows = client.get(f"{address}rows/?store=events").json()["results"]
    assert [row["kind"] for row in rows] == ["Order Completed", "Order Completed"]
    assert client.patch(address, {"reason": "Two claims"}, format="json").status_code == 200
    assert client.post(f"{address}lift/", {"reason": "Over"}, format="json").status_code == 200
    again = client.post(f"{address}lift/", {"reason": "Over"}, format="json")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "hold_lifted")
    assert service("privacy:act").get(url).status_code == 403
    wrong = client.post(url, body | {"scope": {"shoes": []}}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (400, "scope.shoes")


def test_an_officer_places_reviews_and_lifts_a_hold_in_the_admin() -> None:
    ada = send_ada()
    officer = sign_in("privacy officer")
    place = reverse("admin:consent_legalhold_place", args=[ada.pk])
    assert place in officer.get(reverse("admin:profiles_profile_change", args=[ada.pk])).text
    fields = {
        "stores": ["events"],
        "kinds": "events: Order Completed",
        "ground": "legal_claim",
        "reason": "Ada sued us",
        "review_on": (timezone.now().date() + timedelta(days=9)).isoformat(),
    }
    wrong = officer.post(place, fields | {"kinds": "shoes: red"})
    assert "names a store that is chosen" in wrong.text
    officer.post(place, fields)
    hold = LegalHold.objects.get()
    assert (hold.scope, hold.placed_by[:6]) == (ORDERS, "staff:")
    erase_ada()
    page = reverse("admin:consent_legalhold_change", args=[hold.pk])
    assert "9007199254740993" in officer.get(page).text
    LegalHold.objects.update(review_on=timezone.now().date())
    assert "the review of 1 hold is due" in officer.get(reverse("admin:index")).text
    edit = reverse("admin:consent_legalhold_edit", args=[hold.pk])
    officer.post(edit, {"reason": "Two claims", "review_on": fields["review_on"]})
    assert "hold is due" not in officer.get(reverse("admin:index")).text
    lift_page = reverse("admin:consent_legalhold_lift", args=[hold.pk])
    assert officer.post(lift_page, {"reason": ""}).status_code == 200
    officer.post(lift_page, {"reason": "Settled out of court"})
    assert resume_held_back() == 1


@pytest.mark.parametrize("role", ["marketer", "steward", "auditor"])
def test_no_other_role_places_or_lifts_a_hold_or_reads_what_it_keeps(role: str) -> None:
    ada = send_ada()
    hold = hold_ada()
    erase_ada()
    staff = sign_in(role)
    for name, key in (("place", ada.pk), ("lift", hold.pk), ("edit", hold.pk)):
        url = reverse(f"admin:consent_legalhold_{name}", args=[key])
        assert staff.post(url, {"reason": "x"}).status_code == 403
    page = staff.get(reverse("admin:consent_legalhold_change", args=[hold.pk]))
    assert "9007199254740993" not in page.text
    assert "Ada sued us" not in page.text
