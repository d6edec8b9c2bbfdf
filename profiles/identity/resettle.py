"""After facts were taken away: everybody gets the identifiers that the facts that are left give him.

Invariant: what is stored afterwards is what a replay of the remaining facts gives, as if the others had never been told.
The caller holds the people lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from django.db import connection
from uuid_utils.compat import uuid7

from profiles.derived import derive
from profiles.identity import sql
from profiles.identity.engine import PROFILE, IdentityState
from profiles.identity.replay import (
    StoredFact,
    StoredIdentifier,
    read_configuration,
    replay_facts,
    stored_identifiers,
)
from profiles.identity.store import delete_profiles
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import array_of
from profiles.models import Identifier, Profile
from profiles.registry import IdentifierMove, registry

Clusters = Mapping[int, Sequence[StoredIdentifier]]


def resettle(profile_ids: Iterable[int], *, now: datetime) -> set[int]:
    """Replay the components of these profiles, and move what belongs elsewhere: some split, and some may even join.

    Returns the profiles that were made.
    """
    held = Identifier.objects.filter(profile__in=profile_ids)
    components = set(held.values_list("component", flat=True))
    stored = stored_identifiers(Identifier.objects.filter(component__in=components))
    if not stored:
        return set()
    state = _replayed(stored, components)
    clusters = _clusters(stored.values(), state)
    targets = _targets(clusters, now)
    moves = _moves(clusters, targets)
    ceased = _ceased(clusters, targets)
    moves += _uuid_moves(stored.values(), ceased)
    _update(stored, state, targets, ceased)
    _move(moves, ceased, clusters, targets, now)
    touched = set(targets.values()).union(move.origin for move in moves)
    derive(touched)
    mark_changed(touched - ceased.keys())
    return set(targets.values()) - {one.profile_id for one in stored.values()}


def _replayed(stored: Mapping[int, StoredIdentifier], components: set[int]) -> IdentityState:
    with connection.cursor() as cursor:
        cursor.execute(sql.FACTS_OF_IDENTIFIERS, [list(stored)])
        facts = [StoredFact(0, *row) for row in cursor.fetchall()]
    mentioned = {number for fact in facts for number in fact.identifier_ids}
    others = stored_identifiers(Identifier.objects.filter(pk__in=mentioned - stored.keys()))
    return replay_facts(facts, stored | others, read_configuration(), components)


def _clusters(stored: Iterable[StoredIdentifier], state: IdentityState) -> Clusters:
    """Who belongs together, by number of the replay, the person created first coming first."""
    clusters: dict[int, list[StoredIdentifier]] = defaultdict(list)
    for one in stored:
        person = state.profile_of(one.ref)
        if one.ref.namespace != PROFILE and person is not None:
            clusters[person].append(one)
    return dict(sorted(clusters.items()))


def _targets(clusters: Clusters, now: datetime) -> dict[int, int]:
    """The profile of each person: the oldest that holds any of him and is not taken yet, else a new one."""
    targets: dict[int, int] = {}
    homeless: list[int] = []
    for person, members in clusters.items():
        free = {one.profile_id for one in members if one.profile_id} - set(targets.values())
        if free:
            targets[person] = min(free)
        else:
            homeless.append(person)
    return targets | _new_profiles({person: clusters[person][0] for person in homeless}, now)


def _new_profiles(anchors: Mapping[int, StoredIdentifier], now: datetime) -> dict[int, int]:
    if not anchors:
        return {}
    uuids = [uuid7() for _ in anchors]
    with connection.cursor() as cursor:
        cursor.execute(sql.PROFILE_NUMBERS, [len(anchors)])
        numbers = [number for (number,) in cursor.fetchall()]
        cursor.execute(sql.INSERT_PROFILES, [now, now, numbers, uuids])
        days: list[date] = [now.astimezone(UTC).date()] * len(anchors)
        ids = [anchor.id for anchor in anchors.values()]
        cursor.execute(
            sql.INSERT_PROFILE_IDENTIFIERS, [[str(uuid) for uuid in uuids], numbers, ids, days]
        )
    return dict(zip(anchors, numbers, strict=True))


def _moves(clusters: Clusters, targets: Mapping[int, int]) -> list[IdentifierMove]:
    return [
        IdentifierMove(one.id, one.profile_id, targets[person])
        for person, members in clusters.items()
        for one in members
        if one.profile_id is not None and one.profile_id != targets[person]
    ]


def _ceased(clusters: Clusters, targets: Mapping[int, int]) -> dict[int, int]:
    """Profiles all of whose identifiers went elsewhere, and the profile that takes them up."""
    ceased: dict[int, int] = {}
    for person, members in clusters.items():
        for one in members:
            if one.profile_id is not None and one.profile_id not in targets.values():
                ceased.setdefault(one.profile_id, targets[person])
    return ceased


def _uuid_moves(
    stored: Iterable[StoredIdentifier], ceased: Mapping[int, int]
) -> list[IdentifierMove]:
    return [
        IdentifierMove(one.id, one.profile_id, ceased[one.profile_id])
        for one in stored
        if one.ref.namespace == PROFILE and one.profile_id is not None and one.profile_id in ceased
    ]


def _update(
    stored: Mapping[int, StoredIdentifier],
    state: IdentityState,
    targets: Mapping[int, int],
    ceased: Mapping[int, int],
) -> None:
    rows: list[tuple[int, int, bool, date]] = []
    for one in stored.values():
        holding = state.holding_of(one.ref)
        if one.ref.namespace == PROFILE:
            if one.profile_id in ceased:
                rows.append((one.id, ceased[one.profile_id], one.is_vouched, one.since))
        elif holding is not None:
            rows.append((one.id, targets[holding.profile], holding.is_vouched, holding.since))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                sql.RESETTLE_IDENTIFIERS, [array_of(column) for column in zip(*rows, strict=True)]
            )


def _move(
    moves: Sequence[IdentifierMove],
    ceased: Mapping[int, int],
    clusters: Clusters,
    targets: Mapping[int, int],
    now: datetime,
) -> None:
    if ceased:
        _insert_merges(ceased, clusters, targets, now)
    registry.follow(moves, [(survivor, absorbed) for absorbed, survivor in ceased.items()])
    delete_profiles(ceased)


def _insert_merges(
    ceased: Mapping[int, int], clusters: Clusters, targets: Mapping[int, int], now: datetime
) -> None:
    """Both sides as they were, so that consents are folded per side and a merge widens nothing."""
    people = {target: clusters[person] for person, target in targets.items()}
    uuids = dict(Profile.objects.filter(pk__in=ceased).values_list("pk", "uuid"))
    with connection.cursor() as cursor, cursor.copy(sql.COPY_MERGES) as copy:
        for absorbed, survivor in ceased.items():
            sides = [
                array_of(
                    sorted(
                        one.id
                        for one in people[survivor]
                        if (one.profile_id == absorbed) == is_absorbed
                    )
                )
                for is_absorbed in (False, True)
            ]
            copy.write_row(
                (survivor, absorbed, uuids[absorbed], *sides, None, "erasure", "identity", now)
            )
