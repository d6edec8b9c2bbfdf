"""The outbox: what webhooks are to be told, in the transaction that lets it be so.

What a webhook is told of a segment is: member, and permitted. Each time somebody is evaluated, and
each time a permission changed or ended, that is compared with what the webhook was told, and each
difference is one delivery.

Invariant: the caller has locked the slots of the people, so that of one key the deliveries are in
the order of what happened. Safety does not rest on exits: every send asks the gate itself.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from uuid_utils.compat import uuid7

from consent.models import Purpose
from consent.services import PERMITTED, current_states
from profiles.lib.database import array_of
from profiles.models import Merge, Profile, ProfileChange
from segments.activation import sql
from segments.activation.writing import insert_deliveries, keep_told
from segments.compiler.fragments import fill, fill_named
from segments.models import (
    Delivery,
    MembershipChange,
    Segment,
    Told,
    Webhook,
    WebhookEvent,
    WebhookSegment,
)

DELIVER = "segments.deliver"
# Why a delivery that is not about a change of memberships was written.
PERMISSION, MERGE = "permission", "merge"
Kind = ProfileChange.Kind


ENTERED, EXITED = WebhookEvent.SEGMENT_ENTERED, WebhookEvent.SEGMENT_EXITED
EVALUATIONS = (MembershipChange.Reason.CHANGE, MembershipChange.Reason.TIME)
EVENTS: dict[str, WebhookEvent] = {
    Kind.MERGE: WebhookEvent.PROFILE_MERGED,
    Kind.UNMERGE: WebhookEvent.PROFILE_UNMERGED,
    Kind.CONSENT: WebhookEvent.CONSENT_CHANGED,
}


class Change(NamedTuple):
    """A change of a profile that is told as such: its kind, and what it is about."""

    profile_id: int
    kind: str
    reference: str


class Topic(NamedTuple):
    """A segment at a webhook."""

    webhook_id: UUID
    segment_id: int


class Place(NamedTuple):
    """A key in a segment at a webhook."""

    topic: Topic
    key: UUID


class Stand(NamedTuple):
    """Somebody who is in a segment, by which key, and since when."""

    profile_id: int
    key: UUID
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a webhook hears of a segment, and the purposes that all must permit it.

    Of a segment that is paused or set apart nobody enters.
    """

    topic: Topic
    segment_key: str
    purposes: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Evaluated:
    """People who were evaluated, why, and when."""

    ids: Sequence[int]
    reason: str
    now: datetime


def tell_step(
    webhook: Webhook, person: Profile, message: UUID, body: Mapping[str, Any], now: datetime
) -> None:
    """Write down that a webhook is to be told of a step of an automation, under this id."""
    fields = envelope(person.uuid, person.pk, WebhookEvent.AUTOMATION_REACHED, body, now)
    _write([Delivery(webhook=webhook, **(fields | {"message": message}))], now)


def read_subscriptions(*, pk: int | None = None) -> list[Subscription]:
    """Return what webhooks hear of segments, or one of these. Without a purpose nobody enters."""
    rows = WebhookSegment.objects.filter(webhook__is_behind=False, webhook__destination=None)
    return as_subscriptions(rows if pk is None else rows.filter(pk=pk))


def as_subscriptions(rows: QuerySet[WebhookSegment]) -> list[Subscription]:
    """Return what receivers are told of segments by these rows."""
    return [
        Subscription(
            Topic(row.webhook_id, row.segment_id),
            row.segment.key,
            () if row.is_ending else purposes_of(row.webhook, row.segment),
            row.segment.failed_at is None and row.segment.paused_at is None,
        )
        for row in rows.select_related("segment__purpose", "webhook__purpose")
    ]


def purposes_of(webhook: Webhook, segment: Segment | None) -> tuple[str, ...]:
    """Return the purposes that somebody must permit: that of the webhook and of the segment."""
    both = (webhook.purpose, segment.purpose if segment else None)
    return tuple(sorted({purpose.key for purpose in both if purpose is not None}))


