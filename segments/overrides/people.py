"""Keeping single people in a segment or out of it, whatever its definition says.

Invariant: people lock, then slots, then rows. Whoever is decided about is evaluated in the same
transaction, so that the answer tells what holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.lib.database import array_of, database_now
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited
from segments.definitions.save import SegmentError
from segments.lib.locks import lock_slots, slots_of
from segments.lib.moments import evaluation_time, refuse_far_ahead
from segments.lib.people_by_reference import anchors_of, find_people
from segments.memberships.refresh import evaluate
from segments.models import MembershipChange, Override, Segment
from segments.overrides import sql

Reason = MembershipChange.Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided: in or out, why, and from when to when. No start is now, no end is never."""

    kind: Override.Kind
    reason: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OverrideChange:
    """How many people were decided about, and the places of references that name nobody."""

    people: int
    unknown: Sequence[int]


def set_overrides(
    segment: Segment,
    references: Sequence[str],
    decision: Decision,
    *,
    actor: Actor,
    now: datetime | None = None,
) -> OverrideChange:
    """Decide about the people who have these `namespace:value` references.

    A decision takes the place of the former one about the same person. Raises SegmentError, and
    MomentError.
    """
    refuse_far_ahead(now)
    with audited(actor, "segment.overridden") as deed:
        people_lock(shared=True)
        starts_at = decision.starts_at or now or database_now()
        if decision.ends_at is not None and decision.ends_at <= starts_at:
            raise SegmentError("ends_at", "The end is after the start.")
        people = find_people(references)
        anchors = anchors_of(people.profile_ids)
        ids = sorted(anchors)
        lock_slots(slots_of(ids))
        segment = _open_segment(segment)
        Segment.objects.filter(pk=segment.pk).update(has_overrides=True)
        with connection.cursor() as cursor:
            # One decision about a person, also by the identifiers of those whom they absorbed.
            cursor.execute(sql.RELEASE, {"segment": segment.pk, "profiles": array_of(ids)})
            parameters: dict[str, Any] = {
                "segment": segment.pk,
                "kind": decision.kind.value,
                "reason": decision.reason,
                "actor": str(actor),
                "starts_at": starts_at,
                "ends_at": decision.ends_at,
                "profiles": array_of(ids),
                "identifiers": array_of(anchors[profile_id] for profile_id in ids),
            }
            cursor.execute(sql.SET_OVERRIDES, parameters)
        _evaluate(ids, now)
        if ids:
            deed.about("segment", segment.key, **{f"{decision.kind}d": [None, len(ids)]})
        return OverrideChange(len(ids), people.unknown)


def release_overrides(
    segment: Segment, references: Sequence[str], *, actor: Actor, now: datetime | None = None
) -> OverrideChange:
    """End what was decided about these people, so that the definition holds for them again.

    Raises MomentError.
    """
    refuse_far_ahead(now)
    with audited(actor, "segment.released") as deed:
        people_lock(shared=True)
        people = find_people(references)
        ids = sorted(people.profile_ids)
        lock_slots(slots_of(ids))
        with connection.cursor() as cursor:
            cursor.execute(sql.RELEASE, {"segment": segment.pk, "profiles": array_of(ids)})
            released = sorted({profile_id for (profile_id,) in cursor.fetchall()})
        _evaluate(released, now)
        if released:
            deed.about("segment", segment.key, released=[len(released), None])
        return OverrideChange(len(released), people.unknown)


def _open_segment(segment: Segment) -> Segment:
    segment = Segment.objects.get(pk=segment.pk)
    if segment.status == Segment.Status.ARCHIVED:
        raise SegmentError("status", "An archived segment does not change.")
    return segment


def _evaluate(profile_ids: Sequence[int], now: datetime | None) -> None:
    if profile_ids:
        evaluate(profile_ids, reason=Reason.OVERRIDE, now=evaluation_time(now))
