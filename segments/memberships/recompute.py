"""Computing the boundaries of ranks and RFM models anew, and keeping them.

Invariant: new boundaries are written in the transaction that applies the memberships by them, under
all slot locks. Between two times at which they are computed they do not change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from segments.definitions.boundaries import (
    RankBoundary,
    RfmMeasure,
    as_json,
    measure_rank,
    measure_rfm,
    rank_leaves,
    read_models,
    rfm_keys,
)
from segments.definitions.live import make_context
from segments.language.calendar import local_date, local_instant
from segments.language.nodes import Node, RfmModel
from segments.models import FamilyVersion, Segment, SegmentFamily

# A boundary of fewer people is nearly somebody's figure, and ends with each of them.
TELLING = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """The boundaries that a rebuild computed: of ranks by segment id, and of its RFM model.

    `faults` has by segment id the word for what failed.
    """

    ranks: Mapping[int, list[RankBoundary]] = field(default_factory=dict)
    rfm: RfmMeasure | None = None
    faults: Mapping[int, str] = field(default_factory=dict)


def measure(wanted: Mapping[int, Node], family: SegmentFamily | None, now: datetime) -> Measured:
    """Compute the boundaries of these definitions that have none, and those of an RFM model."""
    context = make_context({}, now=now)
    ranks: dict[int, list[RankBoundary]] = {}
    faults: dict[int, str] = {}
    for segment_id, node in wanted.items():
        try:
            with time_limit(settings.SEGMENT_BUILD_SECONDS):
                ranks[segment_id] = [measure_rank(leaf, context) for leaf in rank_leaves(node)]
        except Exception as error:
            # Any fault of this one; an outage is raised again.
            faults[segment_id] = fault_of(error)
    if family is None:
        return Measured(ranks, None, faults)
    try:
        with time_limit(settings.SEGMENT_BUILD_SECONDS):
            return Measured(ranks, measure_rfm(read_models()[family.key], context), faults)
    except Exception as error:
        fault = fault_of(error)
        readers = (pk for pk, node in wanted.items() if family.key in rfm_keys(node))
        return Measured(ranks, None, faults | dict.fromkeys(readers, fault))


def models_with(family: SegmentFamily | None, measured: Measured) -> dict[str, RfmModel]:
    """Return the RFM models, that of the family with the boundaries that were computed."""
    models = read_models()
    if family is not None and measured.rfm is not None:
        models[family.key] = replace(models[family.key], boundaries=measured.rfm.boundaries)
    return models


def keep_ranks(segment: Segment, measured: Measured, now: datetime) -> None:
    """Give a segment the boundaries that were computed for it. The caller saves it."""
    if segment.pk not in measured.ranks:
        return
    segment.boundaries = measured.ranks[segment.pk]
    hour = settings.SEGMENT_RECOMPUTE_HOUR
    segment.recompute_at = next_hour(now, hour) if segment.boundaries else None


def keep_rfm(family: SegmentFamily | None, measured: Measured, now: datetime) -> None:
    """Write the boundaries that were computed for an RFM model, as its next version."""
    if family is None or measured.rfm is None:
        return
    # Its hour may have changed since the rebuild began.
    family = SegmentFamily.objects.select_for_update().get(pk=family.pk)
    latest = family.versions.order_by("-number").first()
    family.live_version = FamilyVersion.objects.create(
        family=family,
        number=latest.number + 1 if latest else 1,
        boundaries=as_json(measured.rfm.boundaries),
        people=measured.rfm.people,
        figures=measured.rfm.figures,
        computed_at=now,
    )
    family.recompute_at = next_hour(now, family.hour)
    family.save(update_fields=["live_version", "recompute_at"])


def next_hour(now: datetime, hour: int) -> datetime:
    """Return when the hour next begins in the store's zone."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = local_date(now, zone)
    days = (today, today + timedelta(days=1))
    moments = (local_instant(datetime.combine(day, time(hour)), zone) for day in days)
    return next(moment for moment in moments if moment > now)


def due_families(now: datetime) -> QuerySet[SegmentFamily]:
    """Return the families whose boundaries are to be computed anew."""
    # What is set apart is tried again first.
    failed = Segment.objects.filter(family=OuterRef("pk"), failed_at__isnull=False)
    return SegmentFamily.objects.filter(~Exists(failed), recompute_at__lte=now).order_by("key")


def due_segments(now: datetime) -> QuerySet[Segment]:
    """Return the live segments whose ranks are to be computed anew."""
    return Segment.objects.filter(
        status=Segment.Status.LIVE, failed_at=None, recompute_at__lte=now
    ).order_by("key")


def telling_segments() -> list[int]:
    """Return the ids of the segments with a rank of few people."""
    few = Segment.objects.filter(boundaries__0__people__lt=TELLING)
    return list(few.values_list("pk", flat=True))


def end_telling_boundaries(segment_ids: Sequence[int]) -> None:
    """Have boundaries computed anew that are of few people, one of whom is being erased.

    `segment_ids` are those of ranks, whose rows the caller has locked.
    """
    now = database_now()
    few = SegmentFamily.objects.filter(live_version__people__lt=TELLING)
    FamilyVersion.objects.filter(people__lt=TELLING, family__in=few).exclude(
        pk__in=few.values("live_version")
    ).delete()
    is_due = few.update(recompute_at=now)
    if Segment.objects.filter(pk__in=segment_ids).update(recompute_at=now) or is_due:
        nudge("segments.resume_rebuilds")
