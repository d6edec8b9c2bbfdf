"""A second, naive consent fold: it walks every way through the merges and takes the strictest end.

It is written from the rules in words and shares no code with `consent.ledger.fold` except the rows
that go in and come out.
"""

from datetime import datetime, timedelta
from itertools import product

from consent.ledger.fold import LedgerEvent, MergeSides, StateRow

STRICTNESS = {"renewed": 0, "given": 1, "refused": 2, "invalidated": 3, "withdrawn": 4}
GRANTS = ("given", "renewed")


def naive_fold(
    events: list[LedgerEvent],
    merges: list[MergeSides],
    *,
    is_vouched: bool,
    purposes: dict[int, bool],
    replaced: dict[int, list[int]] | None = None,
    named_by: frozenset[int] = frozenset(),
) -> dict[int, StateRow]:
    events = [event for event in events if not _is_void(event, is_vouched, named_by)]
    rows = {}
    for purpose_id, is_marketing in purposes.items():
        relevant = [
            event
            for event in events
            if event.purpose_id == purpose_id or (event.purpose_id is None and is_marketing)
        ]
        former = [
            [event for event in events if event.purpose_id == old]
            for old in (replaced or {}).get(purpose_id, [])
        ]
        if relevant or any(former):
            rows[purpose_id] = _state(relevant, former, merges)
    return rows


def _is_void(event: LedgerEvent, is_vouched: bool, named_by: frozenset[int]) -> bool:
    is_grant = event.kind == "consent" and event.state in GRANTS
    takes_back = event.kind == "objection" and event.state == "withdrawn"
    if not (is_grant or takes_back):
        return False
    is_outside = event.reached is not None and any(pk not in event.reached for pk in named_by)
    return is_outside or (is_vouched and event.trust == 1)


def _effective_at(event: LedgerEvent) -> datetime:
    return event.occurred_at if event.occurred_at <= event.received_at else event.received_at


def _ends_at(event: LedgerEvent) -> datetime | None:
    # The tests state validities in days only.
    days = int(event.validity[1:-1]) if event.validity else None
    own = None if days is None else _effective_at(event) + timedelta(days=days)
    if own is None or event.valid_until is None:
        return own or event.valid_until
    return own if own < event.valid_until else event.valid_until


def _state(
    events: list[LedgerEvent], former: list[list[LedgerEvent]], merges: list[MergeSides]
) -> StateRow:
    consents = [event for event in events if event.kind == "consent"]
    decisions = [event for event in consents if event.state in STRICTNESS]
    state = _strictest_decision(_endings(decisions, merges))
    if state is None:
        state = _last_undecided(consents)
    specific = [event for event in events if event.purpose_id is not None]
    general_objections = [
        event for event in events if event.purpose_id is None and _is_objecting(event)
    ]
    objected_at = max(
        filter(
            None,
            [
                _objected_at([e for e in specific if _is_objecting(e)], specific, merges),
                _objected_at(general_objections, events, merges),
                *(
                    _inherited_at(old, track, specific, merges)
                    for old in former
                    for track in ("consent", "objection")
                ),
            ],
        ),
        default=None,
    )
    return StateRow(*state, objected_at is not None, objected_at)


def _is_objecting(event: LedgerEvent) -> bool:
    return event.kind == "objection" and event.state in GRANTS


def _last_undecided(consents: list[LedgerEvent]) -> tuple:
    best = None
    for event in consents:
        key = (_effective_at(event), event.state == "requested", event.version)
        if best is None or key > best[0]:
            best = (key, event.state, event.version)
    return ("unknown", 0, None, None) if best is None else (best[1], best[2], None, None)


def _endings(events: list[LedgerEvent], merges: list[MergeSides]) -> list[list[LedgerEvent]]:
    """For each way of taking one side of every merge, the events of the instant that decides."""
    newest_first = sorted(merges, key=lambda merge: (merge.merged_at, merge.order), reverse=True)
    endings = []
    for sides in product(("survivor", "absorbed"), repeat=len(newest_first)):
        left = list(events)
        for merge, side in zip(newest_first, sides, strict=True):
            identifier_ids = {event.identifier_id for event in left}
            if not (identifier_ids & set(merge.survivor) and identifier_ids & set(merge.absorbed)):
                continue
            after = [event for event in left if _effective_at(event) > merge.merged_at]
            if after:
                left = after
                break
            other = merge.absorbed if side == "survivor" else merge.survivor
            left = [event for event in left if event.identifier_id not in other]
        if left:
            last = max(_effective_at(event) for event in left)
            endings.append([event for event in left if _effective_at(event) == last])
    return endings


def _strictest_decision(endings: list[list[LedgerEvent]]) -> tuple | None:
    decisions = [event for ending in endings for event in ending]
    refusals = [event for event in decisions if event.state not in GRANTS]
    if refusals:
        first = max(refusals, key=lambda e: (_effective_at(e), STRICTNESS[e.state], -e.version))
        return (first.state, first.version, _effective_at(first), None)
    if not decisions:
        return None
    latest = max(decisions, key=lambda e: (_effective_at(e), STRICTNESS[e.state]))
    ends = [end for end in map(_ends_at, decisions) if end is not None]
    return (
        latest.state,
        min(event.version for event in decisions),
        _effective_at(latest),
        min(ends) if ends else None,
    )


def _objected_at(
    objections: list[LedgerEvent], events: list[LedgerEvent], merges: list[MergeSides]
) -> datetime | None:
    """When the objection that stands was made; None where none stands."""
    if not objections:
        return None
    lifting = [event for event in events if _is_lifting(event)]
    endings = _endings(objections + lifting, merges)
    standing = [
        _effective_at(event) for ending in endings for event in ending if event in objections
    ]
    return max(standing, default=None)


def _is_lifting(event: LedgerEvent) -> bool:
    if event.kind == "objection":
        return event.state == "withdrawn"
    return event.state in GRANTS and event.actor == "subject"


def _inherited_at(
    former: list[LedgerEvent], track: str, own: list[LedgerEvent], merges: list[MergeSides]
) -> datetime | None:
    """When the no to a replaced purpose was said that stands as an objection to this one."""
    lifted = [event for event in own if _is_lifting(event)]
    if track == "objection":
        objections = [event for event in former if _is_objecting(event)]
        return _objected_at(objections, former + lifted, merges)
    decisions = [e for e in former if e.kind == "consent" and e.state in STRICTNESS]
    refusals = [event for event in decisions if event.state not in GRANTS]
    endings = _endings(decisions + lifted, merges)
    standing = [_effective_at(e) for ending in endings for e in ending if e in refusals]
    return max(standing, default=None)
