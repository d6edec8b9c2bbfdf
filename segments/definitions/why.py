"""Why a profile is in a segment or not: the truth of every node, the evidence behind it, and when that will flip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from django.db import connection

from consent.models import ConsentState
from profiles.lib import exact_json
from profiles.lib.database import database_now
from profiles.models import Profile
from segments.compiler import Context, Fragment, compile_scoped, expanded_leaves, fill, joined
from segments.compiler.context import names_of
from segments.compiler.events import named_events
from segments.compiler.trees import leaves
from segments.definitions import sql
from segments.definitions.live import context_of, effective_definition, read_live
from segments.language import nodes
from segments.language.calendar import (
    MONTH_SLACK,
    add,
    birthday,
    local_midnight,
    parse_date,
    parse_span,
    seconds_of,
)
from segments.language.nodes import EventLeaf, Node
from segments.language.parser import child_definitions, parse
from segments.models import Segment

# So many instants at which something changes are tried; after them the next one is given as one at which it can.
MOST_TRIED = 100
MISSING = object()


@dataclass(frozen=True, slots=True)
class Why:
    """`tree` is the definition with `holds` and `evidence` at each node. `flips_at` is None where time alone changes nothing."""

    is_member: bool
    tree: dict[str, Any]
    flips_at: datetime | None


def why(segment: Segment, profile: Profile, *, at: datetime | None = None) -> Why:
    """The reasons as of an instant, by the definition that memberships answer."""
    now = database_now()
    context = context_of(read_live().nodes, now=at or now, is_present=at is None or at >= now)
    definition = effective_definition(segment)
    root = parse(definition)
    walked = list(_walk(root, definition))
    judged = _judge(root, [node for node, _ in walked], profile.pk, context)
    parts = iter(zip(walked, judged.holds, strict=True))
    return Why(
        judged.is_member,
        _annotate(definition, parts, judged),
        _flips_at(root, judged, profile.pk, context),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What the database says of one profile: membership, each node, each event leaf's figure, and the traits."""

    is_member: bool
    holds: Sequence[bool]
    quantities: Mapping[EventLeaf, str | None]
    traits: Mapping[str, Any]


def _walk(node: Node, definition: Mapping[str, Any]) -> Iterator[tuple[Node, Mapping[str, Any]]]:
    """Each node with its definition, a group before its children."""
    yield node, definition
    match node:
        case nodes.And(children) | nodes.Or(children) | nodes.AtLeast(_, children):
            below: tuple[Node, ...] = children
        case nodes.Not(child):
            below = (child,)
        case _:
            below = ()
    for child, (_, inner) in zip(below, child_definitions(definition), strict=True):
        yield from _walk(child, inner)


