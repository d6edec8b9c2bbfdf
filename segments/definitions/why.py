"""Explaining why a profile is in a segment or not, and when that will change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from consent.models import ConsentState
from profiles.lib import exact_json
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from profiles.models import Profile
from segments.compiler import (
    Context,
    Fragment,
    compile_scoped,
    expanded_leaves,
    fill,
    join_fragments,
)
from segments.compiler.context import event_name_refs
from segments.compiler.events import name_condition
from segments.compiler.trees import leaves
from segments.definitions import sql
from segments.definitions.live import effective_definition, make_context, read_live_definitions
from segments.language import nodes
from segments.language.calendar import (
    MONTH_SLACK,
    add_duration,
    birthday,
    length_of,
    local_midnight,
    parse_date,
    parse_span,
)
from segments.language.nodes import EventLeaf, Node
from segments.language.parser import child_definitions, parse
from segments.lib.failures import SegmentFailed, require_open
from segments.lib.moments import refuse_out_of_range
from segments.models import Segment

EXPLAIN_SECONDS = 10
# After this many times at which the answer does not change, the next one is returned untested.
MAX_TRIES = 100
# Dates beyond this year are ignored, so that adding a duration to them cannot overflow.
LAST_YEAR = 9000
# Stands for a value that does not exist. JSON null counts as missing too.
MISSING = object()


@dataclass(frozen=True, slots=True)
class Why:
    """The explanation of one profile's membership.

    `tree` is the definition with `holds` and `evidence` at each node. `flips_at` is when membership
    changes if only time passes, None if it never does.
    """

    is_member: bool
    tree: dict[str, Any]
    flips_at: datetime | None


def why(segment: Segment, profile: Profile, *, at: datetime | None = None) -> Why:
    """Explain a membership as of a time, now by default, by the segment's effective definition.

    Raises SegmentFailed where the segment is set apart or cannot be evaluated, and MomentError.
    """
    refuse_out_of_range(at)
    require_open(segment)
    try:
        with time_limit(EXPLAIN_SECONDS):
            return _explain(segment, profile, at)
    except Exception as error:
        # An outage is raised again.
        segment.failure = fault_of(error)
        raise SegmentFailed(segment) from None


def _explain(segment: Segment, profile: Profile, at: datetime | None) -> Why:
    now = database_now()
    context = make_context(
        read_live_definitions().nodes, now=at or now, is_present=at is None or at >= now
    )
    definition = effective_definition(segment)
    root = parse(definition)
    all_nodes = list(_walk(root, definition))
    evaluation = _evaluate(root, all_nodes, profile.pk, context)
    answers = iter(zip(all_nodes, evaluation.holds, strict=True))
    return Why(
        evaluation.is_member,
        _annotate(definition, answers, evaluation),
        _next_change(root, evaluation, profile.pk, context),
    )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the database returned about one profile.

    `holds` has the truth of each node in the order of the walk, `quantities` the aggregate of each
    event leaf as text.
    """

    is_member: bool
    holds: Sequence[bool]
    quantities: Mapping[EventLeaf, str | None]
    traits: Mapping[str, Any]


def _walk(node: Node, definition: Mapping[str, Any]) -> Iterator[Node]:
    """Yield all nodes, a group before its children, in the order of the definition's JSON."""
    yield node
    match node:
        case nodes.And(children) | nodes.Or(children) | nodes.AtLeast(_, children):
            child_nodes: tuple[Node, ...] = children
        case nodes.Not(child):
            child_nodes = (child,)
        case _:
            child_nodes = ()
    for child, (_, child_definition) in zip(
        child_nodes, child_definitions(definition), strict=True
    ):
        yield from _walk(child, child_definition)


def _evaluate(
    root: Node, all_nodes: Sequence[Node], profile_id: int, context: Context
) -> Evaluation:
    scoped = compile_scoped([root, *all_nodes], [profile_id], context)
    quantities = [
        fill("{quantity}::text", quantity=quantity) for quantity in scoped.quantities.values()
    ]
    statement = fill(
        sql.EVALUATE_NODES,
        root=scoped.conditions[0],
        conditions=join_fragments(", ", scoped.conditions[1:]),
        quantities=join_fragments(", ", quantities),
        joins=scoped.joins,
        id=profile_id,
    )
    ((is_member, holds, values, traits_text),) = _fetch(statement)
    traits: Any = exact_json.loads(traits_text)
    return Evaluation(is_member, holds, dict(zip(scoped.quantities, values, strict=True)), traits)


