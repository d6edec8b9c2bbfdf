"""Compiling windows: which events they hold, and when an event enters or leaves one.

`e` is the event in every condition.
"""

from datetime import datetime, timedelta
from typing import assert_never

from segments.compiler.context import Context, operand_span, unit_span
from segments.compiler.dates import add_to_instant
from segments.compiler.fragments import Fragment, fill
from segments.language import nodes
from segments.language.calendar import MONTH_SLACK, length_of, months_in
from segments.language.nodes import Duration, Window

TIMESTAMP = Fragment('e."timestamp"')


def window_conditions(window: Window | None, context: Context) -> list[Fragment]:
    """Return the conditions that an event is in the window. No event after now is in any."""
    is_past = fill('e."timestamp" <= {now}::timestamptz', now=context.now)
    match window:
        case None:
            return [is_past]
        case nodes.Last(duration):
            return [is_past, *_is_younger(duration, context)]
        case nodes.BetweenAgo(older, newer):
            return [*_is_older(newer, context), *_is_younger(older, context)]
        case nodes.This() | nodes.Previous():
            start, end = unit_span(window, context)
            return [is_past, _not_before(start), _before(end)]
        case nodes.Range(first, last):
            checks = [is_past]
            if first is not None:
                checks.append(_not_before(operand_span(first, context).start))
            if last is not None:
                checks.append(_before(operand_span(last, context).start))
            return checks
        case _:
            assert_never(window)


def _not_before(moment: datetime) -> Fragment:
    return fill('e."timestamp" >= {moment}::timestamptz', moment=moment)


def _before(moment: datetime) -> Fragment:
    return fill('e."timestamp" < {moment}::timestamptz', moment=moment)


def _is_younger(duration: Duration, context: Context) -> list[Fragment]:
    """Return the conditions for now < timestamp + duration."""
    edge = context.now - length_of(duration)
    after = 'e."timestamp" > {edge}::timestamptz'
    if not months_in(duration):
        return [fill(after, edge=edge)]
    # Adding months is slow in SQL, so it is done only for events near the edge. The first condition
    # can use an index, which the addition cannot.
    near_edge = fill(
        '(e."timestamp" > {certain}::timestamptz OR {leaves_at} > {now}::timestamptz)',
        certain=edge + MONTH_SLACK,
        leaves_at=add_to_instant(TIMESTAMP, duration, context),
        now=context.now,
    )
    return [fill(after, edge=edge - MONTH_SLACK), near_edge]


def _is_older(duration: Duration, context: Context) -> list[Fragment]:
    """Return the conditions for timestamp + duration ≤ now."""
    edge = context.now - length_of(duration)
    until = 'e."timestamp" <= {edge}::timestamptz'
    if not months_in(duration):
        return [fill(until, edge=edge)]
    near_edge = fill(
        '(e."timestamp" <= {certain}::timestamptz OR {enters_at} <= {now}::timestamptz)',
        certain=edge - MONTH_SLACK,
        enters_at=add_to_instant(TIMESTAMP, duration, context),
        now=context.now,
    )
    return [fill(until, edge=edge + MONTH_SLACK), near_edge]


def earliest_counted(window: Window | None, context: Context) -> datetime | None:
    """Return an instant before which the window holds no event; None if it may hold any."""
    match window:
        case nodes.Last(duration) | nodes.BetweenAgo(duration, _):
            slack = MONTH_SLACK if months_in(duration) else timedelta()
            return context.now - length_of(duration) - slack
        case nodes.This() | nodes.Previous():
            return unit_span(window, context).start
        case nodes.Range(start, _) if start is not None:
            return operand_span(start, context).start
        case _:
            return None


def durations_of(part: Window | nodes.Test | None) -> list[Duration]:
    """Return how long after an event a window, or a test of its time, may change its answer."""
    match part:
        case nodes.Last(duration) | nodes.InLast(duration) | nodes.MoreThanAgo(duration):
            return [duration]
        case nodes.BetweenAgo(older, newer):
            return [older, newer]
        case _:
            return []
