"""Explaining why a profile is in a segment or not, and when that will change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.lib import exact_json
from profiles.lib.database import database_now, time_limit
from profiles.lib.faults import fault_of
from profiles.models import Profile
from segments.compiler import (
    Context,
    Fragment,
    compile_scoped,
    fill,
    join_fragments,
)
from segments.compiler.events import ZERO_AGGREGATES, quantity_text
from segments.compiler.quantities import leaf_quantity
from segments.definitions import sql
from segments.definitions.boundaries import read_models, settle, with_boundaries
from segments.definitions.entries import refuse_before_first_build
from segments.definitions.evidence import measured_evidence
from segments.definitions.flips import next_flip
from segments.definitions.live import (
    effective_definition,
    make_context,
    member_node,
    read_live_definitions,
    rivals_of,
)
from segments.definitions.nearly import Missing, nearly_in
from segments.language import nodes
from segments.language.nodes import Node
from segments.language.parser import child_definitions, parse
from segments.language.phrases import Language
from segments.language.words import describe
from segments.lib.failures import SegmentFailed, require_open
from segments.lib.moments import MomentError, refuse_out_of_range
from segments.models import Override, Segment

EXPLAIN_SECONDS = 10
# What the quantity of a leaf is of.
MEASURES: Mapping[type, str] = {
    nodes.RegularLeaf: "periods",
    nodes.IdentifierLeaf: "identifiers",
    nodes.SourceLeaf: "last_at",
    nodes.StatedLeaf: "last_at",
    nodes.ListLeaf: "added_at",
    nodes.BucketLeaf: "percent",
    nodes.GeoLeaf: "km",
    nodes.AccountLeaf: "accounts",
}
# Stands for a value that does not exist. JSON null counts as missing too.
MISSING = object()


@dataclass(frozen=True, slots=True)
class Why:
    """The explanation of one profile's membership.

    `tree` is the definition with `holds` and `evidence` at each node, and with `words` where a
    language was given. `missing` are the leaves each of which alone keeps a person out who is not
    in. `overrides` are what staff decided about the person, whatever the definition says, and
    `better` the segments of its exclusive group that have the person first. `flips_at` is when
    membership changes if only time passes, None if never.
    """

    is_member: bool
    tree: dict[str, Any]
    missing: Sequence[Missing]
    flips_at: datetime | None
    overrides: Sequence[Override] = ()
    better: Sequence[str] = ()


def why(
    segment: Segment,
    profile: Profile,
    *,
    at: datetime | None = None,
    language: Language | None = None,
) -> Why:
    """Explain a membership as of a time, now by default, by the segment's effective definition.

    With a language each node is put into its words.

    Raises SegmentFailed where the segment is set apart or cannot be evaluated, and MomentError.
    """
    refuse_out_of_range(at)
    require_open(segment)
    try:
        with time_limit(EXPLAIN_SECONDS):
            return _explain(segment, profile, at, language)
    except MomentError:
        raise
    except Exception as error:
        # An outage is raised again.
        segment.failure = fault_of(error)
        raise SegmentFailed(segment) from None


def _explain(
    segment: Segment, profile: Profile, at: datetime | None, language: Language | None
) -> Why:
    now = database_now()
    context = make_context(
        read_live_definitions().nodes, now=at or now, is_present=at is None or at >= now
    )
    definition = effective_definition(segment)
    models = read_models(None if context.is_present else at)
    tree = with_boundaries(parse(definition), segment.boundaries, models)
    refuse_before_first_build(tree, context, at)
    tree, context = settle(tree, context, is_afresh=at is not None)
    # Whoever is a member is so by the tree, by what staff decided, and by the segment's group.
    root = member_node(tree, segment.key)
    rivals = dict(rivals_of(segment))
    all_nodes = list(_walk(tree, definition))
    evaluation = _evaluate(root, [*all_nodes, *rivals.values()], profile.pk, context)
    answers = list(zip(all_nodes, evaluation.holds, strict=False))
    overrides = overrides_of(segment, profile, context.now)
    better = [
        key for key, holds in zip(rivals, evaluation.holds[len(all_nodes) :], strict=True) if holds
    ]
    # Whoever is restricted is in no segment, whatever the definition says.
    is_decided = profile.is_restricted or bool(overrides) or bool(better)
    return Why(
        evaluation.is_member,
        _annotate(definition, iter(answers), evaluation, language),
        [] if is_decided else nearly_in(tree, definition, answers, evaluation.quantities),
        next_flip(root, profile.pk, context, is_member=evaluation.is_member),
        overrides,
        better,
    )


def overrides_of(segment: Segment, profile: Profile, now: datetime) -> list[Override]:
    """Return what staff decided about a person in a segment and has not ended by then."""
    rows = Override.objects.filter(segment=segment, profile=profile).order_by("starts_at")
    return list(rows.exclude(ends_at__lte=now))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the database returned about one profile.

    `holds` has the truth of each node in the order of the walk, `quantities` as text what a leaf
    counts or measures.
    """

    is_member: bool
    holds: Sequence[bool]
    quantities: Mapping[Node, str | None]
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
    quantities: dict[Node, Fragment] = {
        event: quantity_text(event, quantity) for event, quantity in scoped.quantities.items()
    }
    for node in all_nodes:
        if (quantity := leaf_quantity(node, context, [profile_id])) is not None:
            quantities[node] = fill("{quantity}::text", quantity=quantity)
    statement = fill(
        sql.EVALUATE_NODES,
        root=scoped.conditions[0],
        conditions=join_fragments(", ", scoped.conditions[1:]),
        quantities=join_fragments(", ", quantities.values()),
        joins=scoped.joins,
        id=profile_id,
    )
    ((is_member, holds, values, traits_text),) = _fetch(statement)
    traits: Any = exact_json.loads(traits_text)
    return Evaluation(is_member, holds, dict(zip(quantities, values, strict=True)), traits)


