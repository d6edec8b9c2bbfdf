"""Selecting the profiles whose membership may change between two instants just by time passing.

A SELECT has two columns: a profile's id, and the instant at which its membership may change.

Invariant: every profile whose membership changes is selected, with an instant that is not after the
change unless another change of it comes first; others may be selected too. Profiles with events
dated in the future are not selected here, since they have a wake-up at the event's time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from segments.compiler.context import Context, EventNameRef, event_name_refs
from segments.compiler.events import ROOT_DOCUMENTS, compile_where, name_condition
from segments.compiler.fragments import Fragment, all_of, any_of, fill, join_fragments
from segments.compiler.people import TRAITS
from segments.compiler.trees import leaves
from segments.compiler.values import Element, add_to_instant, born_between, span_value
from segments.language import nodes
from segments.language.calendar import (
    end_of_day,
    expiry_bands,
    latest_birth_date,
    local_date,
    months_in,
)
from segments.language.nodes import ConsentLeaf, EventLeaf, PersonLeaf, TraitLeaf


@dataclass(frozen=True, slots=True)
class Period:
    """The instants after `since`, up to and including the context's now.

    `ids` are the only profiles to select, None for all.
    """

    since: datetime
    context: Context
    ids: Sequence[int] | None = None

    @property
    def now(self) -> datetime:
        return self.context.now


def select_due(person_leaves: Iterable[PersonLeaf], period: Period) -> list[Fragment]:
    """Return SELECTs of the profiles for which one of these leaves may change in the period."""
    distinct = dict.fromkeys(person_leaves)
    trait_leaves = [leaf for leaf in distinct if isinstance(leaf, TraitLeaf)]
    selects = [_select_by_traits(trait_leaves, period)]
    for leaf in distinct:
        if isinstance(leaf, EventLeaf):
            selects += _select_by_events(leaf, period)
        elif isinstance(leaf, ConsentLeaf):
            selects.append(_select_by_consent(leaf, period))
    return [select for select in selects if select is not None]


def _select_by_traits(trait_leaves: list[TraitLeaf], period: Period) -> Fragment | None:
    # All leaves in one SELECT, so that the profiles are scanned once.
    edges = [
        edge
        for leaf in trait_leaves
        for edge in _edges(Element(TRAITS, leaf.key), leaf.test, period)
    ]
    if not edges:
        return None
    return _select_edges(
        "SELECT p.id, edge.at FROM profiles_profile p"
        " CROSS JOIN LATERAL unnest(ARRAY[{edges}]::timestamptz[]) AS edge (at) WHERE {checks}",
        edges,
        _only(period, Fragment("p.id")),
        period,
    )


def _select_edges(
    template: str, edges: list[Fragment], checks: list[Fragment], period: Period
) -> Fragment:
    inside = fill(
        "edge.at > {since}::timestamptz AND edge.at <= {now}::timestamptz",
        since=period.since,
        now=period.now,
    )
    return fill(template, edges=join_fragments(", ", edges), checks=all_of([*checks, inside]))


def _only(period: Period, profile_id: Fragment) -> list[Fragment]:
    """Return the condition that keeps to the profiles of the period."""
    if period.ids is None:
        return []
    return [fill("{id} = ANY({ids}::bigint[])", id=profile_id, ids=list(period.ids))]


def _edges(element: Element, test: nodes.Test, period: Period) -> Iterator[Fragment]:
    """Yield the instants, or NULL, at which the answer of a test of a date may change."""
    match test:
        case nodes.InLast(duration):
            span = span_value(element, period.context)
            # The value comes into the window at its start, and leaves it a duration after its end.
            yield fill("lower({span})", span=span)
            yield add_to_instant(fill("upper({span})", span=span), duration, period.context)
        case nodes.AgeBetween(low, high):
            zone = period.context.zone
            before, today = (local_date(at, zone) for at in (period.since, period.now))
            # Ages change at midnight only. The first one of several is early enough for all.
            if before < today:
                for years in (low, high + 1):
                    yield fill(
                        "CASE WHEN {is_birthday} THEN {midnight}::timestamptz END",
                        is_birthday=born_between(
                            element,
                            latest_birth_date(before, years),
                            latest_birth_date(today, years),
                        ),
                        midnight=end_of_day(before, zone),
                    )


def _select_by_events(event: EventLeaf, period: Period) -> Iterator[Fragment]:
    names = event_name_refs(event, period.context)
    if not names:
        return
    durations = []
    if isinstance(event.window, nodes.Last):
        durations.append(event.window.duration)
    if isinstance(event.test, nodes.InLast):
        durations.append(event.test.duration)
    for duration in durations:
        yield _select_leaving(event, names, duration, period)
    yield from _select_by_dates(event, names, period)


def _select_leaving(
    event: EventLeaf, names: list[EventNameRef], duration: nodes.Duration, period: Period
) -> Fragment:
    """Return a SELECT of the profiles with events that leave a window, and when they do."""
    bands = expiry_bands(period.since, period.now, duration, period.context.zone)
    inside = [
        fill(
            '(e."timestamp" > {low}::timestamptz AND e."timestamp" <= {high}::timestamptz)',
            low=band.low,
            high=band.high,
        )
        for band in bands
    ]
    checks = [name_condition(names), any_of(inside), *_only(period, Fragment("e.profile_id"))]
    edge = add_to_instant(Fragment('e."timestamp"'), duration, period.context)
    if months_in(duration):
        # The bands of months are wider than the period.
        checks.append(
            fill(
                "{edge} > {since}::timestamptz AND {edge} <= {now}::timestamptz",
                edge=edge,
                since=period.since,
                now=period.now,
            )
        )
    # A `where` that depends on the time may have matched the event before and not match it now.
    if event.where is not None and not _depends_on_time(event.where):
        checks.append(compile_where(event.where, period.context))
    return fill(
        "SELECT e.profile_id, {edge} FROM profiles_event e WHERE {checks}",
        edge=edge,
        checks=all_of(checks),
    )


def _depends_on_time(where: nodes.Where) -> bool:
    return any(isinstance(leaf.test, nodes.InLast | nodes.AgeBetween) for leaf in leaves(where))


def _select_by_dates(
    event: EventLeaf, names: list[EventNameRef], period: Period
) -> Iterator[Fragment]:
    """Yield a SELECT of the profiles with events that contain a date for which `where` changes."""
    if event.where is None:
        return
    edges = [
        edge
        for leaf in leaves(event.where)
        for edge in _edges(Element(ROOT_DOCUMENTS[leaf.root], leaf.key), leaf.test, period)
    ]
    if edges:
        yield _select_edges(
            "SELECT e.profile_id, edge.at FROM profiles_event e"
            " CROSS JOIN LATERAL unnest(ARRAY[{edges}]::timestamptz[]) AS edge (at)"
            " WHERE {checks}",
            edges,
            [name_condition(names), *_only(period, Fragment("e.profile_id"))],
            period,
        )


def _select_by_consent(leaf: ConsentLeaf, period: Period) -> Fragment:
    """Return a SELECT of the profiles whose consent expires, and when it does."""
    checks = [
        fill("q.key = {purpose}::text", purpose=leaf.purpose),
        fill("s.valid_until > {since}::timestamptz", since=period.since),
        fill("s.valid_until <= {now}::timestamptz", now=period.now),
        *_only(period, Fragment("s.profile_id")),
    ]
    return fill(
        "SELECT s.profile_id, s.valid_until FROM consent_consentstate s"
        " JOIN consent_purpose q ON q.id = s.purpose_id WHERE {checks}",
        checks=all_of(checks),
    )
