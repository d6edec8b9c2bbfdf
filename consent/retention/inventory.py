"""What rules say nothing about: data that nobody assigned, and stores that have own lifetimes."""

from typing import Any

from django.db.models import QuerySet

from consent.models import RetentionRule
from profiles.models import EventName, TraitDefinition
from profiles.registry import PersonalData, registry


def unassigned_events() -> QuerySet[EventName]:
    """Return the names of events without a rule, which are never deleted by time."""
    assigned = RetentionRule.objects.filter(event__isnull=False)
    return EventName.objects.exclude(pk__in=assigned.values("event")).order_by("name", "kind")


def unassigned_categories() -> list[TraitDefinition.Category]:
    """Return the categories of traits without a rule."""
    assigned = set(RetentionRule.objects.exclude(category="").values_list("category", flat=True))
    return [category for category in TraitDefinition.Category if category not in assigned]


def stores_with_lifetimes() -> list[PersonalData]:
    """Return the declarations whose rows go by themselves after some days."""
    return [data for data in registry if data.lifetime_days]


def described_stores() -> list[dict[str, Any]]:
    """Return these stores as the API shows them."""
    return [
        {
            "store": data.lifetime_title,
            "days": data.lifetime_days,
            "setting": data.lifetime if isinstance(data.lifetime, str) else None,
        }
        for data in stores_with_lifetimes()
    ]
