"""Reassigning identifiers after facts were deleted or decisions made, by a replay of the facts.

Invariant: what is stored afterwards is what a replay of the remaining facts under the standing
decisions gives, as if they had stood from the start. The caller holds the people lock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection
from django.db.models import Max
from uuid_utils.compat import uuid7

from profiles.derived import derive
from profiles.identity import sql
from profiles.identity.engine import PROFILE, IdentityState
from profiles.identity.facts import MergeRule
from profiles.identity.former import (
    Former,
    date_profiles,
    former_profiles,
    name_profiles,
    settle_merges,
)
from profiles.identity.replay import (
    StoredIdentifier,
    read_configuration,
    replay_facts,
    stored_identifiers,
)
from profiles.identity.store import delete_profiles
from profiles.identity.stored_facts import facts_naming_any
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import any_of, array_of
from profiles.models import Identifier, IdentityFact, Profile
from profiles.registry import IdentifierMove, registry

# The identifiers of each replayed profile, by its number in the replay.
Clusters = Mapping[int, Sequence[StoredIdentifier]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the replay changes of the stored profiles.

    `targets` has the stored profile of each cluster, `absorbed` the survivor of each profile that
    ceases to exist, by `cause`, and `former` the profiles that exist again.
    """

    clusters: Clusters
    targets: Mapping[int, int]
    absorbed: Mapping[int, int]
    former: Sequence[Former]
    cause: MergeRule


def resettle(
    profile_ids: Iterable[int], *, now: datetime, cause: MergeRule = MergeRule.ERASURE
) -> set[int]:
    """Replay the components of these profiles and move identifiers to where they belong now.

    Profiles may split, and may even merge, by `cause`. What is parted gets the number and public
    UUID back that it had before a merge. Returns the profiles that were created.
    """
    profiles = set(profile_ids)
    return resettle_components(components_of(profiles), profiles, now=now, cause=cause)


def components_of(profile_ids: Iterable[int]) -> set[int]:
    """Return the components of these profiles, whose facts may name other people too."""
    identifiers = Identifier.objects.filter(profile__in=profile_ids)
    return set(identifiers.values_list("component", flat=True))


def resettle_components(
    components: set[int],
    changed: Collection[int],
    *,
    now: datetime,
    cause: MergeRule = MergeRule.ERASURE,
) -> set[int]:
    """Replay components as `resettle` does, for callers that noted them before an erasure.

    `changed` are the profiles of which rows were deleted, or about which was decided.
    """
    stored = stored_identifiers(Identifier.objects.filter(component__in=components))
    if not stored:
        return set()
    state, ids_in_facts = _replay(stored, components)
    return settle(stored, state, ids_in_facts, changed, cause=cause, now=now).created


@dataclass(frozen=True, slots=True)
class Settled:
    """The profiles that were created, and how many identifiers went to another profile."""

    created: set[int]
    moved: int


def settle(
    stored: Mapping[int, StoredIdentifier],
    state: IdentityState,
    ids_in_facts: AbstractSet[int],
    changed: Collection[int] = (),
    *,
    cause: MergeRule,
    now: datetime,
) -> Settled:
    """Move the identifiers of whole components to where a replayed state has them.

    `ids_in_facts` are those that the replayed facts name. Derived again are the profiles that are
    `changed` otherwise and those whose identifiers do not stay as they are. The others may be very
    many, and their rows are what they were.
    """
    before = {identifier.profile_id for identifier in stored.values() if identifier.profile_id}
    name_profiles(before)
    _set_alone([stored[pk] for pk in ids_in_facts & stored.keys()], state)
    plan = _plan(_clusters(stored.values(), state), stored.values(), cause, now)
    targets = set(plan.targets.values())
    moves = [*_identifier_moves(plan), *_uuid_moves(stored.values(), plan)]
    revouched = _update_identifiers(stored, state, plan)
    _follow_moves(moves, plan, now)
    ours = (before | targets).intersection(changed)
    touched = revouched.union(ours, *((move.origin, move.target) for move in moves))
    settle_merges(touched, now=now)
    name_profiles(touched - plan.absorbed.keys())
    derive(touched)
    created = targets - before
    date_profiles(created)
    mark_changed(touched - plan.absorbed.keys())
    registry.revouch(revouched - plan.absorbed.keys())
    return Settled(created, len(moves))


