"""Keeping the plans of sources.

Invariant: a version is never changed; the same content again makes no new one.
"""

import hashlib
from typing import Any

from django.db.models import Max

from ingestion.models import TrackingPlan
from ingestion.plans.content import parse_plan
from profiles.lib import exact_json
from profiles.models import Source
from profiles.services import Actor, audited

# The verb of audit entries.
SAVED_PLAN = "tracking_plan.changed"


def save_plan(source: Source, content: Any, *, actor: Actor) -> TrackingPlan:
    """Put a plan in force for the messages that come from the next second on.

    Raises PlanFaults.
    """
    parse_plan(content)
    digest = hashlib.sha256(exact_json.dumps_sorted(content).encode()).hexdigest()
    with audited(actor, SAVED_PLAN) as deed:
        # Two who save at once get two versions.
        Source.objects.select_for_update(no_key=True).get(pk=source.pk)
        newest = plan_in_force(source)
        if newest is not None and newest.digest == digest:
            return newest
        versions = TrackingPlan.objects.filter(source=source)
        last = versions.aggregate(last=Max("version"))["last"] or 0
        plan = TrackingPlan.objects.create(
            source=source, version=last + 1, content=content, digest=digest
        )
        deed.about("tracking_plan", source.key, version=[last or None, plan.version])
        plan.refresh_from_db()
        return plan


def plan_in_force(source: Source) -> TrackingPlan | None:
    """Return the newest plan of a source."""
    return TrackingPlan.objects.filter(source=source).order_by("-version").first()
