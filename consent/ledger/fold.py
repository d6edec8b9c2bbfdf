"""What a person's consent events come to, per purpose: a pure function, without Django or a database.

Invariant: the answer depends on the set of events and the set of merges alone, never on the order in which they arrived or
are given; and a merge never permits what either of its sides did not. The rules in words are the decision note
0003-consent-fold-made-precise; a second, naive implementation in the tests checks them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime

CONSENT, OBJECTION = "consent", "objection"
GIVEN, RENEWED, REFUSED, WITHDRAWN = "given", "renewed", "refused", "withdrawn"
INVALIDATED, REQUESTED, UNKNOWN = "invalidated", "requested", "unknown"
SUBJECT, IMPORT = "subject", "import"
CLAIM = 1

PERMITTING = frozenset({GIVEN, RENEWED})
UNDECIDED = frozenset({REQUESTED, UNKNOWN})
# Among decisions of one instant that permit, or of one that do not, the later in this list names the state.
_RANK = {
    state: rank for rank, state in enumerate((RENEWED, GIVEN, REFUSED, INVALIDATED, WITHDRAWN))
}
_ENDLESS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One row of the ledger, as far as the fold reads it. `purpose` None: all direct marketing (objections only)."""

    identifier_id: int
    kind: str
    purpose: int | None
    version: int
    state: str
    occurred_at: datetime
    received_at: datetime
    valid_until: datetime | None
    actor: str
    trust: int

    @property
    def effective_at(self) -> datetime:
        """The earlier of both times, so that a grant dated far ahead beats nothing."""
        return min(self.occurred_at, self.received_at)


@dataclass(frozen=True, slots=True)
class MergeSides:
    """Two profiles that became one at a time: the identifiers that each held until then. `order` settles equal times."""

    merged_at: datetime
    order: int
    survivor: AbstractSet[int]
    absorbed: AbstractSet[int]


@dataclass(frozen=True, slots=True)
class StateRow:
    """What the ledger comes to for one purpose, whatever the clock says. `version` is 0 where no text was agreed to."""

    state: str = UNKNOWN
    version: int = 0
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    is_objected: bool = False
    objected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Voice:
    """One decision on one question; `permits` says which way it went."""

    identifier_id: int
    at: datetime
    permits: bool
    state: str
    version: int = 0
    valid_until: datetime | None = None


def stored_state(state: str, *, actor: str, has_evidence: bool) -> str:
    """The state under which the ledger takes what was said: an import that shows no evidence grants nothing.

    Its refusals stand as they are: nobody is mailed because a proof of his "no" is missing.
    """
    unproven = actor == IMPORT and state in PERMITTING and not has_evidence
    return UNKNOWN if unproven else state


def fold(
    events: Iterable[LedgerEvent],
    merges: Iterable[MergeSides],
    *,
    is_vouched: bool,
    purposes: Mapping[int, bool],
) -> dict[int, StateRow]:
    """The state of every purpose that any event speaks of.

    `events` are those of all identifiers that the profile holds, `merges` those it came of; `is_vouched` says whether the
    profile is. `purposes` says of each purpose id whether it is direct marketing; events on others are left out.
    """
    binding = [event for event in events if not (is_vouched and _is_claimed_grant(event))]
    history = sorted(merges, key=lambda merge: (merge.merged_at, merge.order))
    rows = {
        purpose: _row(purpose, is_marketing, binding, history)
        for purpose, is_marketing in purposes.items()
    }
    return {purpose: row for purpose, row in rows.items() if row is not None}


def _is_claimed_grant(event: LedgerEvent) -> bool:
    """Whether a mere claim would widen what may be done: a grant, or an objection taken back."""
    widens = event.state in PERMITTING if event.kind == CONSENT else event.state == WITHDRAWN
    return event.trust == CLAIM and widens


def _row(
    purpose: int,
    is_marketing: bool,
    events: Sequence[LedgerEvent],
    merges: Sequence[MergeSides],
) -> StateRow | None:
    own = [event for event in events if event.purpose == purpose]
    general = [event for event in events if event.purpose is None and is_marketing]
    if not own and not general:
        return None
    consents = [event for event in own if event.kind == CONSENT]
    row = _consent_row(consents, merges)
    objections = [
        _decide(list(_objection_voices(own, [])), merges),
        _decide(list(_objection_voices(own, general)), merges) if general else None,
    ]
    standing = [voice.at for voice in objections if voice is not None and not voice.permits]
    return replace(row, is_objected=bool(standing), objected_at=max(standing, default=None))


