"""Rules of retention, and people and events that they are about."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from consent.models import Purpose, RetentionRule
from consent.services import (
    RuleTerms,
    approve_rule,
    create_rule,
    make_forecast,
    record,
)
from profiles.models import Event
from segments.models import Segment
from segments.services import (
    create_segment,
    rebuild,
)
from tests.consent.inputs import consent_input
from tests.factories import TESTER, profile_of
from tests.oracles.retention import NaivePerson

ORDER, VIEW = "Order Completed", "Product Viewed"


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def track(user: str, name: str, at: datetime) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": name, "timestamp": at.isoformat()}


def days_ago(days: float, now: datetime = NOW) -> datetime:
    return now - timedelta(days=days)


def make_rule(
    purpose: Purpose, period: str, *, unit: str = VIEW, is_approved: bool = True, **terms: Any
) -> RetentionRule:
    where = {"category": unit} if unit in ("ordinary", "contact", "special") else {"event": unit}
    rule = create_rule(
        purpose=purpose,
        terms=RuleTerms(period=period, **terms),
        actor=TESTER,
        now=timezone.now(),
        **where,
    )
    return approve(rule) if is_approved else rule


def approve(rule: RetentionRule) -> RetentionRule:
    now = timezone.now()
    forecast = make_forecast(at=now, now=now)
    return approve_rule(rule, forecast=forecast, actor=TESTER, now=now)


def events_left() -> Counter[str]:
    return Counter(Event.objects.values_list("name__name", flat=True))


def make_buyers(**fields: Any) -> Segment:
    """Create the segment of whoever ever ordered, and build it."""
    definition = {"type": "event", "name": ORDER, "operator": "gte", "value": 1}
    terms = {"key": "buyers", "name": "Buyers", "definition": definition, "status": "live"}
    segment = create_segment(**terms, **fields, actor=TESTER)
    rebuild(["buyers"])
    return segment


def say(user: str, person: NaivePerson, sayings: list[tuple[int, bool, int | None]]) -> None:
    for days, is_given, valid_days in sayings:
        at = days_ago(days)
        ends = at + timedelta(days=valid_days) if valid_days and is_given else None
        state = "given" if is_given else "withdrawn"
        entry = consent_input(
            profile_of(f"user_id:{user}"), state, occurred_at=at, received_at=at, valid_until=ends
        )
        record(entry)
        person.said.setdefault("newsletter", []).append((at, state, ends))
