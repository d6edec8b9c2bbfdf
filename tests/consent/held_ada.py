"""Ada, what a hold keeps of her, and her erasure."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from consent.models import HeldRow, LegalHold, PrivacyRequest
from consent.services import (
    NewHold,
    NewRequest,
    act_on_requests,
    change_hold,
    lift_hold,
    open_request,
    place_hold,
)
from profiles.models import Profile
from tests.factories import TESTER, profile_of, send_messages

ADA = "email:ada@example.org"


ORDERS = {"events": ["Order Completed"]}


def order(user: str = "ada", name: str = "Order Completed", **more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": user,
        "event": name,
        "properties": {"total": 9007199254740993},
    } | more


def send_ada() -> Profile:
    send_messages({"userId": "ada", "traits": {"email": "ada@example.org", "city": "Lyon"}})
    send_messages(order(), order(), order(name="Product Viewed"))
    return profile_of(ADA)


def hold_ada(scope: dict[str, list[str]] | None = None, **overrides: Any) -> LegalHold:
    fields = {
        "references": [ADA],
        "scope": scope or ORDERS,
        "ground": "legal_claim",
        "reason": "Ada sued us",
        "case_reference": "2026/17",
        "review_on": timezone.now().date() + timedelta(days=90),
    }
    return place_hold(NewHold(**fields | overrides), actor=TESTER, now=timezone.now())


def erase_ada(*references: str) -> PrivacyRequest:
    new_request = NewRequest(kind="erasure", references=references or (ADA,), reason="Ada wrote")
    request = open_request(new_request, door="service", actor=TESTER)
    act_on_requests()
    request.refresh_from_db()
    return request


def lift(hold: LegalHold) -> None:
    lift_hold(hold, actor=TESTER, reason="The case is closed.", now=timezone.now())


def review(hold: LegalHold, day: date) -> None:
    change_hold(hold, changes={"review_on": day}, actor=TESTER, now=timezone.now())


def held() -> dict[str, int]:
    counts: dict[str, int] = {}
    for store, kind in HeldRow.objects.values_list("store", "kind"):
        counts[f"{store}: {kind}"] = counts.get(f"{store}: {kind}", 0) + 1
    return counts
