"""What a source's page says of its tracking plan: who put it in force, and what breaks it.

Invariant: of messages nothing is shown but names of the plan and counts.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Max, Sum
from django.urls import reverse
from django.utils.http import urlencode

from ingestion.models import PlanBreach, TrackingPlan
from ingestion.plans.judge import BROKEN, UNPLANNED
from ingestion.plans.keep import SAVED_PLAN, plan_in_force
from profiles.models import AuditEntry, Source
from profiles.services import Actor, actor_names

DAYS = 30
MOST_FAULTS = 12


class PlanFault(NamedTuple):
    """One way in which messages broke the plan lately; `link` goes to those that were refused."""

    event: str
    path: str
    policy: str
    word: str
    total: int
    last_on: date
    link: str


class PlanOverview(NamedTuple):
    """The plan in force; `author` is empty where the audit has ended."""

    plan: TrackingPlan
    author: str
    faults: list[PlanFault]


def plan_overview(source: Source, now: datetime) -> PlanOverview | None:
    """Return what is in force for a source, None where nothing is. Takes four queries."""
    plan = plan_in_force(source)
    return PlanOverview(plan, _author(source, plan), _faults(source, now)) if plan else None


def _author(source: Source, plan: TrackingPlan) -> str:
    entries = AuditEntry.objects.filter(
        verb=SAVED_PLAN, object_type="tracking_plan", object_key=source.key
    )
    entry = entries.filter(changes__version__1=plan.version).first()
    if entry is None:
        return ""
    actor = str(Actor.of(entry))
    return actor_names([actor])[actor]


def _faults(source: Source, now: datetime) -> list[PlanFault]:
    """Return what broke the plan most often of late."""
    rows = PlanBreach.objects.filter(source=source, day__gt=now.date() - timedelta(days=DAYS))
    counted = rows.order_by().values("event", "path", "policy")
    counted = counted.annotate(total=Sum("count"), last_on=Max("day"))
    return [
        PlanFault(**row, word=_word(row["policy"]), link=_link(source, row["event"], row["path"]))
        for row in counted.order_by("-total", "event", "path")[:MOST_FAULTS]
    ]


def _word(policy: str) -> str:
    return str(PlanBreach.Policy(policy).label)


def _link(source: Source, event: str, path: str) -> str:
    """Return the address of the rejected messages of a fault."""
    code = BROKEN if event else UNPLANNED
    if "*" in path.replace("[*]", ""):
        # Rejected messages have their own keys where the plan names none.
        url = reverse("admin:ingestion_rejectedmessage_changelist")
        query = {"source__id__exact": str(source.pk), "code__exact": code, "state": "open"}
    else:
        url = reverse("admin:ingestion_rejectedmessage_fault")
        query = {"source": source.key, "code": code, "path": path}
    return f"{url}?{urlencode(query)}"
