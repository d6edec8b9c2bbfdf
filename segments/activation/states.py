"""What destinations are to have of people, compared with what they were told.

A destination is to have whoever is in one of its segments, permits the purposes of both, and can be
identified by its mapping. It is told the state of a key: of several people who share one, and of
several changes of one, the newest alone waits to be sent.

Invariant: the caller has locked the slots of the people; keys are locked here, in their order,
since people of two slots may share one. An exit names the key that was told, and is written only
where something of it may have left.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from profiles.lib.change_queue import mark_changed
from profiles.models import Profile
from segments.activation.destinations.mapping import fill_mapping
from segments.activation.destinations.people import read_people
from segments.activation.destinations.tools import Tool, load_tool
from segments.activation.handing import Handed, purposes_needed, read_handed, read_permitted
from segments.activation.outbox import (
    ENTERED,
    EVALUATIONS,
    EXITED,
    MERGE,
    PERMISSION,
    Evaluated,
    Subscription,
    as_subscriptions,
    envelope,
    late_reason,
    read_members,
    wake_for_expiry,
    who_permits,
)
from segments.activation.references import digest_of, key_of, seal_reference
from segments.activation.writing import insert_deliveries, keep_told
from segments.models import Delivery, Destination, KeyHolder, Told, WebhookSegment

# Why somebody is sent or sent again who did not enter a segment now.
UPDATE, AUTOMATION = "update", "automation"


# The reasons of which a tool hears that keeps nobody.
NEWS = (*EVALUATIONS, PERMISSION, AUTOMATION)


@dataclass(frozen=True, slots=True)
class Target:
    """A destination with its tool and what it is told of segments."""

    destination: Destination
    tool: Tool
    subscriptions: Sequence[Subscription]


class Presence(NamedTuple):
    """The segments that somebody is sent for: all, and whether one of them lets people in.

    Whom an automation handed over is let in in any case.
    """

    uuid: UUID
    segments: tuple[str, ...]
    is_open: bool
    is_new: bool
    handed: Handed | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a destination is to have of somebody: by which key, and what."""

    profile_id: int
    presence: Presence
    key: UUID
    reference: Mapping[str, Any]
    fields: Mapping[str, Any]
    digest: str


def read_targets(*, pk: UUID | None = None) -> list[Target]:
    """Return the destinations that are written to the outbox, or one of them."""
    rows = Destination.objects.filter(is_behind=False).select_related("purpose")
    return [target_of(each) for each in (rows if pk is None else rows.filter(pk=pk))]


def target_of(destination: Destination) -> Target:
    """Return a destination with its tool and what it is told of segments."""
    rows = WebhookSegment.objects.filter(webhook_id=destination.pk)
    return Target(destination, load_tool(destination.tool), as_subscriptions(rows))


def tell_destinations(batch: Evaluated, *, pk: UUID | None = None) -> int:
    """Compare what destinations were told of some people with what is; return how much follows."""
    return sum(_tell(target, batch) for target in read_targets(pk=pk))


def presences(
    target: Target, ids: Collection[int], now: datetime, *, since: datetime | None = None
) -> dict[int, Presence]:
    """Return who is to be at a destination now, and permits it: members, and those handed over."""
    present = _members(target, ids, now, since=since)
    for pk, (uuid, handed) in read_permitted(target.destination, ids, now).items():
        member = present.get(pk, Presence(uuid, (), is_open=True, is_new=False))
        present[pk] = member._replace(is_open=True, handed=handed)
    return present


