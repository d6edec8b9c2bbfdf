"""Consent states, the projection of the ledger: rebuilding, reading and verifying them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from consent.ledger import sql
from consent.ledger.fold import (
    CONSENT,
    GIVEN,
    OBJECTION,
    REFUSING,
    LedgerEvent,
    MergeSides,
    StateRow,
    fold,
)
from consent.ledger.gate import GateTerms, displayed_state, is_permitted
from consent.models import ConsentEvent, ConsentState, Purpose
from profiles.identifiers.lookup import holders_of_identifiers, profiles_of_identifiers
from profiles.identifiers.references import Ref
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changes
from profiles.lib.database import any_of, array_of
from profiles.models import Identifier, Merge, Profile, ProfileChange
from profiles.services import PROFILE, load_rules

# By (profile id, purpose id).
StateRows = dict[tuple[int, int], StateRow]
_BATCH = 1000


class StateDrift(NamedTuple):
    """A stored state that differs from what the ledger folds to; either may be missing."""

    profile_id: int
    purpose_id: int
    stored: StateRow | None
    folded: StateRow | None


def rebuild_states(profile_ids: Iterable[int]) -> set[int]:
    """Fold the ledger for these profiles, store what changed, and return the changed profiles.

    The caller holds the people lock. The number of queries does not depend on the number of
    profiles. The changed profiles are queued for the segments.
    """
    ids = _with_consents(profile_ids)
    drifts = list(_differences(ids)) if ids else []
    if drifts:
        _upsert_states([drift for drift in drifts if drift.folded is not None])
        _delete_states([drift for drift in drifts if drift.folded is None])
    mark_changes(
        ProfileChange.Kind.CONSENT,
        [(drift.profile_id, str(drift.purpose_id)) for drift in drifts],
    )
    return {drift.profile_id for drift in drifts}


def _with_consents(profile_ids: Iterable[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.PROFILES_WITH_CONSENTS, {"profiles": array_of(set(profile_ids))})
        return sorted(profile_id for (profile_id,) in cursor.fetchall())


def current_states(
    profile_ids: Iterable[int], *, at: datetime
) -> dict[int, dict[str, dict[str, Any]]]:
    """Return the state of every purpose, by profile id and purpose key.

    A state has the keys state, basis, objected, permitted and valid_until. Profiles that do not
    exist are left out.
    """
    ids = list(profile_ids)
    restricted = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "is_restricted"))
    purposes = list(Purpose.objects.all())
    rows = _stored_states(ids)
    return {
        profile_id: {
            purpose.key: _describe_state(
                purpose, rows.get((profile_id, purpose.pk)), restricted[profile_id], at
            )
            for purpose in purposes
        }
        for profile_id in ids
        if profile_id in restricted
    }


def may_process(profile_id: int, purpose_key: str, *, at: datetime) -> bool:
    """Whether the profile's data may be processed for the purpose: the gate for one profile.

    False for an unknown purpose or profile, and for a profile that is restricted or being erased.
    """
    purpose = Purpose.objects.filter(key=purpose_key).first()
    restricted = Profile.objects.filter(pk=profile_id).values_list("is_restricted", flat=True)
    if purpose is None or not restricted:
        return False
    stored = ConsentState.objects.filter(profile_id=profile_id, purpose=purpose).first()
    row = StateRow() if stored is None else _as_row(stored)
    return is_permitted(gate_terms(purpose), row, is_restricted=restricted[0], at=at)


def find_refused(profile_ids: Iterable[int]) -> set[tuple[int, str]]:
    """Return the (profile id, purpose key) whose state is a no already."""
    states = ConsentState.objects.filter(profile_id__in=profile_ids, state__in=REFUSING)
    return set(states.values_list("profile_id", "purpose__key"))


def standing_refusals(profile_ids: Iterable[int]) -> list[tuple[str, int | None]]:
    """Return what the people refused or objected to: pairs of kind and purpose id.

    None is direct marketing as a whole.
    """
    states = ConsentState.objects.filter(profile_id__in=profile_ids)
    refused = states.filter(state__in=REFUSING).values_list("purpose_id", flat=True)
    objected = states.filter(is_objected=True).values_list("purpose_id", flat=True)
    general = events_of(profile_ids).filter(kind=OBJECTION, purpose=None)
    latest = general.order_by("-seq").first()
    pairs: set[tuple[str, int | None]] = {(CONSENT, pk) for pk in refused}
    pairs |= {(OBJECTION, pk) for pk in objected}
    if latest is not None and latest.state == GIVEN:
        pairs.add((OBJECTION, None))
    return sorted(pairs, key=str)


def verify_states() -> list[StateDrift]:
    """Return every stored state that differs from what the ledger folds to."""
    ids = speakers(ConsentEvent.objects.all())
    # Also profiles without any event: their stored states should not exist.
    ids |= set(ConsentState.objects.values_list("profile_id", flat=True))
    return [drift for batch in batches(sorted(ids), _BATCH) for drift in _differences(batch)]


def events_of(profile_ids: Iterable[int]) -> QuerySet[ConsentEvent]:
    """Return the events of the identifiers that these profiles have now."""
    return ConsentEvent.objects.filter(identifier__in=list(holders_of_identifiers(profile_ids)))


def speakers(events: QuerySet[ConsentEvent]) -> set[int]:
    """Return the profiles that have any of these events."""
    identifier_ids = events.order_by().values_list("identifier_id", flat=True).distinct()
    return profiles_of_identifiers(identifier_ids)


def _differences(profile_ids: Sequence[int]) -> Iterator[StateDrift]:
    stored = _stored_states(profile_ids)
    folded = _folded_states(profile_ids)
    for profile_id, purpose_id in sorted(stored.keys() | folded.keys()):
        before = stored.get((profile_id, purpose_id))
        after = folded.get((profile_id, purpose_id))
        if before != after:
            yield StateDrift(profile_id, purpose_id, before, after)


def _stored_states(profile_ids: Sequence[int]) -> StateRows:
    states = ConsentState.objects.filter(any_of("profile_id", profile_ids))
    return {(state.profile_id, state.purpose_id): _as_row(state) for state in states}


def _folded_states(profile_ids: Sequence[int]) -> StateRows:
    events = _ledger_events(profile_ids)
    if not events:
        return {}
    with_events = list(events)
    merges = _merges_by_survivor(with_events)
    vouched = set(
        Identifier.objects.filter(any_of("profile_id", with_events), is_vouched=True)
        .values_list("profile_id", flat=True)
        .distinct()
    )
    terms = {
        pk: (is_marketing, replaces_id)
        for pk, is_marketing, replaces_id in Purpose.objects.values_list(
            "pk", "is_direct_marketing", "replaces_id"
        )
    }
    purposes = {pk: is_marketing for pk, (is_marketing, _) in terms.items()}
    replaced = _replaced_purposes({pk: former for pk, (_, former) in terms.items()})
    named_by = _naming_identifiers(events)
    return {
        (profile_id, purpose_id): row
        for profile_id, profile_events in events.items()
        for purpose_id, row in fold(
            profile_events,
            merges.get(profile_id, ()),
            is_vouched=profile_id in vouched,
            purposes=purposes,
            replaced=replaced,
            named_by=named_by.get(profile_id, frozenset()),
        ).items()
    }


def _replaced_purposes(replaces: Mapping[int, int | None]) -> dict[int, list[int]]:
    """Map each purpose to all that it replaces, also by way of others."""
    chains: dict[int, list[int]] = {purpose_id: [] for purpose_id in replaces}
    for purpose_id, chain in chains.items():
        former = replaces[purpose_id]
        while former is not None:
            chain.append(former)
            former = replaces[former]
    return chains


def _naming_identifiers(
    events: Mapping[int, Sequence[LedgerEvent]],
) -> dict[int, set[int]]:
    """Return the identifiers that are not weak, of each profile with a grant that binds a part."""
    parted = [pk for pk, stated in events.items() if any(e.reached is not None for e in stated)]
    named_by: dict[int, set[int]] = defaultdict(set)
    if parted:
        for pk, profile_id in naming_identifiers(parted):
            named_by[profile_id].add(pk)
    return named_by


def naming_identifiers(profile_ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (identifier id, profile id) of what names people: not weak, quarantined or our own."""
    rules = load_rules()
    identifiers = Identifier.objects.filter(
        profile__in=profile_ids, quarantined_at__isnull=True
    ).exclude(namespace=PROFILE)
    for pk, profile_id, *ref in identifiers.values_list("pk", "profile_id", "namespace", "value"):
        if profile_id is not None and not rules.is_weak(Ref(*ref)):
            yield pk, profile_id