def _replay(
    stored: Mapping[int, StoredIdentifier], components: set[int]
) -> tuple[IdentityState, set[int]]:
    """Return the state that facts give, and all identifiers that these name."""
    facts = facts_naming_any(stored)
    # Facts also name quarantined identifiers of other components.
    ids_in_facts = {identifier_id for fact in facts for identifier_id in fact.identifier_ids}
    others = stored_identifiers(
        Identifier.objects.filter(any_of("id", ids_in_facts - stored.keys()))
    )
    state = replay_facts(facts, {**stored, **others}, read_configuration(), components)
    return state, ids_in_facts


def _set_alone(stored: Iterable[StoredIdentifier], state: IdentityState) -> None:
    """Give an identifier that had a profile and that its facts lose a profile of its own.

    Events, consents and traits may hang on it, which need somebody. What no fact names stays.
    """
    homeless = [
        identifier
        for identifier in stored
        if identifier.profile_id is not None
        and identifier.ref.namespace != PROFILE
        and state.assignment_of(identifier.ref) is None
    ]
    if homeless:
        last_seq = IdentityFact.objects.aggregate(last=Max("seq"))["last"] or 0
        alone = Identifier.objects.filter(pk__in=[identifier.id for identifier in homeless])
        alone.update(alone_seq=last_seq)
    for identifier in homeless:
        state.assign(identifier.ref, state.allocate(), False, identifier.since)


def _clusters(stored: Iterable[StoredIdentifier], state: IdentityState) -> Clusters:
    """Group the identifiers by replayed profile, the profile created first coming first."""
    clusters: dict[int, list[StoredIdentifier]] = defaultdict(list)
    for identifier in stored:
        number = state.profile_of(identifier.ref)
        if identifier.ref.namespace != PROFILE and number is not None:
            clusters[number].append(identifier)
    return dict(sorted(clusters.items()))


def _plan(
    clusters: Clusters, stored: Collection[StoredIdentifier], cause: MergeRule, now: datetime
) -> _Plan:
    """Choose the stored profile of each cluster and create those that are missing.

    It is the oldest profile with any of the cluster's identifiers that no other cluster got.
    """
    targets: dict[int, int] = {}
    taken: set[int] = set()
    without_profile: dict[int, Sequence[StoredIdentifier]] = {}
    for number, identifiers in clusters.items():
        profile_ids = {identifier.profile_id for identifier in identifiers if identifier.profile_id}
        if free := profile_ids - taken:
            targets[number] = min(free)
            taken.add(targets[number])
        else:
            without_profile[number] = identifiers
    former = former_profiles(without_profile, stored)
    _recreate_profiles(former.values(), now)
    targets |= {number: profile.profile_id for number, profile in former.items()}
    anchors = {
        number: identifiers[0]
        for number, identifiers in without_profile.items()
        if number not in former
    }
    targets |= _create_profiles(anchors, now)
    return _Plan(
        clusters, targets, _absorbed_profiles(clusters, targets), list(former.values()), cause
    )