def _members(
    target: Target, ids: Collection[int], now: datetime, *, since: datetime | None
) -> dict[int, Presence]:
    """Return who is in a destination's segments now and permits all their purposes."""
    subscriptions = [each for each in target.subscriptions if each.purposes]
    topics = {each.topic for each in subscriptions}
    stands = read_members(topics, list(ids)) if topics else {}
    people = sorted({pk for pk, _ in stands})
    purposes = {purpose for each in subscriptions for purpose in each.purposes}
    permitting = {purpose: who_permits(purpose, people, now) for purpose in sorted(purposes)}
    present: dict[int, list[tuple[Subscription, Any]]] = {}
    for each in subscriptions:
        for (pk, segment_id), stand in stands.items():
            permits = all(pk in permitting[purpose] for purpose in each.purposes)
            if segment_id == each.topic.segment_id and permits:
                present.setdefault(pk, []).append((each, stand))
    priority = target.destination.priority
    return {
        pk: Presence(
            uuid=pairs[0][1].key,
            segments=tuple(sorted(each.segment_key for each, _ in pairs)),
            is_open=any(each.is_open for each, _ in pairs),
            is_new=since is not None and all(stand.entered_at >= since for _, stand in pairs),
        )
        for pk, all_pairs in present.items()
        for pairs in [_by_priority(all_pairs, priority)]
    }


def _by_priority(
    pairs: list[tuple[Subscription, Any]], priority: Sequence[str]
) -> list[tuple[Subscription, Any]]:
    """Return what somebody is sent for: of the segments that have a priority the first alone."""
    ranked = {each.segment_key for each, _ in pairs} & set(priority)
    first = min(ranked, key=priority.index, default=None)
    return [pair for pair in pairs if pair[0].segment_key not in ranked - {first}]


def wishes_of(
    target: Target, ids: Collection[int], now: datetime, *, since: datetime | None = None
) -> dict[int, Wish]:
    """Return what a destination is to have of some people, by profile."""
    present = presences(target, ids, now, since=since)
    segments = {pk: each.segments for pk, each in present.items()}
    documents = read_people(list(present), segments, only_vouched=target.destination.only_vouched)
    wishes = {}
    for pk, document in documents.items():
        if (wish := _wish(target, pk, present[pk], document)) is not None:
            wishes[pk] = wish
    return wishes


