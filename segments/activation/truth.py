"""What a destination has of one person, what it was told, and why it is not sent somebody."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from consent.models import ConsentState, Purpose
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.activation.handing import purposes_needed, read_handed
from segments.activation.outbox import who_permits
from segments.activation.states import Target, presences, target_of, wishes_of
from segments.lib.left_out import LeftOut, reason_of
from segments.models import Delivery, Destination, KeyHolder, Membership, Told

# Beside the reasons of the gate.
NO_MEMBER, NO_IDENTIFIER, CLOSED = "no_member", "no_identifier", "closed"
SHOWN = 50


class Refusal(NamedTuple):
    """Why somebody is not sent: the reason, for which purpose, and since when, if that is known."""

    reason: str
    purpose: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """A person at a destination: whether they are to be in, what it gets, or why not, and the log.

    Without `sent_at` nothing of them has left yet.
    """

    is_in: bool
    sent_at: datetime | None
    refusal: Refusal | None
    fields: Mapping[str, Any]
    deliveries: Sequence[Delivery]


class _Gated(NamedTuple):
    """A state as the reasons read it."""

    is_restricted: bool
    state: str | None
    is_objected: bool
    valid_until: datetime | None


def truth_of(destination: Destination, profile: Profile) -> Truth:
    """Return what a destination has of a person and what it was told."""
    target, now = target_of(destination), database_now()
    wish = wishes_of(target, [profile.pk], now).get(profile.pk)
    refusal = None if wish else refusals_of(target, [profile.pk], now)[profile.pk]
    if wish and not wish.presence.is_open:
        refusal = Refusal(CLOSED)
    keys = _keys(destination, profile)
    states = Told.objects.filter(webhook_id=destination.pk, key__in=keys).order_by("-told_at")
    rows = Delivery.objects.filter(webhook_id=destination.pk, key__in=keys).order_by("-pk")
    sent = [row.sent_at for row in states if row.is_in and row.sent_at]
    return Truth(
        is_in=any(row.is_in for row in states),
        sent_at=sent[0] if sent else None,
        refusal=refusal,
        fields=wish.fields if wish else {},
        deliveries=list(rows[:SHOWN]),
    )


def _keys(destination: Destination, profile: Profile) -> set[UUID]:
    """Return the keys by which a destination knows or knew somebody."""
    own = Told.objects.filter(webhook_id=destination.pk, subject_id=profile.pk)
    holds = KeyHolder.objects.filter(webhook_id=destination.pk, subject_id=profile.pk)
    return {*own.values_list("key", flat=True), *holds.values_list("key", flat=True)}


def refusals_of(target: Target, ids: Collection[int], now: datetime) -> dict[int, Refusal]:
    """Return why some people are not sent, who are not."""
    segments = {each.topic.segment_id for each in target.subscriptions if each.purposes}
    rows = Membership.objects.filter(profile_id__in=list(ids), segment_id__in=segments)
    members = set(rows.values_list("profile_id", flat=True))
    present = presences(target, ids, now)
    keys = {purpose for each in target.subscriptions for purpose in each.purposes}
    closed = _closed(keys, sorted(members - present.keys()), now)
    for pk, handed in read_handed(target.destination, ids).items():
        if pk not in present and pk not in closed:
            closed |= _closed(purposes_needed(target.destination, handed), [pk], now)
    return {
        pk: closed.get(pk) or Refusal(NO_IDENTIFIER if pk in present else NO_MEMBER) for pk in ids
    }


def _closed(keys: Collection[str], ids: Sequence[int], now: datetime) -> dict[int, Refusal]:
    """Return for which of the purposes each does not permit it: the first that is closed."""
    restricted = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "is_restricted"))
    refusals: dict[int, Refusal] = {}
    for purpose in Purpose.objects.filter(key__in=keys).order_by("key"):
        permitting = who_permits(purpose.key, ids, now)
        states = {
            row.profile_id: row
            for row in ConsentState.objects.filter(purpose=purpose, profile_id__in=ids)
        }
        for pk in ids:
            if pk not in permitting and pk not in refusals:
                is_restricted = restricted.get(pk, False)
                refusals[pk] = _refusal(purpose.key, states.get(pk), is_restricted, now)
    return refusals


def _refusal(
    purpose: str, state: ConsentState | None, is_restricted: bool, now: datetime
) -> Refusal:
    gated = _Gated(
        is_restricted,
        state.state if state else None,
        state.is_objected if state else False,
        state.valid_until if state else None,
    )
    reason = reason_of(gated, now)
    since = None
    match reason:
        case LeftOut.OBJECTED:
            since = state.objected_at if state else None
        case LeftOut.EXPIRED:
            since = gated.valid_until
        case LeftOut.REFUSED | LeftOut.OUTDATED:
            since = state.decided_at if state else None
    return Refusal(str(reason), purpose, since)