def _annotate(
    definition: Mapping[str, Any],
    answers: Iterator[tuple[Node, bool]],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Return the definition with `holds` and `evidence`.

    `answers` has each node with its truth, in the order of the walk, and is consumed.
    """
    node, holds = next(answers)
    annotated = {**definition, "holds": holds}
    children = [
        _annotate(child_definition, answers, evaluation)
        for _, child_definition in child_definitions(definition)
    ]
    if "child" in definition:
        annotated["child"] = children[0]
    elif children:
        annotated["children"] = children
    annotated["evidence"] = (
        {"holding": sum(child["holds"] for child in children), "of": len(children)}
        if children
        else _evidence(node, holds, evaluation)
    )
    return annotated


def _evidence(node: Node, holds: bool, evaluation: Evaluation) -> dict[str, Any]:
    """Return the values behind the answer of a leaf."""
    match node:
        case nodes.TraitLeaf(key, test):
            value = look_up(evaluation.traits, key)
            evidence = {} if value is MISSING else {"value": value}
            operand = getattr(test, "value", None)
            if isinstance(operand, nodes.OtherTrait):
                other = look_up(evaluation.traits, operand.key)
                evidence |= {} if other is MISSING else {"other": other}
            return evidence
        case nodes.EventLeaf(aggregate=aggregate):
            quantity = evaluation.quantities.get(node)
            if quantity is None and aggregate in (nodes.Aggregate.COUNT, nodes.Aggregate.SUM):
                quantity = "0"
            return {} if quantity is None else {str(aggregate): quantity}
        case nodes.ConsentLeaf(_, is_permitted):
            # The leaf holds where the purpose's state is the wanted one.
            return {"permitted": holds == is_permitted}
        case nodes.SegmentLeaf():
            return {"member": holds}
        case _:
            return {}


def look_up(document: object, key: nodes.Path) -> object:
    """Return the value at a path of keys, MISSING where there is none or null."""
    for step in key:
        if not isinstance(document, dict):
            return MISSING
        document = document.get(step)
    return MISSING if document is None else document


def _next_change(
    root: Node, evaluation: Evaluation, profile_id: int, context: Context
) -> datetime | None:
    """Return the first time at which membership changes if nothing but time passes."""
    times = sorted(
        time
        for time in set(_all_change_times(root, evaluation, profile_id, context))
        if time > context.now
    )
    for tries, time in enumerate(times):
        if tries >= MAX_TRIES:
            return time
        # A leaf may change without changing the answer, so the definition is evaluated again.
        later = replace(context, now=time, is_present=False)
        scoped = compile_scoped([root], [profile_id], later)
        statement = fill(
            sql.IS_MATCHING, condition=scoped.conditions[0], joins=scoped.joins, id=profile_id
        )
        if _fetch(statement)[0][0] != evaluation.is_member:
            return time
    return None


def _all_change_times(
    root: Node, evaluation: Evaluation, profile_id: int, context: Context
) -> Iterator[datetime]:
    """Yield times at which some leaf may change. Those in the past are not left out."""
    for leaf in set(expanded_leaves(root, context)):
        match leaf:
            case nodes.TraitLeaf(key, test):
                yield from value_change_times(test, look_up(evaluation.traits, key), context)
            case nodes.ConsentLeaf(purpose):
                states = ConsentState.objects.filter(profile_id=profile_id, purpose__key=purpose)
                ends = states.values_list("valid_until", flat=True)
                yield from (valid_until for valid_until in ends if valid_until is not None)
            case nodes.EventLeaf():
                yield from _event_change_times(leaf, profile_id, context)


def value_change_times(test: nodes.Test, value: object, context: Context) -> Iterator[datetime]:
    """Yield the times at which the answer of a test of this value may change."""
    # Only texts can be dates.
    if not isinstance(value, str):
        return
    match test:
        case nodes.InLast(duration):
            span = parse_span(value, context.zone)
            if span is not None and span.end.year < LAST_YEAR:
                yield span.start
                yield add_duration(span.end, duration, context.zone)
        case nodes.AgeBetween(low, high):
            birth = parse_date(value)
            if birth is not None and birth.year < LAST_YEAR:
                for years in (low, high + 1):
                    yield local_midnight(birthday(birth, years), context.zone)


def _event_change_times(event: EventLeaf, profile_id: int, context: Context) -> Iterator[datetime]:
    names = event_name_refs(event, context)
    if not names:
        return
    durations = [
        part.duration
        for part in (event.window, event.test)
        if isinstance(part, nodes.Last | nodes.InLast)
    ]
    # Older events have left the longest window already. Without a window only events to come count.
    longest = max((length_of(duration) + MONTH_SLACK for duration in durations), default=None)
    since = context.now if longest is None else context.now - longest
    statement = fill(sql.EVENT_TIMES, id=profile_id, has_name=name_condition(names), since=since)
    for (timestamp,) in _fetch(statement):
        yield timestamp
        for duration in durations:
            yield add_duration(timestamp, duration, context.zone)
    yield from _document_change_times(event, profile_id, context)


def _document_change_times(
    event: EventLeaf, profile_id: int, context: Context
) -> Iterator[datetime]:
    """Yield the times at which `where` may change because of a date in an event."""
    fields = [] if event.where is None else list(leaves(event.where))
    date_fields = [
        leaf for leaf in fields if isinstance(leaf.test, nodes.InLast | nodes.AgeBetween)
    ]
    if not date_fields:
        return
    has_name = name_condition(event_name_refs(event, context))
    for documents in _fetch(fill(sql.EVENT_DOCUMENTS, id=profile_id, has_name=has_name)):
        # The columns have the order of the members of Root: properties, context.
        roots = dict(zip(nodes.Root, map(exact_json.loads, documents), strict=True))
        for leaf in date_fields:
            yield from value_change_times(leaf.test, look_up(roots[leaf.root], leaf.key), context)


def _fetch(statement: Fragment) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