def prepared(tool: Tool, mapping: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent of a person, as the mapping finds it and the tool normalises it."""
    return tool.prepare(fill_mapping(mapping, document))


def reference_of(tool: Tool, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tool knows somebody by: the first field of those that identify; or nothing."""
    names = (name for name in tool.identifies if name in fields)
    return {name: fields[name] for name in list(names)[:1]}


def _wish(target: Target, pk: int, presence: Presence, document: Mapping[str, Any]) -> Wish | None:
    fields = prepared(target.tool, target.destination.mapping, document)
    reference = reference_of(target.tool, fields)
    if not reference:
        return None
    destination_id = target.destination.pk
    # What is no state is told once, whatever changes of the person.
    content = fields if target.tool.is_state else reference
    digest = digest_of(destination_id, content)
    return Wish(pk, presence, key_of(destination_id, reference), reference, fields, digest)


@dataclass(slots=True)
class _Comparison:
    """The keys of one destination that a batch is about, locked, and who has them."""

    target: Target
    wishes: dict[int, Wish]
    held: dict[int, UUID]
    told: dict[UUID, Told]
    others: dict[UUID, int]

    @property
    def wanted(self) -> dict[UUID, Wish]:
        """By key the wish that counts: that of whom it was told of, else the newest person's."""
        wanted = {self.wishes[pk].key: self.wishes[pk] for pk in sorted(self.wishes)}
        for key, row in self.told.items():
            wish = self.wishes.get(row.subject_id)
            if wish is not None and wish.key == key:
                wanted[key] = wish
        return wanted

    @property
    def left(self) -> dict[UUID, int]:
        """The keys that somebody had and has no more, each with whom."""
        return {
            key: pk
            for pk, key in self.held.items()
            if pk not in self.wishes or self.wishes[pk].key != key
        }


def _tell(target: Target, batch: Evaluated) -> int:
    comparison = _compare(target, batch)
    if not comparison.held and not comparison.wishes:
        return 0
    written = [*_exits(comparison, batch), *_entries(comparison, batch)]
    _keep_holders(comparison)
    _write(target, written, comparison.wanted, batch.now)
    _pass_on(comparison)
    wake_for_expiry(_purposes(comparison), set(comparison.wishes), batch.now)
    return len(written)


def _purposes(comparison: _Comparison) -> set[str]:
    """Return the purposes whose end may take out one of the people."""
    target = comparison.target
    handed = [wish.presence.handed for wish in comparison.wishes.values() if wish.presence.handed]
    of_segments = {purpose for each in target.subscriptions for purpose in each.purposes}
    return of_segments.union(*(purposes_needed(target.destination, each) for each in handed))


def _compare(target: Target, batch: Evaluated) -> _Comparison:
    wishes = wishes_of(target, batch.ids, batch.now, since=batch.now)
    holders = KeyHolder.objects.filter(webhook_id=target.destination.pk)
    held = dict(holders.filter(subject_id__in=list(batch.ids)).values_list("subject_id", "key"))
    keys = {wish.key for wish in wishes.values()} | set(held.values())
    rows = Told.objects.filter(webhook_id=target.destination.pk, segment=None, key__in=keys)
    told = {row.key: row for row in rows.order_by("key").select_for_update()}
    # Read once the keys are locked: another worker may have been at them.
    apart = holders.filter(key__in=keys).exclude(subject_id__in=list(batch.ids))
    return _Comparison(target, wishes, held, told, dict(apart.values_list("key", "subject_id")))


def _exits(comparison: _Comparison, batch: Evaluated) -> list[Delivery]:
    """Write the exits of keys that nobody has any more; of what never left there is none."""
    left = comparison.left
    keys = [
        key
        for key in sorted(left)
        if key not in comparison.wanted
        and key not in comparison.others
        and (row := comparison.told.get(key)) is not None
        and row.is_in
    ]
    rows = Delivery.objects.filter(webhook_id=comparison.target.destination.pk, key__in=keys)
    waiting = rows.filter(state=Delivery.State.PENDING)
    waiting.filter(lease=None).update(state=Delivery.State.REPLACED, finished_at=batch.now)
    on_their_way = set(waiting.values_list("key", flat=True))
    sent = {key for key in keys if comparison.told[key].sent_at or key in on_their_way}
    if not comparison.target.tool.is_state:
        sent = set()
    unsent = [comparison.told[key].pk for key in keys if key not in sent]
    Told.objects.filter(pk__in=unsent).update(is_in=False, told_at=batch.now)
    people = {key: left[key] for key in keys if key in sent}
    reasons = _exit_reasons(comparison.target, people.values(), batch)
    uuids = dict(Profile.objects.filter(pk__in=people.values()).values_list("pk", "uuid"))
    bodies = {
        pk: {"reason": reasons[pk]} | ({"profile": str(uuids[pk])} if pk in uuids else {})
        for pk in people.values()
    }
    return [
        _delivery(comparison.target, key, pk, EXITED, bodies[pk], batch.now)
        for key, pk in people.items()
    ]


def _exit_reasons(target: Target, ids: Iterable[int], batch: Evaluated) -> dict[int, str]:
    """Say of each exit whether it is the permission that ended, or the profile, or neither."""
    people = list(ids)
    alive = dict(Profile.objects.filter(pk__in=people).values_list("pk", "is_restricted"))
    topics = {each.topic for each in target.subscriptions}
    members = {pk for pk, _ in read_members(topics, people)} if people and topics else set()
    members |= read_handed(target.destination, people).keys()
    return {
        pk: MERGE if pk not in alive else PERMISSION if alive[pk] or pk in members else batch.reason
        for pk in people
    }


def _entries(comparison: _Comparison, batch: Evaluated) -> list[Delivery]:
    """Write the entries of keys that are not told, and what changed of those that are."""
    written = []
    for key, wish in sorted(comparison.wanted.items()):
        row = comparison.told.get(key)
        if not wish.presence.is_open:
            continue
        if row is not None and row.is_in:
            is_theirs = row.subject_id == wish.profile_id or key not in comparison.others
            if row.digest == wish.digest or not is_theirs:
                continue
            reason = UPDATE
        else:
            reason = _entry_reason(wish.presence, row, batch)
        if not comparison.target.tool.is_state and reason not in NEWS:
            continue
        body = {"segments": list(wish.presence.segments), "reason": reason}
        body |= {"profile": str(wish.presence.uuid)}
        written.append(_delivery(comparison.target, key, wish.profile_id, ENTERED, body, batch.now))
    return written


def _entry_reason(presence: Presence, row: Told | None, batch: Evaluated) -> str:
    """Say whether somebody entered a segment, was handed over since, or what else let them in."""
    if presence.is_new:
        return batch.reason
    if presence.handed and (row is None or row.told_at < presence.handed.at):
        return AUTOMATION
    return late_reason(batch)


def _delivery(
    target: Target, key: UUID, pk: int, event: str, body: Mapping[str, Any], now: datetime
) -> Delivery:
    return Delivery(webhook_id=target.destination.pk, **envelope(key, pk, event, body, now))


def _keep_holders(comparison: _Comparison) -> None:
    """Keep who has which key."""
    webhook_id = comparison.target.destination.pk
    left = comparison.left
    if left:
        holders = KeyHolder.objects.filter(webhook_id=webhook_id, key__in=left)
        holders.filter(subject_id__in=left.values()).delete()
    new = [
        KeyHolder(webhook_id=webhook_id, key=wish.key, subject_id=pk)
        for pk, wish in sorted(comparison.wishes.items())
        if comparison.held.get(pk) != wish.key
    ]
    KeyHolder.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)


