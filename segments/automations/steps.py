"""One step of a run, decided: pure, from the step and what is the case.

Invariant: the decision depends on its arguments alone, so that a run which is tried again after a
kill comes to the same.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from segments.automations.nodes import (
    AddToList,
    Ask,
    Call,
    Check,
    Choice,
    GiveCode,
    HandOver,
    Mail,
    OnEmpty,
    Outcome,
    Quiet,
    SetTrait,
    Split,
    Step,
    TakeBack,
    TakeOffList,
    Wait,
    WaitEvent,
)

# How often somebody looks again for whom a pool had no code.
REFILL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision depends on. What a step does not read may be anything.

    `event_at` is when the first event came that the step waits for, `holds` what a condition says,
    `place` where the person is on the circle of a split, from 0 to 100.
    """

    now: datetime
    entered_at: datetime
    zone: ZoneInfo
    event_at: datetime | None = None
    holds: bool = False
    is_permitted: bool = False
    place: float = 0
    is_capped: bool = False
    has_address: bool = True
    has_code: bool = False
    is_held_out: bool = False
    is_ordinary: bool = True


@dataclass(frozen=True, slots=True)
class Stay:
    """The run waits here until a time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Go:
    """The run goes on, to `next`; None where it ends early."""

    outcome: Outcome
    next: str | None
    branch: str = ""


def decide(step: Step, facts: Facts, quiet: Quiet | None) -> Stay | Go:
    """Decide about a step."""
    match step:
        case Wait(_, following):
            end = wait_end(step, facts.entered_at, facts.zone)
            return Go(Outcome.PASSED, following) if facts.now >= end else Stay(end)
        case WaitEvent(_, _, _, at_most, then, otherwise):
            if facts.event_at is not None:
                return Go(Outcome.BRANCH, then, "then")
            end = facts.entered_at + at_most
            return Go(Outcome.BRANCH, otherwise, "else") if facts.now >= end else Stay(end)
        case Check(_, following, test):
            holds = facts.is_permitted if test == Ask.PERMITTED else facts.holds
            return Go(Outcome.PASSED, following) if holds else Go(Outcome.FAILED, None)
        case Choice(_, _, then, otherwise):
            branch, way = ("then", then) if facts.holds else ("else", otherwise)
            return Go(Outcome.BRANCH, way, branch)
        case Split(_, _, branches):
            place, way = next(
                (place, way)
                for place, (edge, way) in enumerate(branches)
                if facts.place < edge or edge == 100
            )
            return Go(Outcome.BRANCH, way, str(place))
        case (
            AddToList(_, following)
            | TakeOffList(_, following)
            | TakeBack(_, following)
            | SetTrait(_, following)
            | GiveCode(_, following)
        ) if facts.is_held_out:
            return Go(Outcome.HELD_OUT, following)
        case AddToList(_, following) | TakeOffList(_, following) | TakeBack(_, following):
            return Go(Outcome.ACTED, following)
        case SetTrait(_, following):
            return Go(Outcome.ACTED if facts.is_ordinary else Outcome.FORBIDDEN, following)
        case GiveCode(_, following, _, on_empty):
            return _code(following, facts, on_empty)
        case Mail(_, following):
            if not facts.has_address:
                return Go(Outcome.NO_ADDRESS, following)
            return _message(following, facts, quiet)
        case HandOver(_, following) if not facts.is_permitted:
            return Go(Outcome.FORBIDDEN, following)
        case HandOver(_, following):
            return Go(Outcome.HELD_OUT if facts.is_held_out else Outcome.ACTED, following)
        case Call(_, following, _):
            return _message(following, facts, quiet)
        case _:
            assert_never(step)


def _code(following: str, facts: Facts, on_empty: OnEmpty) -> Stay | Go:
    """Decide about a code: given, or what the step says of an empty pool."""
    if facts.has_code:
        return Go(Outcome.ACTED, following)
    match on_empty:
        case OnEmpty.GO_ON:
            return Go(Outcome.NO_CODE, following)
        case OnEmpty.END:
            return Go(Outcome.NO_CODE, None)
        case OnEmpty.WAIT:
            return Stay(facts.now + REFILL)
        case _:
            assert_never(on_empty)


def _message(following: str, facts: Facts, quiet: Quiet | None) -> Stay | Go:
    """Decide about a mail or a call: permitted, at a decent hour, and not one too many."""
    if not facts.is_permitted:
        return Go(Outcome.FORBIDDEN, following)
    if quiet is not None and (end := quiet_until(facts.now, quiet, facts.zone)) is not None:
        return Stay(end)
    if facts.is_held_out:
        # Here, so that those who get nothing take as long as those who do.
        return Go(Outcome.HELD_OUT, following)
    return Go(Outcome.CAPPED if facts.is_capped else Outcome.ACTED, following)


def wait_end(step: Wait, entered_at: datetime, zone: ZoneInfo) -> datetime:
    """Return when a wait ends."""
    end = entered_at + step.span
    return end if step.until is None else next_hour(end, step.until, zone)


def next_hour(moment: datetime, hour: time, zone: ZoneInfo) -> datetime:
    """Return the first instant from `moment` on at which clocks of the zone show the hour."""
    local = moment.astimezone(zone)
    day = local.date()
    # Two days: where clocks go forward, an hour may fall before the moment that names it.
    for later in range(3):
        at = datetime.combine(day + timedelta(days=later), hour, zone)
        if at.astimezone(moment.tzinfo) >= moment:
            return at.astimezone(moment.tzinfo)
    return moment


def quiet_until(moment: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime | None:
    """Return when quiet hours end that hold now; None where none do."""
    clock = moment.astimezone(zone).time()
    if quiet.begins < quiet.ends:
        holds = quiet.begins <= clock < quiet.ends
    else:
        holds = clock >= quiet.begins or clock < quiet.ends
    return next_hour(moment, quiet.ends, zone) if holds else None
