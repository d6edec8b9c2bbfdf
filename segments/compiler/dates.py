"""Compiling the tests of dates: texts in JSON documents, and instants.

Invariant: every condition is TRUE or FALSE on any data, never NULL and never an error.
"""

from datetime import date, datetime
from typing import assert_never

from segments.compiler.context import Context, operand_span, unit_span
from segments.compiler.elements import Element, text_value
from segments.compiler.fragments import FALSE, Fragment, all_of, fill
from segments.language import nodes
from segments.language.calendar import (
    Span,
    latest_birth_date,
    length_of,
    local_date,
    months_in,
)
from segments.language.nodes import DateTest, Duration, IsoText, OtherTrait, Test


def test_date(element: Element, test: DateTest, context: Context) -> Fragment:
    """Return the condition that the element is a date that passes the test."""
    span = span_value(element, context)
    match test:
        case nodes.Before(value):
            return _relation("{span} << {operand}", span, _operand(element, value, context))
        case nodes.After(value):
            return _relation("{span} >> {operand}", span, _operand(element, value, context))
        case nodes.On(value):
            return _relation("{span} <@ {operand}", span, _operand(element, value, context))
        case nodes.DateBetween(low, high):
            ends = operand_span(low, context).start, operand_span(high, context).end
            # No range goes backwards. Times with an offset show only here which comes first.
            if ends[0] > ends[1]:
                return FALSE
            is_day = operand_span(high, context).is_day
            return _relation("{span} <@ {operand}", span, _range(*ends, "[)" if is_day else "[]"))
        case nodes.This() | nodes.Previous():
            period = unit_span(test, context)
            return _relation("{span} <@ {operand}", span, _range(*period, "[)"))
        case nodes.InLast() | nodes.InNext() | nodes.MoreThanAgo():
            return _test_distance(span, test, context)
        case nodes.AnniversaryInNext(duration):
            starts_at = _local(next_anniversary(birth_date(element), context.now, context), context)
            return fill(
                "coalesce({enters_at} <= {now}::timestamptz, FALSE)",
                enters_at=add_to_instant(starts_at, duration, context, sign=-1),
                now=context.now,
            )
        case nodes.AgeBetween(low, high):
            return _test_age(element, low, high, context)
        case _:
            assert_never(test)


def _relation(template: str, span: Fragment, operand: Fragment) -> Fragment:
    relation = fill(template, span=span, operand=operand)
    return fill("coalesce({relation}, FALSE)", relation=relation)


def _range(start: datetime, end: datetime, bounds: str) -> Fragment:
    template = "tstzrange({start}::timestamptz, {end}::timestamptz, {bounds}::text)"
    return fill(template, start=start, end=end, bounds=bounds)


def _operand(element: Element, operand: IsoText | OtherTrait, context: Context) -> Fragment:
    """Return the day or instant that the operand means, as a range; NULL if a trait has none."""
    if isinstance(operand, OtherTrait):
        return span_value(Element(element.document, operand.key), context)
    span = operand_span(operand, context)
    return _range(*span, "[)" if span.is_day else "[]")


def _test_distance(
    span: Fragment, test: nodes.InLast | nodes.InNext | nodes.MoreThanAgo, context: Context
) -> Fragment:
    """Return the condition that the span has this distance from now.

    A day counts as soon as a part of it does. Where the duration has a fixed length, one
    comparison of ranges says the same as the two of instants.
    """
    now, duration = context.now, test.duration
    lower, upper = fill("lower({span})", span=span), fill("upper({span})", span=span)
    is_fixed, length = not months_in(duration), length_of(duration)
    match test:
        case nodes.InLast() if is_fixed:
            return _relation("{span} && {operand}", span, _range(now - length, now, "(]"))
        case nodes.InLast():
            template = "{lower} <= {now}::timestamptz AND {leaves_at} > {now}::timestamptz"
            leaves_at = add_to_instant(upper, duration, context)
            condition = fill(template, lower=lower, leaves_at=leaves_at, now=now)
        case nodes.InNext() if is_fixed:
            return _relation("{span} && {operand}", span, _range(now, now + length, "(]"))
        case nodes.InNext():
            template = "{enters_at} <= {now}::timestamptz AND {upper} > {now}::timestamptz"
            enters_at = add_to_instant(lower, duration, context, sign=-1)
            condition = fill(template, upper=upper, enters_at=enters_at, now=now)
        case nodes.MoreThanAgo():
            enters_at = add_to_instant(upper, duration, context)
            condition = fill("{enters_at} <= {now}::timestamptz", enters_at=enters_at, now=now)
    return fill("coalesce({condition}, FALSE)", condition=condition)


def _test_age(element: Element, low: int, high: int | None, context: Context) -> Fragment:
    today = local_date(context.now, context.zone)
    checks = [_born("{birth} <= {day}::date", element, latest_birth_date(today, low))]
    if high is not None:
        checks.append(_born("{birth} > {day}::date", element, latest_birth_date(today, high + 1)))
    return all_of(checks)


def _born(template: str, element: Element, day: date) -> Fragment:
    condition = fill(template, birth=birth_date(element), day=day)
    return fill("coalesce({condition}, FALSE)", condition=condition)


def birth_date(element: Element) -> Fragment:
    """Return the date that the element is, as written; NULL for other values."""
    return fill("segments_date({text})", text=text_value(element))


