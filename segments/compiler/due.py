"""Selecting the profiles whose membership may change between two instants just by time passing.

A SELECT has two columns: a profile's id, and the instant at which its membership may change. Leaves
about the time of events, and consents, are found by an index whenever somebody looks. Dates inside
documents, and entries into segments, have none: `select_dates` is for writing their next instants
down.

Invariant: every profile whose membership changes is selected, with an instant that is not after the
change unless another change of it comes first; others may be selected too. Profiles with events
dated in the future are not selected here, since they have a wake-up at the event's time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from segments.compiler.accounts import select_account_dates
from segments.compiler.context import Context, event_name_refs, first_day
from segments.compiler.dates import add_to_instant, date_edges
from segments.compiler.elements import Element
from segments.compiler.events import CHOOSING_AGGREGATES
from segments.compiler.fragments import Fragment, all_of, any_of, fill, join_fragments
from segments.compiler.histories import name_condition
from segments.compiler.parties import party_checks
from segments.compiler.people import measured_events
from segments.compiler.places import SEGMENT_ID, TRAITS
from segments.compiler.sources import SOURCE_ID, STATED_AT
from segments.compiler.where import EVENT, compile_where, depends_on_time, edge_rows, where_edges
from segments.compiler.windows import TIMESTAMP, durations_of
from segments.language import nodes
from segments.language.calendar import expiry_bands, local_midnight, months_in, shift_units
from segments.language.filters import EventFilter, event_filters, filter_of
from segments.language.measures import ACTIVE, DORMANT, NEW
from segments.language.nodes import (
    AccountLeaf,
    CalendarUnit,
    ConsentLeaf,
    Duration,
    EventLeaf,
    OverrideLeaf,
    PersonLeaf,
    SegmentLeaf,
    SourceLeaf,
    StatedLeaf,
    Test,
    TraitLeaf,
    Window,
)

EDGE = Fragment("edge.at")
BY_TRAITS = """SELECT p.id, edge.at FROM profiles_profile p
CROSS JOIN LATERAL ({edges}) AS edge (at) WHERE {checks}"""
BY_EVENTS = """SELECT e.profile_id, edge.at FROM profiles_event e
CROSS JOIN LATERAL ({edges}) AS edge (at) WHERE {checks}"""

BY_RECORDS = """SELECT r.profile_id, edge.at FROM profiles_sourcerecord r
CROSS JOIN LATERAL jsonb_each(r.traits) AS stated (trait, entry)
CROSS JOIN LATERAL ({edges}) AS edge (at) WHERE {checks}"""


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
    """Return SELECTs of the profiles for which an indexed leaf may change in the period."""
    selects: list[Fragment] = []
    for leaf in _with_measured(person_leaves):
        match leaf:
            case nodes.LifeCycleLeaf():
                for duration in (NEW, ACTIVE, DORMANT):
                    selects += _select_aged(filter_of(leaf), duration, period)
            case nodes.EventLeaf(window=window, test=test):
                selects += _select_by_window(filter_of(leaf), window, period)
                selects += _select_by_window(filter_of(leaf), test, period)
            case nodes.SessionLeaf(window=window):
                selects += _select_by_window(EventFilter("*", None), window, period)
            case nodes.RegularLeaf(unit=unit, of=of):
                # One unit leaves at its end, and the one that is now comes in.
                selects += _select_at_edge(filter_of(leaf), (unit, of + 1), period)
            case nodes.SequenceLeaf(steps, absent, window):
                selects += _select_by_window(filter_of(steps[0]), window, period)
                if absent is not None and absent.within is not None:
                    selects += _select_aged(filter_of(steps[-1]), absent.within, period)
            case nodes.SourceLeaf(_, nodes.Duration() as duration):
                sent = [fill("e.source_id = {source}", source=fill(SOURCE_ID, key=leaf.key))]
                selects += _select_aged(EventFilter("*", None), duration, period, sent)
            case nodes.ConsentLeaf():
                selects.append(_select_by_consent(leaf, period))
            case nodes.OverrideLeaf():
                selects += _select_by_override(leaf, period)
    return selects


def _with_measured(person_leaves: Iterable[PersonLeaf]) -> dict[PersonLeaf, None]:
    """Return the distinct leaves, and those of the events that they measure."""
    leaves = dict.fromkeys(person_leaves)
    return leaves | {event: None for leaf in leaves for event in measured_events(leaf)}


def select_dates(person_leaves: Iterable[PersonLeaf], period: Period) -> list[Fragment]:
    """Return SELECTs of the profiles for which a date in a document comes to its edge."""
    distinct = list(_with_measured(person_leaves))
    trait_leaves = [leaf for leaf in distinct if isinstance(leaf, TraitLeaf)]
    selects = list(_select_by_traits(trait_leaves, period))
    for leaf in distinct:
        for _, events in event_filters(leaf):
            if events.where is not None:
                edges = list(where_edges(events.where, period.since, period.context))
                selects += _select_by_documents(events, edges, period)
        if isinstance(leaf, EventLeaf) and leaf.aggregate in CHOOSING_AGGREGATES:
            # The event that is chosen is one of those that have the property.
            element = Element(EVENT[nodes.Root.PROPERTIES], leaf.property or ())
            dates = date_edges(element, leaf.test, period.since, period.context)
            rows = [edge_rows(dates)] if dates else []
            selects += _select_by_documents(filter_of(leaf), rows, period)
        if isinstance(leaf, SegmentLeaf):
            selects += _select_by_entry(leaf, period)
        if isinstance(leaf, SourceLeaf):
            by_source = [fill("r.source_id = {source}", source=fill(SOURCE_ID, key=leaf.key))]
            selects.append(_select_by_record(by_source, leaf.seen_within, period))
        if isinstance(leaf, StatedLeaf):
            by_party = party_checks(leaf, period.context)
            selects.append(_select_by_record(by_party, leaf.stated_within, period))
        if isinstance(leaf, AccountLeaf) and leaf.where is not None:
            selects += select_account_dates(
                leaf.where, period.since, period.context, _is_inside(EDGE, period), period.ids
            )
    return selects


def select_coming(person_leaves: Iterable[PersonLeaf], period: Period) -> list[Fragment]:
    """Return SELECTs of the profiles with events dated in the period, and their times."""
    filters = dict.fromkeys(
        events._replace(where=None)
        for leaf in _with_measured(person_leaves)
        for _, events in event_filters(leaf)
    )
    template = 'SELECT e.profile_id, e."timestamp" FROM profiles_event e WHERE {checks}'
    return [
        fill(
            template,
            checks=all_of([*_event_checks(events, period), _is_inside(TIMESTAMP, period)]),
        )
        for events in filters
    ]


def _select_by_traits(trait_leaves: list[TraitLeaf], period: Period) -> Iterator[Fragment]:
    # All leaves in one SELECT, so that the profiles are read once.
    edges = [
        edge
        for leaf in trait_leaves
        for edge in date_edges(Element(TRAITS, leaf.key), leaf.test, period.since, period.context)
    ]
    if edges:
        checks = _only(period, Fragment("p.id"))
        yield _select_edges(BY_TRAITS, [edge_rows(edges)], checks, period)


def _select_by_documents(
    events: EventFilter, edges: list[Fragment], period: Period
) -> Iterator[Fragment]:
    """Yield a SELECT of the profiles with events that contain a date which may change a leaf."""
    if edges:
        checks = [*_name_checks(events, period), *_only(period, Fragment("e.profile_id"))]
        yield _select_edges(BY_EVENTS, edges, checks, period)


def _select_by_record(checks: list[Fragment], within: Duration | None, period: Period) -> Fragment:
    """Return a SELECT of the profiles with such a statement of a trait that comes or gets old."""
    edges = [STATED_AT]
    if within is not None:
        edges.append(add_to_instant(STATED_AT, within, period.context))
    checks = [*checks, *_only(period, Fragment("r.profile_id"))]
    return _select_edges(BY_RECORDS, [edge_rows(edges)], checks, period)


def _select_by_entry(leaf: SegmentLeaf, period: Period) -> Iterator[Fragment]:
    """Yield a SELECT of the members for whom too long has passed since they entered."""
    if leaf.entered_within is None:
        return
    edge = add_to_instant(Fragment("m.entered_at"), leaf.entered_within, period.context)
    checks = [
        fill("m.segment_id = {segment}", segment=fill(SEGMENT_ID, key=leaf.key)),
        *_only(period, Fragment("m.profile_id")),
        _is_inside(edge, period),
    ]
    yield fill(
        "SELECT m.profile_id, {edge} FROM segments_membership m WHERE {checks}",
        edge=edge,
        checks=all_of(checks),
    )


def _select_edges(
    template: str, edges: list[Fragment], checks: list[Fragment], period: Period
) -> Fragment:
    checks = [*checks, _is_inside(EDGE, period)]
    return fill(template, edges=join_fragments(" UNION ALL ", edges), checks=all_of(checks))


def _is_inside(instant: Fragment, period: Period) -> Fragment:
    return fill(
        "{instant} > {since}::timestamptz AND {instant} <= {now}::timestamptz",
        instant=instant,
        since=period.since,
        now=period.now,
    )


def _only(period: Period, profile_id: Fragment) -> list[Fragment]:
    """Return the condition that keeps to the profiles of the period."""
    if period.ids is None:
        return []
    return [fill("{id} = ANY({ids}::bigint[])", id=profile_id, ids=list(period.ids))]


def _select_by_window(
    events: EventFilter, part: Window | Test | None, period: Period
) -> Iterator[Fragment]:
    """Yield SELECTs for a window of these events, or for a test of their first or last time."""
    for duration in durations_of(part):
        yield from _select_aged(events, duration, period)
    if isinstance(part, nodes.This | nodes.Previous):
        # What was in the unit leaves it, and what was in the one before did so earlier.
        units = 1 if isinstance(part, nodes.This) else 2
        yield from _select_at_edge(events, (part.unit, units), period)


def _select_aged(
    events: EventFilter, duration: Duration, period: Period, checks: Iterable[Fragment] = ()
) -> Iterator[Fragment]:
    """Yield a SELECT of the profiles with events that become so old, and when they do."""
    bands = expiry_bands(period.since, period.now, duration, period.context.zone)
    inside = [
        fill(
            '(e."timestamp" > {low}::timestamptz AND e."timestamp" <= {high}::timestamptz)',
            low=band.low,
            high=band.high,
        )
        for band in bands
    ]
    edge = add_to_instant(TIMESTAMP, duration, period.context)
    checks = [any_of(inside), *_event_checks(events, period), *checks]
    if months_in(duration):
        # The bands of months are wider than the period.
        checks.append(_is_inside(edge, period))
    yield fill(
        "SELECT e.profile_id, {edge} FROM profiles_event e WHERE {checks}",
        edge=edge,
        checks=all_of(checks),
    )


def _select_at_edge(
    events: EventFilter, past: tuple[CalendarUnit, int], period: Period
) -> Iterator[Fragment]:
    """Yield a SELECT of the profiles with events in the last units when a new one begins.

    `past` says how many units before the new one. If several begin in the period, the first is
    early enough for all, and the events up to the last may change the answer.
    """
    unit, count = past
    zone = period.context.zone
    since, now = (first_day(unit, at, period.context) for at in (period.since, period.now))
    if since == now:
        return
    low = local_midnight(shift_units(since, unit, 1 - count), zone)
    checks = [
        fill('e."timestamp" >= {low}::timestamptz', low=low),
        fill('e."timestamp" < {high}::timestamptz', high=local_midnight(now, zone)),
        *_event_checks(events, period),
    ]
    yield fill(
        "SELECT DISTINCT e.profile_id, {at}::timestamptz FROM profiles_event e WHERE {checks}",
        at=local_midnight(shift_units(since, unit, 1), zone),
        checks=all_of(checks),
    )


def _event_checks(events: EventFilter, period: Period) -> Iterator[Fragment]:
    yield from _name_checks(events, period)
    yield from _only(period, Fragment("e.profile_id"))
    # A `where` that depends on the time may have matched the event before and not match it now.
    if events.where is not None and not depends_on_time(events.where):
        yield compile_where(events.where, period.context)


def _name_checks(events: EventFilter, period: Period) -> list[Fragment]:
    return [name_condition(event_name_refs(events, period.context))]


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


def _select_by_override(leaf: OverrideLeaf, period: Period) -> Iterator[Fragment]:
    """Yield SELECTs of the profiles for whom a decision about a segment begins or ends."""
    for edge in (Fragment("o.starts_at"), Fragment("o.ends_at")):
        checks = [
            fill("o.segment_id = {segment}::bigint", segment=leaf.segment_id),
            _is_inside(edge, period),
            *_only(period, Fragment("o.profile_id")),
        ]
        yield fill(
            "SELECT o.profile_id, {edge} FROM segments_override o WHERE {checks}",
            edge=edge,
            checks=all_of(checks),
        )