def _recreate_profiles(former: Iterable[Former], now: datetime) -> None:
    """Insert the profiles that exist again. Their public UUIDs move with the other identifiers."""
    rows = [(profile.profile_id, profile.identifier.ref.value) for profile in former]
    if rows:
        ids, uuids = (array_of(column) for column in zip(*rows, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(sql.INSERT_PROFILES, [now, now, ids, uuids])


def _create_profiles(anchors: Mapping[int, StoredIdentifier], now: datetime) -> dict[int, int]:
    """Create a profile for each anchor, whose component its public UUID joins."""
    if not anchors:
        return {}
    uuids = [uuid7() for _ in anchors]
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_PROFILE_IDS, [len(anchors)])
        profile_ids = [profile_id for (profile_id,) in cursor.fetchall()]
        cursor.execute(sql.INSERT_PROFILES, [now, now, profile_ids, uuids])
        days: list[date] = [now.astimezone(UTC).date()] * len(anchors)
        anchor_ids = [anchor.id for anchor in anchors.values()]
        cursor.execute(
            sql.INSERT_PROFILE_IDENTIFIERS,
            [[str(uuid) for uuid in uuids], profile_ids, anchor_ids, days],
        )
    return dict(zip(anchors, profile_ids, strict=True))


def _absorbed_profiles(clusters: Clusters, targets: Mapping[int, int]) -> dict[int, int]:
    """Return the profiles that no cluster got, each with the profile that absorbs it."""
    absorbed: dict[int, int] = {}
    kept = set(targets.values())
    for number, identifiers in clusters.items():
        for identifier in identifiers:
            if identifier.profile_id is not None and identifier.profile_id not in kept:
                # The oldest cluster with any of its identifiers: clusters come in that order.
                absorbed.setdefault(identifier.profile_id, targets[number])
    return absorbed


def _identifier_moves(plan: _Plan) -> list[IdentifierMove]:
    return [
        IdentifierMove(identifier.id, identifier.profile_id, plan.targets[number])
        for number, identifiers in plan.clusters.items()
        for identifier in identifiers
        if identifier.profile_id is not None and identifier.profile_id != plan.targets[number]
    ]


def _uuid_moves(stored: Iterable[StoredIdentifier], plan: _Plan) -> list[IdentifierMove]:
    """Return the moves of public UUIDs, which no fact assigns: they follow their profile."""
    targets = _uuid_targets(stored, plan)
    return [
        IdentifierMove(identifier.id, identifier.profile_id, targets[identifier.id])
        for identifier in stored
        if identifier.id in targets and identifier.profile_id is not None
    ]


def _uuid_targets(stored: Iterable[StoredIdentifier], plan: _Plan) -> dict[int, int]:
    """Return the new profile of each public UUID that moves, by the id of the identifier."""
    targets = {
        identifier.id: plan.absorbed[identifier.profile_id]
        for identifier in stored
        if identifier.ref.namespace == PROFILE
        and identifier.profile_id is not None
        and identifier.profile_id in plan.absorbed
    }
    return targets | {former.identifier.id: former.profile_id for former in plan.former}


def _update_identifiers(
    stored: Mapping[int, StoredIdentifier], state: IdentityState, plan: _Plan
) -> set[int]:
    """Write what differs from what is stored; return whose identifiers gained or lost a voucher.

    An identifier that had no profile counts as one that did.
    """
    rows: list[tuple[int, int, bool, date]] = []
    revouched: set[int] = set()
    uuid_targets = _uuid_targets(stored.values(), plan)
    for identifier in stored.values():
        assignment = state.assignment_of(identifier.ref)
        if identifier.ref.namespace == PROFILE:
            if (uuid_target := uuid_targets.get(identifier.id)) is not None:
                rows.append((identifier.id, uuid_target, identifier.is_vouched, identifier.since))
        elif assignment is not None:
            row = (plan.targets[assignment.profile], assignment.is_vouched, assignment.since)
            if row != (identifier.profile_id, identifier.is_vouched, identifier.since):
                rows.append((identifier.id, *row))
            if row[1] != identifier.is_vouched or identifier.profile_id is None:
                revouched.add(row[0])
    if rows:
        with connection.cursor() as cursor:
            columns = [array_of(column) for column in zip(*rows, strict=True)]
            cursor.execute(sql.RESETTLE_IDENTIFIERS, columns)
    return revouched


def _follow_moves(moves: Sequence[IdentifierMove], plan: _Plan, now: datetime) -> None:
    """Move the rows of every app after the identifiers, then delete the absorbed profiles."""
    if plan.absorbed:
        _insert_merges(plan, now)
    registry.follow(moves, [(survivor, absorbed) for absorbed, survivor in plan.absorbed.items()])
    # Last: rows of other apps point at these profiles until they are moved.
    delete_profiles(plan.absorbed)


def _insert_merges(plan: _Plan, now: datetime) -> None:
    """Store a merge for each absorbed profile, with the identifiers that each side has.

    Consents are folded for each side apart, so that a merge permits nothing new.
    """
    clusters = {target: plan.clusters[number] for number, target in plan.targets.items()}
    uuids = dict(Profile.objects.filter(pk__in=plan.absorbed).values_list("pk", "uuid"))
    with connection.cursor() as cursor, cursor.copy(sql.COPY_MERGES) as copy:
        for absorbed, survivor in plan.absorbed.items():
            survivor_side, absorbed_side = (
                sorted(
                    identifier.id
                    for identifier in clusters[survivor]
                    if (identifier.profile_id == absorbed) == is_absorbed_side
                )
                for is_absorbed_side in (False, True)
            )
            copy.write_row(
                (
                    survivor,
                    absorbed,
                    uuids[absorbed],
                    array_of(survivor_side),
                    array_of(absorbed_side),
                    None,  # no fact: a deletion of facts or a decision made this merge
                    plan.cause,
                    "identity",
                    now,
                )
            )