def _write(
    target: Target, written: Sequence[Delivery], wanted: Mapping[UUID, Wish], now: datetime
) -> None:
    """Insert deliveries in the place of those that wait, and keep what is told by them."""
    entries = [each for each in written if each.event == ENTERED]
    if target.tool.is_state:
        rows = Delivery.objects.filter(webhook_id=target.destination.pk, lease=None)
        waiting = rows.filter(state=Delivery.State.PENDING, key__in=[each.key for each in entries])
        waiting.update(state=Delivery.State.REPLACED, finished_at=now)
    insert_deliveries(written)
    _keep_told(target, {each.key: each.message for each in entries}, wanted, now)
    exits = {each.key: each.message for each in written if each.event == EXITED}
    for key in sorted(exits):
        Told.objects.filter(webhook_id=target.destination.pk, segment=None, key=key).update(
            is_in=False, message=exits[key], told_at=now
        )


def _keep_told(
    target: Target, messages: Mapping[UUID, UUID], wanted: Mapping[UUID, Wish], now: datetime
) -> None:
    keep_told(
        [
            Told(
                webhook_id=target.destination.pk,
                key=key,
                subject_id=wanted[key].profile_id,
                is_in=True,
                message=message,
                told_at=now,
                digest=wanted[key].digest,
                sealed_reference=seal_reference(wanted[key].reference),
            )
            for key, message in messages.items()
        ]
    )


def _pass_on(comparison: _Comparison) -> None:
    """Let what was told of a key be of somebody who has it; who has it now is evaluated, too."""
    heirs = {key: comparison.others[key] for key in comparison.left if key in comparison.others}
    owners = heirs | {key: wish.profile_id for key, wish in comparison.wanted.items()}
    for key, pk in sorted(owners.items()):
        row = comparison.told.get(key)
        is_left = row is not None and comparison.held.get(row.subject_id) == key
        if row is not None and row.subject_id != pk and (is_left or key not in comparison.others):
            Told.objects.filter(pk=row.pk).update(subject_id=pk)
    mark_changed(heirs.values())
