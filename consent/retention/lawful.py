"""Since when purposes are not lawful for people: the gate's own rules, with the time they turned.

Invariant: a purpose has an end here just where `consent.ledger.gate` refuses it to somebody who is
not restricted; a test compares the two. Restriction is no end: it keeps data as they are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from consent.ledger.fold import PERMITTING, REFUSING, StateRow
from consent.ledger.gate import CONSENT_BASIS, GateTerms, can_be_objected
from consent.models import ConsentState, Purpose, PurposeVersion
from consent.retention.keeping import NEVER

End = datetime | Literal["never"] | None


class PurposeGate(NamedTuple):
    """What the gate reads of a purpose, and when its terms last changed in substance."""

    terms: GateTerms
    changed_at: datetime


def load_gates(purpose_ids: Iterable[int]) -> dict[int, PurposeGate]:
    """Return the gates of purposes by id, in two queries."""
    purposes = Purpose.objects.filter(pk__in=set(purpose_ids))
    versions = PurposeVersion.objects.filter(purpose__in=purposes)
    changed = {
        (purpose_id, number): at
        for purpose_id, number, at in versions.values_list("purpose_id", "number", "created_at")
    }
    return {
        purpose.pk: PurposeGate(
            GateTerms(
                purpose.legal_basis,
                purpose.is_direct_marketing,
                purpose.minimum_version,
                purpose.replaces_id is not None,
            ),
            changed[purpose.pk, purpose.minimum_version],
        )
        for purpose in purposes
    }


def load_ends(
    profile_ids: Sequence[int], gates: Mapping[int, PurposeGate], *, now: datetime
) -> dict[int, dict[int, datetime | Literal["never"]]]:
    """Return by profile the purposes that are not lawful now, and since when. One query."""
    states = _states(profile_ids, gates)
    ends: dict[int, dict[int, datetime | Literal["never"]]] = defaultdict(dict)
    for profile_id in profile_ids:
        for purpose_id, gate in gates.items():
            row = states.get((profile_id, purpose_id), StateRow())
            end = end_of(gate, row, now=now)
            if end is not None:
                ends[profile_id][purpose_id] = end
    return ends


def end_of(gate: PurposeGate, row: StateRow, *, now: datetime) -> End:
    """Return since when a purpose is not lawful, NEVER if it never was, None while it is."""
    ends = [end for end in (_objection(gate, row), _end_of_consent(gate, row, now)) if end]
    times = [end for end in ends if isinstance(end, datetime)]
    return min(times) if times else (ends[0] if ends else None)


def _objection(gate: PurposeGate, row: StateRow) -> End:
    if not row.is_objected or not can_be_objected(gate.terms):
        return None
    return row.objected_at or NEVER


def _end_of_consent(gate: PurposeGate, row: StateRow, now: datetime) -> End:
    if gate.terms.legal_basis != CONSENT_BASIS:
        return None
    if row.state in REFUSING:
        return row.decided_at or NEVER
    if row.state not in PERMITTING:
        return NEVER
    ends = [row.valid_until] if row.valid_until and row.valid_until <= now else []
    if row.version < gate.terms.minimum_version:
        ends.append(gate.changed_at)
    return min(ends) if ends else None


def _states(
    profile_ids: Sequence[int], purpose_ids: Iterable[int]
) -> dict[tuple[int, int], StateRow]:
    rows = ConsentState.objects.filter(profile_id__in=profile_ids, purpose_id__in=list(purpose_ids))
    names = ("state", "version", "decided_at", "valid_until", "is_objected", "objected_at")
    return {
        (profile_id, purpose_id): StateRow(*columns)
        for profile_id, purpose_id, *columns in rows.values_list("profile_id", "purpose_id", *names)
    }