def tell_segments(subscriptions: Sequence[Subscription], batch: Evaluated) -> int:
    """Compare what was told of some people with what is; return how many deliveries follow."""
    if not subscriptions:
        return 0
    topics = {each.topic: each for each in subscriptions}
    told = _read_told(topics, batch.ids)
    # A key may be another person's by now, who keeps it told.
    heirs = _other_holders({place.key for place in told}, batch.ids)
    stands = read_members(topics, [*batch.ids, *heirs])
    wanted = _permitted(subscriptions, stands, batch.now)
    entries = [
        place
        for place in sorted(wanted.keys() - told.keys())
        if topics[place.topic].is_open and wanted[place].profile_id not in heirs
    ]
    exits = sorted(told.keys() - wanted.keys())
    reasons = _exit_reasons(exits, told, stands, batch)
    written = [
        _transition(topics[at.topic], EXITED, (at.key, told[at]), reasons[at], batch.now)
        for at in exits
    ]
    for place in entries:
        stand = wanted[place]
        reason = batch.reason if stand.entered_at >= batch.now else late_reason(batch)
        person = (place.key, stand.profile_id)
        written.append(_transition(topics[place.topic], ENTERED, person, reason, batch.now))
    _write(written, batch.now)
    _hand_over(told, wanted)
    purposes = {purpose for each in subscriptions for purpose in each.purposes}
    wake_for_expiry(purposes, {stand.profile_id for stand in wanted.values()}, batch.now)
    return len(written)


def late_reason(batch: Evaluated) -> str:
    """Why somebody is told who was in before: a permission, or the reason for comparing all."""
    return PERMISSION if batch.reason in EVALUATIONS else batch.reason


def _read_told(topics: Collection[Topic], ids: Sequence[int]) -> dict[Place, int]:
    """Return which keys are told to be in, each with the profile that it was told of."""
    rows = Told.objects.filter(is_in=True, subject_id__in=list(ids), segment__isnull=False)
    columns = rows.values_list("webhook_id", "segment_id", "key", "subject_id")
    told = {Place(Topic(webhook, segment), key): pk for webhook, segment, key, pk in columns}
    return {place: pk for place, pk in told.items() if place.topic in topics}


def _other_holders(keys: Collection[UUID], ids: Sequence[int]) -> set[int]:
    holders = Profile.objects.filter(uuid__in=keys).values_list("pk", flat=True)
    return set(holders).difference(ids)


def read_members(topics: Collection[Topic], ids: Sequence[int]) -> dict[tuple[int, int], Stand]:
    segment_ids = sorted({topic.segment_id for topic in topics})
    with connection.cursor() as cursor:
        cursor.execute(sql.MEMBERS, [array_of(ids), array_of(segment_ids)])
        return {(pk, segment): Stand(pk, key, at) for pk, segment, at, key in cursor.fetchall()}


def _permitted(
    subscriptions: Sequence[Subscription], stands: Mapping[tuple[int, int], Stand], now: datetime
) -> dict[Place, Stand]:
    """Return which keys are to be told as in: members who permit all purposes."""
    ids = sorted({pk for pk, _ in stands})
    purposes = {purpose for each in subscriptions for purpose in each.purposes}
    permitting = {purpose: who_permits(purpose, ids, now) for purpose in sorted(purposes)}
    return {
        Place(each.topic, stand.key): stand
        for each in subscriptions
        for (pk, segment_id), stand in stands.items()
        if segment_id == each.topic.segment_id
        and each.purposes
        and all(pk in permitting[purpose] for purpose in each.purposes)
    }


def who_permits(purpose: str, ids: Sequence[int], now: datetime) -> set[int]:
    """Return which of some people permit a purpose now."""
    if not ids:
        return set()
    gate = fill_named(PERMITTED, {"purpose": purpose, "at": now})
    statement = fill(sql.PERMITTING, ids=array_of(ids), permitted=gate)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return {pk for (pk,) in cursor.fetchall()}


def _exit_reasons(
    exits: Sequence[Place],
    told: Mapping[Place, int],
    stands: Mapping[tuple[int, int], Stand],
    batch: Evaluated,
) -> dict[Place, str]:
    """Say of each exit whether it is the permission that ended, or the profile, or neither."""
    ids = {told[place] for place in exits}
    alive = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "is_restricted"))
    reasons = {}
    for place in exits:
        pk = told[place]
        if pk not in alive:
            reasons[place] = MERGE
        elif alive[pk] or (pk, place.topic.segment_id) in stands:
            reasons[place] = PERMISSION
        else:
            reasons[place] = batch.reason
    return reasons