def next_anniversary(day: Fragment, now: datetime, context: Context) -> Fragment:
    """Return the first anniversary of a date that is not before the local day of `now`."""
    today = local_date(now, context.zone)
    return fill("segments_anniversary({day}, {today}::date)", day=day, today=today)


def _local(day: Fragment, context: Context) -> Fragment:
    return fill("segments_local({day}, {zone}::text)", day=day, zone=context.zone.key)


def span_value(element: Element, context: Context) -> Fragment:
    """Return the day or instant that the element means, as a range; NULL for other texts."""
    template = "segments_span({text}, {zone}::text)"
    return fill(template, text=text_value(element), zone=context.zone.key)


def add_to_instant(
    instant: Fragment, duration: Duration, context: Context, sign: int = 1
) -> Fragment:
    """Return the instant a duration later, or earlier where the sign is negative."""
    if months := months_in(duration):
        template = "segments_add({instant}, {months}::int, {zone}::text)"
        return fill(template, instant=instant, months=sign * months, zone=context.zone.key)
    length = sign * length_of(duration)
    return fill("({instant} + {length}::interval)", instant=instant, length=length)


def test_moment(value: Fragment, test: Test, context: Context) -> Fragment:
    """Return the condition that an instant passes the test.

    NULL means missing. The instant must not be after now.
    """
    match test:
        case nodes.Exists():
            return fill("({value} IS NOT NULL)", value=value)
        case nodes.Before(IsoText() as operand):
            condition = _before(value, operand_span(operand, context).start)
        case nodes.After(IsoText() as operand):
            condition = _after(value, operand_span(operand, context))
        case nodes.On(IsoText() as operand):
            condition = _within(value, operand_span(operand, context))
        case nodes.DateBetween(low, high):
            last = operand_span(high, context)
            first = operand_span(low, context).start
            condition = fill(
                "{value} >= {first}::timestamptz AND NOT {is_after}",
                value=value,
                first=first,
                is_after=_after(value, last),
            )
        case nodes.This() | nodes.Previous():
            condition = _within(value, unit_span(test, context))
        case nodes.InLast(duration):
            condition = _aged("{aged_at} > {now}::timestamptz", value, duration, context)
        case nodes.MoreThanAgo(duration):
            condition = _aged("{aged_at} <= {now}::timestamptz", value, duration, context)
        case _:
            raise ValueError("The parser lets no other test of an instant through.")
    return fill("coalesce({condition}, FALSE)", condition=condition)


def _aged(template: str, value: Fragment, duration: Duration, context: Context) -> Fragment:
    """Return a condition on when an instant is so long ago."""
    aged_at = add_to_instant(value, duration, context)
    return fill(template, aged_at=aged_at, now=context.now)


def _before(value: Fragment, moment: datetime) -> Fragment:
    return fill("({value} < {moment}::timestamptz)", value=value, moment=moment)


def _after(value: Fragment, span: Span) -> Fragment:
    # A day excludes its end, so its end is after it; an instant is not after itself.
    template = (
        "({value} >= {end}::timestamptz)" if span.is_day else "({value} > {end}::timestamptz)"
    )
    return fill(template, value=value, end=span.end)


def _within(value: Fragment, span: Span) -> Fragment:
    template = "({value} >= {start}::timestamptz AND NOT {is_after})"
    return fill(template, value=value, start=span.start, is_after=_after(value, span))


def date_edges(element: Element, test: Test, since: datetime, context: Context) -> list[Fragment]:
    """Return the instants, or NULL, at which time alone may change the answer of a test.

    The first one after `since` is always among them.
    """
    span = span_value(element, context)
    lower, upper = fill("lower({span})", span=span), fill("upper({span})", span=span)
    match test:
        case nodes.InLast(duration):
            return [lower, add_to_instant(upper, duration, context)]
        case nodes.MoreThanAgo(duration):
            return [add_to_instant(upper, duration, context)]
        case nodes.InNext(duration):
            return [add_to_instant(lower, duration, context, sign=-1), upper]
        case nodes.This(unit):
            return [_unit_start(lower, unit, shift, context) for shift in (0, 1)]
        case nodes.Previous(unit):
            return [_unit_start(lower, unit, shift, context) for shift in (1, 2)]
        case nodes.AnniversaryInNext(duration):
            day = next_anniversary(birth_date(element), since, context)
            starts_at, ends_at = _local(day, context), _local(fill("{day} + 1", day=day), context)
            return [add_to_instant(starts_at, duration, context, sign=-1), ends_at]
        case nodes.AgeBetween(low, high):
            ages = [low] if high is None else [low, high + 1]
            return [_local(_birthday(element, years), context) for years in ages]
        case _:
            return []


def _birthday(element: Element, years: int) -> Fragment:
    template = "segments_birthday({birth}, {years}::int)"
    return fill(template, birth=birth_date(element), years=years)


def _unit_start(
    instant: Fragment, unit: nodes.CalendarUnit, shift: int, context: Context
) -> Fragment:
    """Return the start of the calendar unit so many units after that of an instant."""
    return fill(
        "segments_unit({instant}, {unit}::text, {shift}::int, {zone}::text, {week_start}::int)",
        instant=instant,
        unit=str(unit),
        shift=shift,
        zone=context.zone.key,
        week_start=context.week_start,
    )


def is_timed(test: Test) -> bool:
    """Whether the answer of a test changes as the clock moves."""
    return isinstance(test, nodes.TimedTest)
