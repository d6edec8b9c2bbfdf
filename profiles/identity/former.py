"""Former profiles: what is parted again takes its old number and its old public UUID back.

Invariant: a merge stands while both its sides are in one profile. The caller holds the people lock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple
from uuid import UUID

from django.db.models import Max, Min

from profiles.identity.engine import PROFILE
from profiles.identity.replay import StoredIdentifier
from profiles.lib.change_queue import mark_changes
from profiles.lib.database import any_of
from profiles.models import (
    DecisionVerdict,
    EventStat,
    Identifier,
    IdentityDecision,
    Merge,
    Profile,
    ProfileChange,
)


class Former(NamedTuple):
    """A profile that a merge absorbed: its number, and the identifier that is its public UUID."""

    profile_id: int
    identifier: StoredIdentifier


def former_profiles(
    clusters: Mapping[int, Sequence[StoredIdentifier]], stored: Collection[StoredIdentifier]
) -> dict[int, Former]:
    """Return the former profile of each of the clusters that had one, by the cluster's number.

    Of several it is the one created first, and no two clusters get the same.
    """
    profile_ids = {identifier.profile_id for identifier in stored if identifier.profile_id}
    if not clusters:
        return {}
    merges = Merge.objects.standing().filter(any_of("survivor_id", profile_ids))
    own = set(Profile.objects.filter(any_of("id", profile_ids)).values_list("uuid", flat=True))
    uuids = {
        identifier.ref.value: identifier
        for identifier in stored
        if identifier.ref.namespace == PROFILE
    }
    free = [merge for merge in merges.order_by("absorbed_id") if merge.absorbed_uuid not in own]
    former: dict[int, Former] = {}
    for number, identifiers in clusters.items():
        ids = {identifier.id for identifier in identifiers}
        for merge in free:
            uuid = uuids.get(str(merge.absorbed_uuid))
            if uuid is not None and not ids.isdisjoint(merge.absorbed_identifier_ids):
                former[number] = Former(merge.absorbed_id, uuid)
                free.remove(merge)
                break
    return former


def settle_merges(profile_ids: Iterable[int], *, now: datetime) -> None:
    """End the merges whose sides are parted, and let the others be of whom has both sides now."""
    merges = list(Merge.objects.standing().filter(any_of("survivor_id", profile_ids)))
    ids = {pk for merge in merges for pk in _sides(merge)}
    profile_of = dict(Identifier.objects.filter(any_of("id", ids)).values_list("pk", "profile_id"))
    for merge in merges:
        survivors, absorbed = (
            {profile_of[pk] for pk in side if profile_of.get(pk) is not None}
            for side in (merge.survivor_identifier_ids, merge.absorbed_identifier_ids)
        )
        if common := survivors & absorbed:
            if merge.survivor_id not in common:
                Merge.objects.filter(pk=merge.pk).update(survivor_id=min(common))
        elif survivors and absorbed:
            Merge.objects.filter(pk=merge.pk).update(undone_at=now)
            other = str(merge.absorbed_uuid)
            mark_changes(
                ProfileChange.Kind.UNMERGE, [(profile_id, other) for profile_id in survivors]
            )


def _sides(merge: Merge) -> list[int]:
    return [*merge.survivor_identifier_ids, *merge.absorbed_identifier_ids]


def date_profiles(profile_ids: Iterable[int]) -> None:
    """Let new profiles be seen since their identifiers were, until their latest event."""
    ids = list(profile_ids)
    identifiers = Identifier.objects.filter(profile__in=ids).values("profile_id")
    events = EventStat.objects.filter(profile__in=ids).values("profile_id")
    latest = {row["profile_id"]: row["at"] for row in events.annotate(at=Max("last_at"))}
    for row in identifiers.annotate(first=Min("first_seen_on"), last=Max("last_seen_on")):
        seen_at = [datetime.combine(day, time.min, UTC) for day in (row["first"], row["last"])]
        Profile.objects.filter(pk=row["profile_id"]).update(
            first_seen_at=seen_at[0],
            last_seen_at=latest.get(row["profile_id"], seen_at[1]),
        )


def name_profiles(profile_ids: Iterable[int]) -> None:
    """Give profiles the public UUID that the newest of their decisions names.

    A UUID that a decision named and no longer names yields to that of the profile created first.
    """
    numbers = _named_uuids()
    if not numbers:
        return
    uuids: dict[int, list[str]] = {}
    identifiers = Identifier.objects.filter(profile__in=profile_ids, namespace=PROFILE)
    for profile_id, value in identifiers.values_list("profile_id", "value"):
        uuids.setdefault(profile_id or 0, []).append(value)
    for profile in Profile.objects.filter(pk__in=uuids):
        own = sorted(uuids[profile.pk])  # version 7: in order of creation
        standing = [value for value in own if numbers.get(value)]
        chosen = max(standing, key=lambda value: numbers[value], default="")
        if not chosen and str(profile.uuid) in numbers:
            chosen = own[0]
        if chosen and chosen != str(profile.uuid):
            Profile.objects.filter(pk=profile.pk).update(uuid=UUID(chosen))


def _named_uuids() -> dict[str, int]:
    """Return the UUIDs that decisions ever named, each with the newest that stands, or 0."""
    decisions = IdentityDecision.objects.filter(
        verdict=DecisionVerdict.SAME, survivor__isnull=False
    )
    numbers: dict[str, int] = {}
    for uuid, number, ended_at in decisions.values_list("survivor", "pk", "ended_at"):
        standing = 0 if ended_at else number
        numbers[str(uuid)] = max(standing, numbers.get(str(uuid), 0))
    return numbers
