"""People whom automations hand to destinations, beside those who are in a destination's segments.

Invariant: whoever writes here holds the people lock, and has the person evaluated again, which
writes what the destination is told. Rows hang on the public UUID: after an unmerge each has their
own again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent.models import Purpose
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.models import Identifier, Profile
from segments.activation.outbox import who_permits
from segments.lib.people_by_key import holders_of_keys, keys_of_people
from segments.models import Destination, HandedPerson, Webhook

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Handed:
    """That somebody was handed over: for which purposes, and when last."""

    purposes: frozenset[str]
    at: datetime


def hand_over(
    destination: Destination, person: Profile, *, purpose: Purpose, now: datetime
) -> None:
    """Have a destination get somebody, for as long as they permit it, until they are taken back."""
    HandedPerson.objects.update_or_create(
        webhook=destination, key=person.uuid, purpose=purpose, defaults={"handed_at": now}
    )
    mark_changed([person.pk])


def take_back(destination: Destination, person: Profile) -> None:
    """Undo what any automation handed over. Whoever is in a segment of the destination stays."""
    keys = keys_of_people([person.pk])[person.pk]
    if HandedPerson.objects.filter(webhook=destination, key__in=keys).delete()[0]:
        mark_changed([person.pk])


def read_handed(destination: Destination, ids: Collection[int]) -> dict[int, Handed]:
    """Return which of some people were handed to a destination, permitted or not."""
    rows = HandedPerson.objects.filter(webhook_id=destination.pk)
    if not ids or not rows.exists():
        return {}
    holders = holders_of_keys(ids)
    grouped: dict[int, list[tuple[str, datetime]]] = defaultdict(list)
    columns = rows.filter(key__in=holders).values_list("key", "purpose__key", "handed_at")
    for key, purpose, at in columns:
        grouped[holders[key]].append((purpose, at))
    return {
        pk: Handed(frozenset(purpose for purpose, _ in pairs), max(at for _, at in pairs))
        for pk, pairs in grouped.items()
    }


def read_permitted(
    destination: Destination, ids: Collection[int], now: datetime
) -> dict[int, tuple[UUID, Handed]]:
    """Return who was handed over and permits it now, each with their public id.

    They permit the purpose of the destination, and one of those that they were handed over for.
    """
    handed = read_handed(destination, ids)
    purposes = _purposes_of(destination) | {p for each in handed.values() for p in each.purposes}
    people = sorted(handed)
    permitting = {purpose: who_permits(purpose, people, now) for purpose in sorted(purposes)}
    permitted = {}
    for pk, each in handed.items():
        own = frozenset(purpose for purpose in each.purposes if pk in permitting[purpose])
        if own and all(pk in permitting[purpose] for purpose in _purposes_of(destination)):
            permitted[pk] = Handed(own, each.at)
    uuids = Profile.objects.filter(pk__in=permitted).values_list("pk", "uuid") if permitted else ()
    return {pk: (uuid, permitted[pk]) for pk, uuid in uuids}


def _purposes_of(destination: Destination) -> frozenset[str]:
    return frozenset({destination.purpose.key} if destination.purpose else ())


def purposes_needed(destination: Destination, handed: Handed) -> frozenset[str]:
    """Return the purposes that let somebody be sent who was handed over."""
    return _purposes_of(destination) | handed.purposes


def handed_people(webhook: Webhook) -> Iterator[list[int]]:
    """Yield the profiles that were handed to a destination, in batches."""
    rows = HandedPerson.objects.filter(webhook_id=webhook.pk).order_by("key")
    keys = list(rows.values_list("key", flat=True).distinct())
    for part in batches(keys, _BATCH):
        identifiers = Identifier.objects.filter(
            namespace="profile", value__in=[str(key) for key in part], profile_id__isnull=False
        )
        yield [pk for pk in identifiers.values_list("profile_id", flat=True) if pk is not None]


def compare_handed(webhook: Webhook) -> None:
    """Have a destination told what it was not of those who were handed over."""
    for ids in handed_people(webhook):
        mark_changed(ids)
