"""Consent states: the projection of the ledger, rebuilt in sets, read through the gate, and compared with the truth."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from consent.ledger import sql
from consent.ledger.fold import LedgerEvent, MergeSides, StateRow, fold
from consent.ledger.gate import Terms, permits, shown_state
from consent.models import ConsentEvent, ConsentState, Purpose
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import array_of
from profiles.models import Identifier, Merge, Profile

States = dict[tuple[int, int], StateRow]
_BATCH = 1000


class StateDrift(NamedTuple):
    """A stored state that the ledger does not bear out; either side may be missing."""

    profile_id: int
    purpose_id: int
    stored: StateRow | None
    folded: StateRow | None


def rebuild_states(profile_ids: Iterable[int]) -> set[int]:
    """Fold the ledger again for these profiles, under the people lock; return those whose state changed.

    A handful of queries, however many profiles there are. Segments are told of what changed.
    """
    ids = _with_consents(profile_ids)
    drift = list(_differences(ids)) if ids else []
    if drift:
        _store([found for found in drift if found.folded is not None])
        _forget([found for found in drift if found.folded is None])
    changed = {found.profile_id for found in drift}
    mark_changed(changed)
    if changed:
        nudge("segments.refresh_changed")
    return changed


def _with_consents(profile_ids: Iterable[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.WITH_CONSENTS, {"profiles": array_of(set(profile_ids))})
        return sorted(profile for (profile,) in cursor.fetchall())


def current_states(
    profile_ids: Iterable[int], *, at: datetime
) -> dict[int, dict[str, dict[str, Any]]]:
    """For each profile that exists, every purpose as it stands: state, basis, objected, permitted, valid_until."""
    ids = list(profile_ids)
    restricted = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "is_restricted"))
    purposes = list(Purpose.objects.all())
    rows = _stored(ids)
    return {
        profile: {
            purpose.key: _shown(purpose, rows.get((profile, purpose.pk)), restricted[profile], at)
            for purpose in purposes
        }
        for profile in ids
        if profile in restricted
    }


def may_process(profile_id: int, purpose_key: str, *, at: datetime) -> bool:
    """The gate. No for an unknown purpose, a profile that does not exist, and one that is restricted or being erased."""
    purpose = Purpose.objects.filter(key=purpose_key).first()
    restricted = Profile.objects.filter(pk=profile_id).values_list("is_restricted", flat=True)
    if purpose is None or not restricted:
        return False
    stored = ConsentState.objects.filter(profile_id=profile_id, purpose=purpose).first()
    row = StateRow() if stored is None else _as_row(stored)
    return permits(_terms(purpose), row, is_restricted=restricted[0], at=at)


def verify_states() -> list[StateDrift]:
    """Every stored state that differs from what the ledger comes to; none, if all is well."""
    with_events = Identifier.objects.filter(
        pk__in=ConsentEvent.objects.values("identifier_id"), profile__isnull=False
    )
    ids = set(with_events.values_list("profile_id", flat=True))
    ids |= set(ConsentState.objects.values_list("profile_id", flat=True))
    ordered = sorted(ids)
    return [
        found
        for place in range(0, len(ordered), _BATCH)
        for found in _differences(ordered[place : place + _BATCH])
    ]


def _differences(ids: Sequence[int]) -> Iterator[StateDrift]:
    stored = _stored(ids)
    folded = _folded(ids)
    for profile, purpose in sorted(stored.keys() | folded.keys()):
        before, after = stored.get((profile, purpose)), folded.get((profile, purpose))
        if before != after:
            yield StateDrift(profile, purpose, before, after)


def _stored(ids: Sequence[int]) -> States:
    return {
        (row.profile_id, row.purpose_id): _as_row(row)
        for row in ConsentState.objects.filter(profile_id__in=ids)
    }


def _folded(ids: Sequence[int]) -> States:
    events = _ledger(ids)
    if not events:
        return {}
    speaking = list(events)
    merges = _merges(speaking)
    vouched = set(
        Identifier.objects.filter(profile_id__in=speaking, is_vouched=True)
        .values_list("profile_id", flat=True)
        .distinct()
    )
    purposes = dict(Purpose.objects.values_list("pk", "is_direct_marketing"))
    return {
        (profile, purpose): row
        for profile, own in events.items()
        for purpose, row in fold(
            own, merges.get(profile, ()), is_vouched=profile in vouched, purposes=purposes
        ).items()
    }


def _ledger(ids: Sequence[int]) -> Mapping[int, list[LedgerEvent]]:
    found = ConsentEvent.objects.filter(identifier__profile_id__in=ids).values_list(
        "identifier__profile_id",
        "identifier_id",
        "kind",
        "purpose_id",
        "purpose_version__number",
        "state",
        "occurred_at",
        "received_at",
        "valid_until",
        "actor",
        "trust",
    )
    events: dict[int, list[LedgerEvent]] = defaultdict(list)
    for profile, identifier, kind, purpose, version, *rest in found:
        events[profile].append(LedgerEvent(identifier, kind, purpose, version or 0, *rest))
    return events


def _merges(ids: Sequence[int]) -> Mapping[int, list[MergeSides]]:
    merges: dict[int, list[MergeSides]] = defaultdict(list)
    for merge in Merge.objects.filter(survivor_id__in=ids):
        merges[merge.survivor_id].append(
            MergeSides(
                merge.merged_at,
                merge.pk,
                frozenset(merge.survivor_identifier_ids),
                frozenset(merge.absorbed_identifier_ids),
            )
        )
    return merges


def _store(found: Sequence[StateDrift]) -> None:
    columns = [
        [drift.profile_id for drift in found],
        [drift.purpose_id for drift in found],
        *(
            [getattr(drift.folded, name) for drift in found]
            for name in StateRow.__dataclass_fields__
        ),
    ]
    if found:
        with connection.cursor() as cursor:
            cursor.execute(sql.UPSERT_STATES, columns)


def _forget(found: Sequence[StateDrift]) -> None:
    if found:
        pairs = [[drift.profile_id for drift in found], [drift.purpose_id for drift in found]]
        with connection.cursor() as cursor:
            cursor.execute(sql.DELETE_STATES, pairs)


def _as_row(stored: ConsentState) -> StateRow:
    return StateRow(*(getattr(stored, name) for name in StateRow.__dataclass_fields__))


def _terms(purpose: Purpose) -> Terms:
    return Terms(purpose.legal_basis, purpose.is_direct_marketing, purpose.minimum_version)


def _shown(
    purpose: Purpose, stored: StateRow | None, is_restricted: bool, at: datetime
) -> dict[str, Any]:
    row, terms = stored or StateRow(), _terms(purpose)
    return {
        "state": shown_state(terms, row),
        "basis": purpose.legal_basis,
        "objected": row.is_objected,
        "permitted": permits(terms, row, is_restricted=is_restricted, at=at),
        "valid_until": row.valid_until,
    }