def _transition(
    each: Subscription, event: str, person: tuple[UUID, int], reason: str, now: datetime
) -> Delivery:
    key, subject_id = person
    body = {"profile": str(key), "segment": each.segment_key, "reason": reason}
    return Delivery(**each.topic._asdict(), **envelope(key, subject_id, event, body, now))


def envelope(
    key: UUID, subject_id: int, event: str, body: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    return {
        "message": uuid7(),
        "key": key,
        "subject_id": subject_id,
        "event": event,
        "body": {"type": str(event), "timestamp": now.isoformat(), "data": body},
        "created_at": now,
    }


def _write(deliveries: Sequence[Delivery], now: datetime) -> None:
    """Insert deliveries in their order, and keep what is told by them."""
    insert_deliveries(deliveries)
    told = {
        (each.webhook_id, each.segment_id, each.key): Told(
            webhook_id=each.webhook_id,
            segment_id=each.segment_id,
            key=each.key,
            subject_id=each.subject_id,
            is_in=each.event == ENTERED,
            message=each.message,
            told_at=now,
        )
        for each in deliveries
    }
    keep_told(list(told.values()))


def _hand_over(told: Mapping[Place, int], wanted: Mapping[Place, Stand]) -> None:
    """Let what was told of a key be of whom has the key now."""
    for place, stand in wanted.items():
        if told.get(place, stand.profile_id) != stand.profile_id:
            rows = Told.objects.filter(
                webhook_id=place.topic.webhook_id, segment_id=place.topic.segment_id, key=place.key
            )
            rows.update(subject_id=stand.profile_id)


def wake_for_expiry(keys: Collection[str], ids: Collection[int], now: datetime) -> None:
    """Have people evaluated at the instant at which a consent that lets them be told ends."""
    purposes = Purpose.objects.filter(key__in=keys).values_list("pk", flat=True)
    if ids:
        with connection.cursor() as cursor:
            parameters: dict[str, Any] = {"ids": array_of(sorted(ids)), "now": now}
            parameters["purposes"] = array_of(purposes)
            cursor.execute(sql.WAKE_FOR_EXPIRY, parameters)


def tell_changes(webhooks: Sequence[Webhook], batch: Evaluated, changes: Iterable[Change]) -> int:
    """Tell of merges, of what was parted, and of consents, as they are now."""
    hearing: dict[str, list[Webhook]] = {
        kind: [webhook for webhook in webhooks if event in webhook.events]
        for kind, event in EVENTS.items()
    }
    heard = [change for change in changes if hearing.get(change.kind)]
    if not heard:
        return 0
    survivors = _survivors({change.profile_id for change in heard})
    written = []
    for change, body in _bodies(heard, survivors, batch.now):
        person = survivors[change.profile_id]
        made = partial(envelope, person.uuid, person.pk, EVENTS[change.kind], body, batch.now)
        written += [Delivery(webhook=each, **made()) for each in hearing[change.kind]]
    _write(written, batch.now)
    return len(written)


def _bodies(
    changes: Sequence[Change], survivors: Mapping[int, Profile], now: datetime
) -> Iterator[tuple[Change, dict[str, Any]]]:
    """Yield what is told of each change once; of people who are gone nothing."""
    ids = {survivors[change.profile_id].pk for change in changes if change.profile_id in survivors}
    states = current_states(ids, at=now)
    purposes = {str(pk): key for pk, key in Purpose.objects.values_list("pk", "key")}
    for change in dict.fromkeys(changes):
        if (person := survivors.get(change.profile_id)) is None:
            continue
        body = {"profile": str(person.uuid)}
        match change.kind:
            case Kind.MERGE:
                yield change, body | {"absorbed": change.reference}
            case Kind.UNMERGE:
                yield change, body | {"parted": change.reference}
            case _ if key := purposes.get(change.reference):
                state = states[person.pk][key]
                until = state["valid_until"]
                state |= {"valid_until": until.isoformat() if until else None}
                yield change, body | {"purpose": key} | state


def _survivors(ids: Collection[int]) -> dict[int, Profile]:
    """Return by former number the profiles that people are now."""
    final = {pk: pk for pk in ids}
    while absorbed := dict(
        Merge.objects.standing()
        .filter(absorbed_id__in=final.values())
        .values_list("absorbed_id", "survivor_id")
    ):
        final = {pk: absorbed.get(now, now) for pk, now in final.items()}
    people = Profile.objects.only("uuid").in_bulk(set(final.values()))
    return {pk: people[now] for pk, now in final.items() if now in people}
