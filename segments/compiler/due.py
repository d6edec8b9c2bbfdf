"""Who can flip between two instants because time passes: for each kind of time leaf, a SELECT of profile ids.

Invariant: whoever flips is selected; some who do not flip may be. Events dated in the future are not looked for here: whoever
has one is woken at its time.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from segments.compiler.context import Context, EventNameRef, names_of
from segments.compiler.events import ROOTS, compile_where, named_events
from segments.compiler.fragments import Fragment, all_of, any_of, fill
from segments.compiler.people import TRAITS
from segments.compiler.trees import leaves
from segments.compiler.values import Element, added, born_between, span_value
from segments.language import nodes
from segments.language.calendar import Band, birth_limit, expiring, local_date
from segments.language.nodes import ConsentLeaf, EventLeaf, PersonLeaf, TraitLeaf


def select_due(found: Iterable[PersonLeaf], since: datetime, context: Context) -> list[Fragment]:
    """SELECTs of the profiles that may flip on one of these leaves after `since` and up to the context's now."""
    distinct = dict.fromkeys(found)
    selects = [_traits([leaf for leaf in distinct if isinstance(leaf, TraitLeaf)], since, context)]
    for leaf in distinct:
        if isinstance(leaf, EventLeaf):
            selects += _event(leaf, since, context)
        elif isinstance(leaf, ConsentLeaf):
            selects.append(_consent(leaf, since, context))
    return [select for select in selects if select is not None]


def _traits(found: list[TraitLeaf], since: datetime, context: Context) -> Fragment | None:
    """All trait leaves in one pass over the profiles."""
    checks = [
        check
        for leaf in found
        for check in _edges(Element(TRAITS, leaf.key), leaf.test, since, context)
    ]
    if not checks:
        return None
    return fill("SELECT p.id FROM profiles_profile p WHERE {checks}", checks=any_of(checks))


def _edges(
    element: Element, test: nodes.Test, since: datetime, context: Context
) -> Iterator[Fragment]:
    """Conditions under which a test of a date changes its answer after `since` and up to now."""
    match test:
        case nodes.InLast(duration):
            span = span_value(element, context)
            for edge in (
                fill("lower({span})", span=span),
                added(fill("upper({span})", span=span), duration, context),
            ):
                yield fill(
                    "coalesce({edge} > {since}::timestamptz AND {edge} <= {now}::timestamptz, FALSE)",
                    edge=edge,
                    since=since,
                    now=context.now,
                )
        case nodes.AgeBetween(low, high):
            before, today = (local_date(at, context.zone) for at in (since, context.now))
            if before < today:
                for years in (low, high + 1):
                    yield born_between(
                        element, birth_limit(before, years), birth_limit(today, years)
                    )


def _event(event: EventLeaf, since: datetime, context: Context) -> Iterator[Fragment]:
    names = names_of(event, context)
    if not names:
        return
    durations = []
    if isinstance(event.window, nodes.Last):
        durations.append(event.window.duration)
    if isinstance(event.test, nodes.InLast):
        durations.append(event.test.duration)
    for duration in durations:
        yield _leaving(event, names, expiring(since, context.now, duration, context.zone), context)
    yield from _dated_events(event, names, since, context)


def _leaving(
    event: EventLeaf, names: list[EventNameRef], bands: list[Band], context: Context
) -> Fragment:
    """Whose events leave a window."""
    inside = [
        fill(
            '(e."timestamp" > {low}::timestamptz AND e."timestamp" <= {high}::timestamptz)',
            low=band.low,
            high=band.high,
        )
        for band in bands
    ]
    checks = [named_events(names), any_of(inside)]
    if event.where is not None and not _is_timed(event.where):
        checks.append(compile_where(event.where, context))
    return fill("SELECT e.profile_id FROM profiles_event e WHERE {checks}", checks=all_of(checks))


def _is_timed(where: nodes.Where) -> bool:
    return any(isinstance(leaf.test, nodes.InLast | nodes.AgeBetween) for leaf in leaves(where))


def _dated_events(
    event: EventLeaf, names: list[EventNameRef], since: datetime, context: Context
) -> Iterator[Fragment]:
    """Whose events hold a date that `where` judges by the clock."""
    if event.where is None:
        return
    edges = [
        edge
        for leaf in leaves(event.where)
        for edge in _edges(Element(ROOTS[leaf.root], leaf.key), leaf.test, since, context)
    ]
    if edges:
        checks = all_of([named_events(names), any_of(edges)])
        yield fill("SELECT e.profile_id FROM profiles_event e WHERE {checks}", checks=checks)


def _consent(leaf: ConsentLeaf, since: datetime, context: Context) -> Fragment:
    """Whose consent expires."""
    return fill(
        "SELECT s.profile_id FROM consent_consentstate s JOIN consent_purpose q ON q.id = s.purpose_id"
        " WHERE q.key = {purpose}::text AND s.valid_until > {since}::timestamptz"
        " AND s.valid_until <= {now}::timestamptz",
        purpose=leaf.purpose,
        since=since,
        now=context.now,
    )