def _judge(root: Node, found: Sequence[Node], profile_id: int, context: Context) -> Judged:
    scoped = compile_scoped([root, *found], [profile_id], context)
    figures = [fill("{figure}::text", figure=figure) for figure in scoped.quantities.values()]
    statement = fill(
        sql.WHY,
        root=scoped.conditions[0],
        conditions=joined(", ", scoped.conditions[1:]),
        quantities=joined(", ", figures),
        joins=scoped.joins,
        id=profile_id,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        is_member, holds, values, traits = cursor.fetchone()
    quantities = dict(zip(scoped.quantities, values, strict=True))
    read: Any = exact_json.loads(traits)
    return Judged(is_member, holds, quantities, read)


def _annotate(
    definition: Mapping[str, Any],
    parts: Iterator[tuple[tuple[Node, Mapping[str, Any]], bool]],
    judged: Judged,
) -> dict[str, Any]:
    """The definition with what is true of each node, in the order in which they were walked."""
    (node, _), held = next(parts)
    annotated = {**definition, "holds": held}
    below = [_annotate(inner, parts, judged) for _, inner in child_definitions(definition)]
    if "child" in definition:
        annotated["child"] = below[0]
    elif below:
        annotated["children"] = below
    annotated["evidence"] = (
        {"holding": sum(child["holds"] for child in below), "of": len(below)}
        if below
        else _evidence(node, held, judged)
    )
    return annotated


def _evidence(node: Node, held: bool, judged: Judged) -> dict[str, Any]:
    match node:
        case nodes.TraitLeaf(key, test):
            found = look_up(judged.traits, key)
            shown = {} if found is MISSING else {"value": found}
            other = getattr(test, "value", None)
            if isinstance(other, nodes.OtherTrait):
                compared = look_up(judged.traits, other.key)
                shown |= {} if compared is MISSING else {"other": compared}
            return shown
        case nodes.EventLeaf(aggregate=aggregate):
            figure = judged.quantities.get(node)
            if figure is None and aggregate in (nodes.Aggregate.COUNT, nodes.Aggregate.SUM):
                figure = "0"
            return {} if figure is None else {str(aggregate): figure}
        case nodes.ConsentLeaf(_, is_permitted):
            return {"permitted": held == is_permitted}
        case nodes.SegmentLeaf():
            return {"member": held}
        case _:
            return {}


def look_up(document: object, key: nodes.Path) -> object:
    """What is at a path of keys; MISSING where there is nothing, or null."""
    for step in key:
        if not isinstance(document, dict):
            return MISSING
        document = document.get(step)
    return MISSING if document is None else document


def _flips_at(root: Node, judged: Judged, profile_id: int, context: Context) -> datetime | None:
    """The first instant at which the answer changes, if nothing else happens."""
    edges = sorted(
        {edge for edge in _edges(root, judged, profile_id, context) if edge > context.now}
    )
    for number, edge in zip(count(), edges, strict=False):
        if number >= MOST_TRIED:
            return edge
        moved = replace(context, now=edge, is_present=False)
        scoped = compile_scoped([root], [profile_id], moved)
        statement = fill(
            sql.HOLDS, condition=scoped.conditions[0], joins=scoped.joins, id=profile_id
        )
        if _fetch(statement)[0][0] != judged.is_member:
            return edge
    return None


def _edges(root: Node, judged: Judged, profile_id: int, context: Context) -> Iterator[datetime]:
    """Every instant to come at which a leaf may change its answer."""
    for leaf in set(expanded_leaves(root, context)):
        match leaf:
            case nodes.TraitLeaf(key, test):
                yield from edges_of(test, look_up(judged.traits, key), context)
            case nodes.ConsentLeaf(purpose):
                yield from ConsentState.objects.filter(
                    profile_id=profile_id, purpose__key=purpose, valid_until__isnull=False
                ).values_list("valid_until", flat=True)
            case nodes.EventLeaf():
                yield from _event_edges(leaf, profile_id, context)


def edges_of(test: nodes.Test, value: object, context: Context) -> Iterator[datetime]:
    """Every instant at which the answer of a test of this value can change."""
    if not isinstance(value, str):
        return
    match test:
        case nodes.InLast(duration):
            span = parse_span(value, context.zone)
            if span is not None and span.end.year < 9000:
                yield span.start
                yield add(span.end, duration, context.zone)
        case nodes.AgeBetween(low, high):
            born = parse_date(value)
            if born is not None and born.year < 9000:
                for years in (low, high + 1):
                    yield local_midnight(birthday(born, years), context.zone)


def _event_edges(event: EventLeaf, profile_id: int, context: Context) -> Iterator[datetime]:
    names = names_of(event, context)
    if not names:
        return
    durations = [
        part.duration
        for part in (event.window, event.test)
        if isinstance(part, nodes.Last | nodes.InLast)
    ]
    longest = max((seconds_of(duration) + MONTH_SLACK for duration in durations), default=None)
    since = context.now if longest is None else context.now - longest
    statement = fill(sql.EVENT_TIMES, id=profile_id, named=named_events(names), since=since)
    for (timestamp,) in _fetch(statement):
        yield timestamp
        for duration in durations:
            yield add(timestamp, duration, context.zone)
    yield from _document_edges(event, profile_id, context)


def _document_edges(event: EventLeaf, profile_id: int, context: Context) -> Iterator[datetime]:
    """Dates in events that `where` judges by the clock."""
    fields = [] if event.where is None else list(leaves(event.where))
    timed = [leaf for leaf in fields if isinstance(leaf.test, nodes.InLast | nodes.AgeBetween)]
    if not timed:
        return
    named = named_events(names_of(event, context))
    for documents in _fetch(fill(sql.EVENT_DOCUMENTS, id=profile_id, named=named)):
        roots = dict(zip(nodes.Root, map(exact_json.loads, documents), strict=True))
        for leaf in timed:
            yield from edges_of(leaf.test, look_up(roots[leaf.root], leaf.key), context)


def _fetch(statement: Fragment) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