def _annotate(
    definition: Mapping[str, Any],
    answers: Iterator[tuple[Node, bool]],
    evaluation: Evaluation,
    language: Language | None,
) -> dict[str, Any]:
    """Return the definition with `holds` and `evidence`, and with `words` in a language.

    `answers` has each node with its truth, in the order of the walk, and is consumed.
    """
    node, holds = next(answers)
    annotated = {**definition, "holds": holds}
    if language is not None:
        annotated["words"] = describe(node, language)
    children = [
        _annotate(child_definition, answers, evaluation, language)
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
            if quantity is None and aggregate in ZERO_AGGREGATES:
                quantity = "0"
            return {} if quantity is None else {str(aggregate): quantity}
        case nodes.RankLeaf() | nodes.RfmLeaf() | nodes.LifeCycleLeaf():
            return measured_evidence(node, evaluation.quantities)
        case nodes.ConsentLeaf(_, is_permitted):
            # The leaf holds where the purpose's state is the wanted one.
            return {"permitted": holds == is_permitted}
        case nodes.SegmentLeaf():
            entered = evaluation.quantities.get(node)
            return {"member": holds} | ({} if entered is None else {"entered_at": entered})
        case nodes.SessionLeaf(aggregate=aggregate):
            quantity = evaluation.quantities[node]
            return {} if quantity is None else {str(aggregate): quantity}
        case nodes.SequenceLeaf(steps):
            return {"steps": evaluation.quantities[node], "of": len(steps)}
        case _ if type(node) in MEASURES:
            measured = evaluation.quantities[node]
            return {} if measured is None else {MEASURES[type(node)]: measured}
        case _:
            return {}


def look_up(document: object, key: nodes.Path) -> object:
    """Return the value at a path of keys, MISSING where there is none or null."""
    for step in key:
        if not isinstance(document, dict):
            return MISSING
        document = document.get(step)
    return MISSING if document is None else document


def _fetch(statement: Fragment) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
