"""Selecting the profiles whose membership may change between two instants just by time passing.

Invariant: every profile whose membership changes is selected; others may be too. Profiles with
events dated in the future are not selected here, since they have a wake-up at the event's time.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from segments.compiler.context import Context, EventNameRef, event_name_refs
from segments.compiler.events import ROOT_DOCUMENTS, compile_where, name_condition
from segments.compiler.fragments import Fragment, all_of, any_of, fill
from segments.compiler.people import TRAITS
from segments.compiler.trees import leaves
from segments.compiler.values import Element, add_to_instant, born_between, span_value
from segments.language import nodes
from segments.language.calendar import Band, expiry_bands, latest_birth_date, local_date
from segments.language.nodes import ConsentLeaf, EventLeaf, PersonLeaf, TraitLeaf


def select_due(
    person_leaves: Iterable[PersonLeaf], since: datetime, context: Context
) -> list[Fragment]:
    """Return SELECTs of the profiles for which one of these leaves may change.

    The time is after `since`, up to and including the context's now.
    """
    distinct = dict.fromkeys(person_leaves)
    trait_leaves = [leaf for leaf in distinct if isinstance(leaf, TraitLeaf)]
    selects = [_select_by_traits(trait_leaves, since, context)]
    for leaf in distinct:
        if isinstance(leaf, EventLeaf):
            selects += _select_by_events(leaf, since, context)
        elif isinstance(leaf, ConsentLeaf):
            selects.append(_select_by_consent(leaf, since, context))
    return [select for select in selects if select is not None]


def _select_by_traits(
    trait_leaves: list[TraitLeaf], since: datetime, context: Context
) -> Fragment | None:
    # All leaves in one SELECT, so that the profiles are scanned once.
    checks = [
        check
        for leaf in trait_leaves
        for check in _change_conditions(Element(TRAITS, leaf.key), leaf.test, since, context)
    ]
    if not checks:
        return None
    return fill("SELECT p.id FROM profiles_profile p WHERE {checks}", checks=any_of(checks))


def _change_conditions(
    element: Element, test: nodes.Test, since: datetime, context: Context
) -> Iterator[Fragment]:
    """Yield conditions that the answer of a test of a date changes after `since` and up to now."""
    match test:
        case nodes.InLast(duration):
            span = span_value(element, context)
            # The value comes into the window at its start, and leaves it a duration after its end.
            for edge in (
                fill("lower({span})", span=span),
                add_to_instant(fill("upper({span})", span=span), duration, context),
            ):
                yield fill(
                    "coalesce({edge} > {since}::timestamptz"
                    " AND {edge} <= {now}::timestamptz, FALSE)",
                    edge=edge,
                    since=since,
                    now=context.now,
                )
        case nodes.AgeBetween(low, high):
            before, today = (local_date(at, context.zone) for at in (since, context.now))
            # Ages change at midnight only.
            if before < today:
                for years in (low, high + 1):
                    yield born_between(
                        element, latest_birth_date(before, years), latest_birth_date(today, years)
                    )


def _select_by_events(event: EventLeaf, since: datetime, context: Context) -> Iterator[Fragment]:
    names = event_name_refs(event, context)
    if not names:
        return
    durations = []
    if isinstance(event.window, nodes.Last):
        durations.append(event.window.duration)
    if isinstance(event.test, nodes.InLast):
        durations.append(event.test.duration)
    for duration in durations:
        bands = expiry_bands(since, context.now, duration, context.zone)
        yield _select_leaving(event, names, bands, context)
    yield from _select_by_dates(event, names, since, context)


def _select_leaving(
    event: EventLeaf, names: list[EventNameRef], bands: list[Band], context: Context
) -> Fragment:
    """Return a SELECT of the profiles with events that leave a window."""
    inside = [
        fill(
            '(e."timestamp" > {low}::timestamptz AND e."timestamp" <= {high}::timestamptz)',
            low=band.low,
            high=band.high,
        )
        for band in bands
    ]
    checks = [name_condition(names), any_of(inside)]
    # A `where` that depends on the time may have matched the event before and not match it now.
    if event.where is not None and not _depends_on_time(event.where):
        checks.append(compile_where(event.where, context))
    return fill("SELECT e.profile_id FROM profiles_event e WHERE {checks}", checks=all_of(checks))


def _depends_on_time(where: nodes.Where) -> bool:
    return any(isinstance(leaf.test, nodes.InLast | nodes.AgeBetween) for leaf in leaves(where))


def _select_by_dates(
    event: EventLeaf, names: list[EventNameRef], since: datetime, context: Context
) -> Iterator[Fragment]:
    """Yield a SELECT of the profiles with events that contain a date for which `where` changes."""
    if event.where is None:
        return
    changes = [
        change
        for leaf in leaves(event.where)
        for change in _change_conditions(
            Element(ROOT_DOCUMENTS[leaf.root], leaf.key), leaf.test, since, context
        )
    ]
    if changes:
        checks = all_of([name_condition(names), any_of(changes)])
        yield fill("SELECT e.profile_id FROM profiles_event e WHERE {checks}", checks=checks)


def _select_by_consent(leaf: ConsentLeaf, since: datetime, context: Context) -> Fragment:
    """Return a SELECT of the profiles whose consent expires."""
    return fill(
        "SELECT s.profile_id FROM consent_consentstate s"
        " JOIN consent_purpose q ON q.id = s.purpose_id"
        " WHERE q.key = {purpose}::text AND s.valid_until > {since}::timestamptz"
        " AND s.valid_until <= {now}::timestamptz",
        purpose=leaf.purpose,
        since=since,
        now=context.now,
    )
