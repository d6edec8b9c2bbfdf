"""A second, naive consent fold: every way through the merges is walked apart, and the strictest of what they end in counts.

Written from the rules in words, it shares no code with `consent.ledger.fold` beyond the rows that go in and come out.
"""

from datetime import datetime
from itertools import product

from consent.ledger.fold import LedgerEvent, MergeSides, StateRow

STRICTNESS = {"renewed": 0, "given": 1, "refused": 2, "invalidated": 3, "withdrawn": 4}
YES = ("given", "renewed")


def naive_fold(
    events: list[LedgerEvent],
    merges: list[MergeSides],
    *,
    is_vouched: bool,
    purposes: dict[int, bool],
) -> dict[int, StateRow]:
    rows = {}
    for purpose, is_marketing in purposes.items():
        spoken = [
            event
            for event in events
            if (event.purpose == purpose or (event.purpose is None and is_marketing))
            and not _is_void(event, is_vouched)
        ]
        if spoken:
            rows[purpose] = _state(spoken, merges)
    return rows


def _is_void(event: LedgerEvent, is_vouched: bool) -> bool:
    grants = event.kind == "consent" and event.state in YES
    takes_back = event.kind == "objection" and event.state == "withdrawn"
    return is_vouched and event.trust == 1 and (grants or takes_back)


def _when(event: LedgerEvent) -> datetime:
    return event.occurred_at if event.occurred_at <= event.received_at else event.received_at


def _state(valid: list[LedgerEvent], merges: list[MergeSides]) -> StateRow:
    consents = [event for event in valid if event.kind == "consent"]
    decided = [event for event in consents if event.state in STRICTNESS]
    told = _strictest_decision(_endings(decided, merges))
    if told is None:
        told = _asked(consents)
    named = [event for event in valid if event.purpose is not None]
    objected = max(
        filter(
            None,
            [
                _objected_at([e for e in named if _is_objecting(e)], named, merges),
                _objected_at(
                    [e for e in valid if e.purpose is None and _is_objecting(e)], valid, merges
                ),
            ],
        ),
        default=None,
    )
    return StateRow(*told, objected is not None, objected)


def _is_objecting(event: LedgerEvent) -> bool:
    return event.kind == "objection" and event.state in YES


def _asked(consents: list[LedgerEvent]) -> tuple:
    best = None
    for event in consents:
        key = (_when(event), event.state == "requested", event.version)
        if best is None or key > best[0]:
            best = (key, event.state, event.version)
    return ("unknown", 0, None, None) if best is None else (best[1], best[2], None, None)


def _endings(events: list[LedgerEvent], merges: list[MergeSides]) -> list[list[LedgerEvent]]:
    """For each way of taking one side of every merge: the events of the instant that decides on it."""
    history = sorted(merges, key=lambda merge: (merge.merged_at, merge.order), reverse=True)
    endings = []
    for sides in product(("survivor", "absorbed"), repeat=len(history)):
        left = list(events)
        for merge, side in zip(history, sides, strict=True):
            names = {event.identifier_id for event in left}
            if not (names & set(merge.survivor) and names & set(merge.absorbed)):
                continue
            after = [event for event in left if _when(event) > merge.merged_at]
            if after:
                left = after
                break
            other = merge.absorbed if side == "survivor" else merge.survivor
            left = [event for event in left if event.identifier_id not in other]
        if left:
            last = max(_when(event) for event in left)
            endings.append([event for event in left if _when(event) == last])
    return endings


def _strictest_decision(endings: list[list[LedgerEvent]]) -> tuple | None:
    told = [event for ending in endings for event in ending]
    refusals = [event for event in told if event.state not in YES]
    if refusals:
        first = max(refusals, key=lambda e: (_when(e), STRICTNESS[e.state], -e.version))
        return (first.state, first.version, _when(first), None)
    if not told:
        return None
    name = max(told, key=lambda e: (_when(e), STRICTNESS[e.state]))
    ends = [event.valid_until for event in told if event.valid_until is not None]
    return (
        name.state,
        min(event.version for event in told),
        _when(name),
        min(ends) if ends else None,
    )


def _objected_at(
    objecting: list[LedgerEvent], speaking: list[LedgerEvent], merges: list[MergeSides]
) -> datetime | None:
    """When the objection that stands was made; None where none stands."""
    if not objecting:
        return None
    lifting = [
        event
        for event in speaking
        if (event.kind == "objection" and event.state == "withdrawn")
        or (event.kind == "consent" and event.state in YES and event.actor == "subject")
    ]
    endings = _endings(objecting + lifting, merges)
    standing = [_when(event) for ending in endings for event in ending if event in objecting]
    return max(standing, default=None)
