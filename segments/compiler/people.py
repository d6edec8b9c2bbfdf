"""Compiling whole definitions, for everybody or for a few profiles.

For everybody the result is one boolean over `p`. For a few profiles it is the same boolean with
joins that read the events of just these profiles once.

Invariant: both forms give the same answer for the same profile at the same time. The tests compare
them with a naive implementation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from segments.compiler import events
from segments.compiler.accounts import compile_account
from segments.compiler.context import Context, event_name_refs
from segments.compiler.elements import Element
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    fill,
    fill_named,
    join_fragments,
    negate,
)
from segments.compiler.kept import compile_list, compile_override
from segments.compiler.measured import compile_measured, numbered, test_measures
from segments.compiler.parties import compile_stated
from segments.compiler.places import (
    TRAITS,
    compile_bucket,
    compile_geo,
    compile_identifier,
    entry_conditions,
)
from segments.compiler.regular import compile_regular
from segments.compiler.sequences import compile_sequence
from segments.compiler.sessions import compile_session
from segments.compiler.sources import compile_source
from segments.compiler.trees import compile_tree, leaves
from segments.compiler.values import test_element
from segments.compiler.windows import earliest_counted
from segments.language import nodes
from segments.language.filters import filter_of
from segments.language.measures import measures
from segments.language.nodes import EventLeaf, MeasuredLeaf, Node, PersonLeaf


@dataclass(frozen=True, slots=True)
class Form:
    """How leaves are compiled: for everybody, or for the profiles with these ids only."""

    compile_event: Callable[[EventLeaf, Context], Fragment]
    compile_measured: Callable[[MeasuredLeaf, Context], Fragment]
    ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class ScopedConditions:
    """Conditions over `p` for a few profiles, and the joins that they need.

    `quantities` are the columns of the joins with the aggregate of each event leaf.
    """

    joins: Fragment
    conditions: tuple[Fragment, ...]
    quantities: Mapping[EventLeaf, Fragment]


def compile_everyone(node: Node, context: Context) -> Fragment:
    """Return the condition that profile `p` is a member. Restricted profiles never are."""
    condition = compile_node(node, context, Form(events.compile_for_everyone, compile_measured))
    return fill("(NOT p.is_restricted AND {condition})", condition=condition)


def compile_scoped(trees: Sequence[Node], ids: Sequence[int], context: Context) -> ScopedConditions:
    """Return the conditions of several definitions for these profiles only.

    An event leaf that several definitions have in common is counted once. The conditions do not
    exclude restricted profiles.
    """
    query = _ScopedQuery(list(ids), context)
    for event in event_leaves(trees, context):
        query.add(event)
    form = Form(query.condition, query.measured_condition, query.ids)
    conditions = [compile_node(tree, context, form) for tree in trees]
    return ScopedConditions(query.joins(), tuple(conditions), query.quantities)


def compile_node(node: Node, context: Context, form: Form) -> Fragment:
    """Return the condition of a node."""
    return compile_tree(node, lambda leaf: _compile_leaf(leaf, context, form))


def _compile_leaf(leaf: PersonLeaf, context: Context, form: Form) -> Fragment:
    match leaf:
        case nodes.EveryoneLeaf():
            return TRUE
        case nodes.TraitLeaf(key, test, is_negated):
            condition = test_element(Element(TRAITS, key), test, context)
            return negate(condition) if is_negated else condition
        case nodes.EventLeaf():
            return form.compile_event(leaf, context)
        case nodes.RankLeaf() | nodes.RfmLeaf() | nodes.LifeCycleLeaf():
            return form.compile_measured(leaf, context)
        case nodes.RegularLeaf():
            return compile_regular(leaf, context, form.ids)
        case nodes.SequenceLeaf():
            return compile_sequence(leaf, context, form.ids)
        case nodes.SessionLeaf():
            return compile_session(leaf, context, form.ids)
        case nodes.SegmentLeaf(key):
            is_member = compile_node(context.segments[key], context, form)
            return all_of([is_member, *entry_conditions(leaf, context)])
        case nodes.ConsentLeaf(purpose, is_permitted):
            permitted = fill_named(context.permitted, {"purpose": purpose, "at": context.now})
            return permitted if is_permitted else negate(permitted)
        case nodes.IdentifierLeaf():
            return compile_identifier(leaf, form.ids)
        case nodes.SourceLeaf():
            return compile_source(leaf, context, form.ids)
        case nodes.StatedLeaf():
            return compile_stated(leaf, context, form.ids)
        case nodes.ListLeaf():
            return compile_list(leaf, form.ids)
        case nodes.OverrideLeaf():
            return compile_override(leaf, context, form.ids)
        case nodes.BucketLeaf():
            return compile_bucket(leaf)
        case nodes.GeoLeaf():
            return compile_geo(leaf)
        case nodes.AccountLeaf():
            return compile_account(leaf, context, form.ids)
        case _:
            assert_never(leaf)


def expanded_leaves(node: Node, context: Context) -> Iterator[PersonLeaf]:
    """Yield the leaves of a definition, and after each name of a segment the leaves of that."""
    own_leaves: Iterator[PersonLeaf] = leaves(node)
    for leaf in own_leaves:
        yield leaf
        if isinstance(leaf, nodes.SegmentLeaf):
            yield from expanded_leaves(context.segments[leaf.key], context)


def event_leaves(trees: Iterable[Node], context: Context) -> list[EventLeaf]:
    """Return the distinct event leaves of all trees, and those that other leaves measure."""
    all_leaves = (leaf for tree in trees for leaf in expanded_leaves(tree, context))
    return list(dict.fromkeys(event for leaf in all_leaves for event in measured_events(leaf)))


def measured_events(leaf: PersonLeaf) -> tuple[EventLeaf, ...]:
    """Return the event leaves whose quantities a leaf compares."""
    match leaf:
        case nodes.EventLeaf():
            return (leaf,)
        case nodes.RankLeaf() | nodes.RfmLeaf() | nodes.LifeCycleLeaf():
            return measures(leaf)
        case _:
            return ()


class _ScopedQuery:
    """Joins of some profiles with their events and statistics, with one column per event leaf."""

    def __init__(self, ids: list[int], context: Context) -> None:
        self.ids = ids
        self.context = context
        self.event_columns: dict[EventLeaf, Fragment] = {}
        self.stat_columns: dict[EventLeaf, Fragment] = {}
        self.quantities: dict[EventLeaf, Fragment] = {}

    def add(self, event: EventLeaf) -> None:
        """Add the column of a leaf to one of the joins."""
        names = event_name_refs(filter_of(event), self.context)
        # No such event was ever received, so there is nothing to count.
        if not names:
            return
        if events.can_use_statistics(event, names, self.context):
            self.stat_columns[event] = events.stat_column(event, names, self.context)
            self.quantities[event] = _column("st", len(self.stat_columns))
        else:
            self.event_columns[event] = events.event_column(event, names, self.context)
            self.quantities[event] = _column("ev", len(self.event_columns))

    def condition(self, event: EventLeaf, context: Context) -> Fragment:
        """Return the condition of a leaf over the columns of the joins."""
        quantity = self.quantities.get(event)
        if quantity is None:
            return TRUE if events.passes_without_events(event) != event.is_negated else FALSE
        test = events.test_quantity(event, quantity, context)
        return negate(test) if event.is_negated else test

    def measured_condition(self, leaf: MeasuredLeaf, context: Context) -> Fragment:
        """Return the condition of a leaf over the columns that it measures."""
        measured = measures(leaf)
        # Of events that were never received there is nothing to compare.
        if not measured or not all(event in self.quantities for event in measured):
            return FALSE
        return test_measures(leaf, [self.quantities[event] for event in measured], context)

    def joins(self) -> Fragment:
        """Return the joins of `p` with the columns; empty where no leaf needs any."""
        parts = []
        if self.event_columns:
            parts.append(
                fill(
                    "LEFT JOIN (SELECT e.profile_id, {columns} FROM profiles_event e WHERE {where}"
                    " GROUP BY e.profile_id) ev ON ev.profile_id = p.id",
                    columns=numbered(self.event_columns.values()),
                    where=self._event_bounds(),
                )
            )
        if self.stat_columns:
            parts.append(
                fill(
                    "LEFT JOIN (SELECT s.profile_id, {columns} FROM profiles_eventstat s"
                    " WHERE s.profile_id = ANY({ids}::bigint[])"
                    " AND s.name_id = ANY({names}::bigint[])"
                    " GROUP BY s.profile_id) st ON st.profile_id = p.id",
                    columns=numbered(self.stat_columns.values()),
                    ids=self.ids,
                    names=self._name_ids(self.stat_columns),
                )
            )
        return join_fragments(" ", parts)

    def _event_bounds(self) -> Fragment:
        """Return the condition that limits the events read to those that some leaf may count."""
        checks = [
            fill("e.profile_id = ANY({ids}::bigint[])", ids=self.ids),
            fill("e.name_id = ANY({ids}::bigint[])", ids=self._name_ids(self.event_columns)),
            fill('e."timestamp" <= {now}::timestamptz', now=self.context.now),
        ]
        starts = [earliest_counted(event.window, self.context) for event in self.event_columns]
        known_starts = [start for start in starts if start is not None]
        # Only if every leaf has a start: one without counts events of any age.
        if len(known_starts) == len(starts):
            checks.append(fill('e."timestamp" >= {start}::timestamptz', start=min(known_starts)))
        return all_of(checks)

    def _name_ids(self, columns: Iterable[EventLeaf]) -> list[int]:
        return sorted(
            {ref.id for event in columns for ref in event_name_refs(filter_of(event), self.context)}
        )


def _column(alias: str, number: int) -> Fragment:
    return Fragment(".".join((alias, "c" + str(number))))
