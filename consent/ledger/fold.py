"""The consent fold: computes a profile's consent state per purpose from its ledger events.

Pure: it knows neither Django nor a database. The decision note 0003-consent-fold-made-precise
gives the rules in words; a second, naive implementation in the tests checks this one.

Invariant: the result depends only on the set of events and the set of merges, never on the order
in which they arrived or are given. A merge never permits what one of its sides did not permit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from consent.lib.durations import add_duration

# The stored values of ConsentKind, State, DecidedBy and TrustLevel, whose classes need Django.
CONSENT, OBJECTION = "consent", "objection"
GIVEN, RENEWED, REFUSED, WITHDRAWN = "given", "renewed", "refused", "withdrawn"
INVALIDATED, REQUESTED, UNKNOWN = "invalidated", "requested", "unknown"
SUBJECT, IMPORT = "subject", "import"
CLAIM = 1

PERMITTING = frozenset({GIVEN, RENEWED})
UNDECIDED = frozenset({REQUESTED, UNKNOWN})
REFUSING = frozenset({REFUSED, WITHDRAWN, INVALIDATED})
# Among grants of the same instant, or among refusals of it, the later in this list is the state.
_RANK = {
    state: rank for rank, state in enumerate((RENEWED, GIVEN, REFUSED, INVALIDATED, WITHDRAWN))
}
_NO_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """The columns of a ledger row that the fold reads.

    `purpose_id` is None for an objection to direct marketing as a whole. `version` is 0 where the
    event has no purpose version, and `validity` empty where that version sets no end. `reached`
    has the identifiers that the person proved where they proved only a part of a profile.
    """

    identifier_id: int
    kind: str
    purpose_id: int | None
    version: int
    state: str
    occurred_at: datetime
    received_at: datetime
    valid_until: datetime | None
    actor: str
    trust: int
    validity: str = ""
    reached: AbstractSet[int] | None = None

    @property
    def effective_at(self) -> datetime:
        """The earlier of both times, so that a consent dated in the future outranks nothing."""
        return min(self.occurred_at, self.received_at)

    @property
    def ends_at(self) -> datetime | None:
        """The earlier of the stated end and that of the version that was agreed to."""
        return earliest_end(self.valid_until, self.effective_at, self.validity)

    @property
    def widens(self) -> bool:
        """Whether it permits more: a grant, or an objection taken back."""
        return widens(self.kind, self.state)


@dataclass(frozen=True, slots=True)
class MergeSides:
    """A merge of two profiles and the identifier ids that each had before it.

    `order` sorts merges of the same time.
    """

    merged_at: datetime
    order: int
    survivor: AbstractSet[int]
    absorbed: AbstractSet[int]


@dataclass(frozen=True, slots=True)
class StateRow:
    """The consent state of one purpose, independent of the current time.

    `version` is the version of the purpose that was agreed to, 0 where there is none.
    """

    state: str = UNKNOWN
    version: int = 0
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    is_objected: bool = False
    objected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Decision:
    """A yes or no, either to a purpose or to the question whether an objection is lifted."""

    identifier_id: int
    decided_at: datetime
    is_permitting: bool
    state: str
    version: int = 0
    valid_until: datetime | None = None


def widens(kind: str, state: str) -> bool:
    """Whether a statement permits more: a grant, or an objection taken back."""
    return state in PERMITTING if kind == CONSENT else state == WITHDRAWN


def earliest_end(
    valid_until: datetime | None, effective_at: datetime, validity: str
) -> datetime | None:
    """Return the earlier of a stated end and that of a validity; None where there is neither."""
    end = add_duration(effective_at, validity) if validity else None
    return min(filter(None, (valid_until, end)), default=None)


def fold(
    events: Iterable[LedgerEvent],
    merges: Iterable[MergeSides],
    *,
    is_vouched: bool,
    purposes: Mapping[int, bool],
    replaced: Mapping[int, Sequence[int]] = MappingProxyType({}),
    named_by: AbstractSet[int] = frozenset(),
) -> dict[int, StateRow]:
    """Return the state of every purpose that at least one event is about.

    `events` are those of all identifiers of the profile, `merges` all that led to it. `is_vouched`
    says whether one of its identifiers is vouched for. `purposes` maps purpose ids to whether they
    are direct marketing; events about other purposes are ignored. `replaced` maps a purpose to
    those that it replaces, `named_by` has the identifiers of the profile that are not weak.
    """
    binding = [
        event
        for event in events
        if not (event.widens and _is_void(event, is_vouched=is_vouched, named_by=named_by))
    ]
    history = sorted(merges, key=lambda merge: (merge.merged_at, merge.order))
    rows = {
        purpose_id: _state_row(
            purpose_id, is_marketing, binding, history, replaced.get(purpose_id, ())
        )
        for purpose_id, is_marketing in purposes.items()
    }
    return {purpose_id: row for purpose_id, row in rows.items() if row is not None}


def _is_void(event: LedgerEvent, *, is_vouched: bool, named_by: AbstractSet[int]) -> bool:
    """Whether a grant does not count: a mere claim, or of somebody who reached only a part."""
    is_claim = is_vouched and event.trust == CLAIM
    return is_claim or (event.reached is not None and not named_by <= event.reached)


def _state_row(
    purpose_id: int,
    is_marketing: bool,
    events: Sequence[LedgerEvent],
    merges: Sequence[MergeSides],
    replaced: Sequence[int],
) -> StateRow | None:
    own = [event for event in events if event.purpose_id == purpose_id]
    general = [event for event in events if event.purpose_id is None and is_marketing]
    former = [[event for event in events if event.purpose_id == old] for old in replaced]
    if not own and not general and not any(former):
        return None
    row = _consent_row([event for event in own if event.kind == CONSENT], merges)
    # Two separate tracks: taking back the general objection must not lift the specific one.
    tracks = [
        _decide(list(_objection_decisions(own, [])), merges),
        _decide(list(_objection_decisions(own, general)), merges) if general else None,
        *(_decide(track, merges) for old in former for track in _inherited_decisions(old, own)),
    ]
    standing = [
        decision.decided_at
        for decision in tracks
        if decision is not None and not decision.is_permitting
    ]
    return replace(row, is_objected=bool(standing), objected_at=max(standing, default=None))


def _consent_row(consents: Sequence[LedgerEvent], merges: Sequence[MergeSides]) -> StateRow:
    decisions = [
        _Decision(
            identifier_id=event.identifier_id,
            decided_at=event.effective_at,
            is_permitting=event.state in PERMITTING,
            state=event.state,
            version=event.version,
            valid_until=event.ends_at if event.state in PERMITTING else None,
        )
        for event in consents
        if event.state not in UNDECIDED
    ]
    decision = _decide(decisions, merges)
    if decision is not None:
        return StateRow(decision.state, decision.version, decision.decided_at, decision.valid_until)
    return _undecided_row(consents)


def _undecided_row(consents: Sequence[LedgerEvent]) -> StateRow:
    if not consents:
        return StateRow()
    # At the same instant `requested` outranks `unknown`: it says more.
    last = max(
        consents, key=lambda event: (event.effective_at, event.state == REQUESTED, event.version)
    )
    return StateRow(last.state, last.version)


def _objection_decisions(
    own: Sequence[LedgerEvent], general: Sequence[LedgerEvent]
) -> Iterator[_Decision]:
    """Yield the decisions for and against an objection.

    With `general` events it is the objection to direct marketing as a whole, without them the one
    to this purpose.
    """
    objecting = general or own
    for event in objecting:
        if event.kind == OBJECTION and event.state in PERMITTING:
            yield _Decision(event.identifier_id, event.effective_at, False, GIVEN)
    for event in (*own, *general):
        if _lifts_objection(event):
            yield _Decision(event.identifier_id, event.effective_at, True, GIVEN)


def _inherited_decisions(
    former: Sequence[LedgerEvent], own: Sequence[LedgerEvent]
) -> Iterator[list[_Decision]]:
    """Yield two tracks of objections that a replaced purpose leaves: by its consents, and its own.

    A no to the old purpose counts as an objection to the new one, unless it was taken back there or
    is lifted here.
    """
    lifted = [
        _Decision(event.identifier_id, event.effective_at, True, GIVEN)
        for event in own
        if _lifts_objection(event)
    ]
    consents = [
        _Decision(event.identifier_id, event.effective_at, event.state in PERMITTING, GIVEN)
        for event in former
        if event.kind == CONSENT and event.state not in UNDECIDED
    ]
    yield [*consents, *lifted]
    yield [*_objection_decisions(former, []), *lifted]


def _lifts_objection(event: LedgerEvent) -> bool:
    if event.kind == OBJECTION:
        return event.state == WITHDRAWN
    # Only customers themselves can lift their objection by a grant, not staff or a service.
    return event.state in PERMITTING and event.actor == SUBJECT


def _decide(decisions: Sequence[_Decision], merges: Sequence[MergeSides]) -> _Decision | None:
    """Return the decision that counts for one profile; `merges` are sorted oldest first.

    The last merge that joined two sides with decisions splits the history. Decisions after it
    count first. Without any, each side is decided by itself and the stricter result counts.
    """
    identifier_ids = frozenset(decision.identifier_id for decision in decisions)
    for index in range(len(merges) - 1, -1, -1):
        merge = merges[index]
        if merge.survivor & identifier_ids and merge.absorbed & identifier_ids:
            later = [decision for decision in decisions if decision.decided_at > merge.merged_at]
            if later:
                return _latest(later)
            return _strictest(_side_results(decisions, merge, merges[:index]))
    return _latest(decisions)


def _side_results(
    decisions: Sequence[_Decision], merge: MergeSides, earlier: Sequence[MergeSides]
) -> Iterator[_Decision]:
    for other_side in (merge.absorbed, merge.survivor):
        # Identifiers of neither side joined without a merge, so they count on both sides.
        side = [decision for decision in decisions if decision.identifier_id not in other_side]
        result = _decide(side, earlier)
        if result is not None:
            yield result


def _latest(decisions: Sequence[_Decision]) -> _Decision | None:
    """Return the decision of the newest instant, the strictest where several share it."""
    newest = max((decision.decided_at for decision in decisions), default=None)
    return _strictest(decision for decision in decisions if decision.decided_at == newest)


def _strictest(decisions: Iterable[_Decision]) -> _Decision | None:
    """Return the latest refusal, else what all grants have in common.

    In common are the oldest version and the earliest end.
    """
    ranked = sorted(decisions, key=_precedence, reverse=True)
    refusal = next((decision for decision in ranked if not decision.is_permitting), None)
    if refusal is not None or not ranked:
        return refusal
    end = min(decision.valid_until or _NO_END for decision in ranked)
    return replace(
        ranked[0],
        version=min(decision.version for decision in ranked),
        valid_until=None if end == _NO_END else end,
    )


def _precedence(decision: _Decision) -> tuple[datetime, int, int]:
    return (decision.decided_at, _RANK[decision.state], -decision.version)