def _ledger_events(profile_ids: Sequence[int]) -> Mapping[int, list[LedgerEvent]]:
    events: dict[int, list[LedgerEvent]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql.EVENTS_OF_PROFILES, [array_of(profile_ids)])
        for profile_id, *columns in cursor.fetchall():
            events[profile_id].append(_ledger_event(*columns))
    return events


def _ledger_event(*columns: Any) -> LedgerEvent:
    *stated, validity, reached = columns
    proved = None if reached is None else frozenset(reached)
    return LedgerEvent(*(*stated, validity or settings.CONSENT_VALIDITY, proved))


def _merges_by_survivor(profile_ids: Sequence[int]) -> Mapping[int, list[MergeSides]]:
    merges: dict[int, list[MergeSides]] = defaultdict(list)
    for merge in Merge.objects.standing().filter(any_of("survivor_id", profile_ids)):
        merges[merge.survivor_id].append(
            MergeSides(
                merge.merged_at,
                merge.pk,
                frozenset(merge.survivor_identifier_ids),
                frozenset(merge.absorbed_identifier_ids),
            )
        )
    return merges


def _upsert_states(drifts: Sequence[StateDrift]) -> None:
    columns = [
        [drift.profile_id for drift in drifts],
        [drift.purpose_id for drift in drifts],
        *(
            [getattr(drift.folded, name) for drift in drifts]
            for name in StateRow.__dataclass_fields__
        ),
    ]
    if drifts:
        with connection.cursor() as cursor:
            cursor.execute(sql.UPSERT_STATES, columns)


def _delete_states(drifts: Sequence[StateDrift]) -> None:
    if drifts:
        pairs = [[drift.profile_id for drift in drifts], [drift.purpose_id for drift in drifts]]
        with connection.cursor() as cursor:
            cursor.execute(sql.DELETE_STATES, pairs)


def _as_row(state: ConsentState) -> StateRow:
    return StateRow(*(getattr(state, name) for name in StateRow.__dataclass_fields__))


def gate_terms(purpose: Purpose) -> GateTerms:
    """Return what the gate reads of a purpose."""
    return GateTerms(
        purpose.legal_basis,
        purpose.is_direct_marketing,
        purpose.minimum_version,
        replaces_another=purpose.replaces_id is not None,
    )


def _describe_state(
    purpose: Purpose, stored: StateRow | None, is_restricted: bool, at: datetime
) -> dict[str, Any]:
    row, terms = stored or StateRow(), gate_terms(purpose)
    return {
        "state": displayed_state(terms, row),
        "basis": purpose.legal_basis,
        "objected": row.is_objected,
        "permitted": is_permitted(terms, row, is_restricted=is_restricted, at=at),
        "valid_until": row.valid_until,
    }