def _consent_row(consents: Sequence[LedgerEvent], merges: Sequence[MergeSides]) -> StateRow:
    voices = [
        _Voice(
            identifier_id=event.identifier_id,
            at=event.effective_at,
            permits=event.state in PERMITTING,
            state=event.state,
            version=event.version,
            valid_until=event.valid_until if event.state in PERMITTING else None,
        )
        for event in consents
        if event.state not in UNDECIDED
    ]
    decision = _decide(voices, merges)
    if decision is not None:
        return StateRow(decision.state, decision.version, decision.at, decision.valid_until)
    return _undecided_row(consents)


def _undecided_row(consents: Sequence[LedgerEvent]) -> StateRow:
    """What was last said, where it was no decision; asked counts as more than unknown at the same instant."""
    if not consents:
        return StateRow()
    last = max(
        consents, key=lambda event: (event.effective_at, event.state == REQUESTED, event.version)
    )
    return StateRow(last.state, last.version)


def _objection_voices(
    own: Sequence[LedgerEvent], general: Sequence[LedgerEvent]
) -> Iterator[_Voice]:
    """What was said for and against an objection: to this purpose, or (where any are given) to marketing as a whole.

    Both tracks are lifted by an objection taken back for this purpose and by an explicit grant of the person himself; the
    general track also by a general objection taken back.
    """
    objecting = general or own
    for event in objecting:
        if event.kind == OBJECTION and event.state in PERMITTING:
            yield _Voice(event.identifier_id, event.effective_at, False, GIVEN)
    for event in (*own, *general):
        if _lifts(event):
            yield _Voice(event.identifier_id, event.effective_at, True, GIVEN)


def _lifts(event: LedgerEvent) -> bool:
    if event.kind == OBJECTION:
        return event.state == WITHDRAWN
    return event.state in PERMITTING and event.actor == SUBJECT


def _decide(voices: Sequence[_Voice], merges: Sequence[MergeSides]) -> _Voice | None:
    """The decision of one profile on one question; `merges` oldest first.

    The last merge that joined two sides with a voice splits the history: what was said after it decides, else the stricter
    of what each side had come to. Identifiers of neither side joined otherwise, so they speak on both.
    """
    held = frozenset(voice.identifier_id for voice in voices)
    for place in range(len(merges) - 1, -1, -1):
        merge = merges[place]
        if merge.survivor & held and merge.absorbed & held:
            later = [voice for voice in voices if voice.at > merge.merged_at]
            if later:
                return _latest(later)
            return _stricter(_sides(voices, merge, merges[:place]))
    return _latest(voices)


def _sides(
    voices: Sequence[_Voice], merge: MergeSides, earlier: Sequence[MergeSides]
) -> Iterator[_Voice]:
    for other in (merge.absorbed, merge.survivor):
        decision = _decide([voice for voice in voices if voice.identifier_id not in other], earlier)
        if decision is not None:
            yield decision


def _latest(voices: Sequence[_Voice]) -> _Voice | None:
    """The decision of the newest instant; where several share it, the stricter."""
    newest = max((voice.at for voice in voices), default=None)
    return _stricter(voice for voice in voices if voice.at == newest)


def _stricter(voices: Iterable[_Voice]) -> _Voice | None:
    """Any refusal, the latest first; else what all grants have in common: the oldest text, the earliest end."""
    ranked = sorted(voices, key=_weight, reverse=True)
    refusal = next((voice for voice in ranked if not voice.permits), None)
    if refusal is not None or not ranked:
        return refusal
    end = min(voice.valid_until or _ENDLESS for voice in ranked)
    return replace(
        ranked[0],
        version=min(voice.version for voice in ranked),
        valid_until=None if end == _ENDLESS else end,
    )


def _weight(voice: _Voice) -> tuple[datetime, int, int]:
    return (voice.at, _RANK[voice.state], -voice.version)
