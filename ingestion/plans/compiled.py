"""Plans ready to judge by, kept in the process.

Invariant: a compiled plan is found by the digest of its content, so that it is never stale. Which
digest is in force is read anew: by the drain for each chunk, at the door each half second.
"""

from collections.abc import Mapping
from functools import lru_cache

from ingestion.models import TrackingPlan
from ingestion.plans.content import Plan, parse_plan

MAX_COMPILED = 64  # at 256 KB of content each


def plans_in_force() -> Mapping[int, Plan]:
    """Return the newest plan of each source that has one. One query where all are compiled."""
    newest = TrackingPlan.objects.order_by("source_id", "-version").distinct("source_id")
    digests = newest.values_list("source_id", "digest")
    return {source_id: compiled_plan(digest) for source_id, digest in digests}


def digest_in_force(source_id: int) -> str:
    """Return the digest of the plan of a source, empty where it has none."""
    plans = TrackingPlan.objects.filter(source_id=source_id).order_by("-version")
    return plans.values_list("digest", flat=True).first() or ""


def plan_of(digest: str) -> Plan | None:
    """Return the plan of a digest, None for an empty one."""
    return compiled_plan(digest) if digest else None


@lru_cache(maxsize=MAX_COMPILED)
def compiled_plan(digest: str) -> Plan:
    """Return the plan whose content has this digest."""
    content = TrackingPlan.objects.filter(digest=digest).values_list("content", flat=True)
    return parse_plan(content[0])
