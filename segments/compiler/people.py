"""Whole definitions: over everybody as one boolean over `p`, or for a few profiles by one read of their events.

Invariant: both forms say the same of the same profile at the same now; the tests prove it against a naive oracle.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from segments.compiler import events
from segments.compiler.context import Context, names_of
from segments.compiler.fragments import (
    FALSE,
    TRUE,
    Fragment,
    all_of,
    fill,
    fill_named,
    joined,
    negated,
)
from segments.compiler.trees import compile_tree, leaves
from segments.compiler.values import Element, test_element
from segments.language import nodes
from segments.language.nodes import EventLeaf, Node, PersonLeaf

TRAITS = Fragment("p.traits")
EventCompiler = Callable[[EventLeaf, Context], Fragment]


@dataclass(frozen=True, slots=True)
class ScopedConditions:
    """Conditions over `p` for a few profiles, and the joins that they read. `quantities` are the event leaves' figures."""

    joins: Fragment
    conditions: tuple[Fragment, ...]
    quantities: Mapping[EventLeaf, Fragment]


def compile_everyone(node: Node, context: Context) -> Fragment:
    """Who is in, as a boolean over any profile `p`. Restricted profiles are in nothing."""
    condition = compile_node(node, context, events.compile_for_everyone)
    return fill("(NOT p.is_restricted AND {condition})", condition=condition)


def compile_scoped(trees: Sequence[Node], ids: Sequence[int], context: Context) -> ScopedConditions:
    """The same conditions for these profiles only; equal event leaves of all trees are counted once."""
    reading = _Reading(list(ids), context)
    for event in event_leaves(trees, context):
        reading.add(event)
    conditions = [compile_node(tree, context, reading.condition) for tree in trees]
    return ScopedConditions(reading.joins(), tuple(conditions), reading.quantities)


def compile_node(node: Node, context: Context, compile_event: EventCompiler) -> Fragment:
    def compile_leaf(leaf: PersonLeaf) -> Fragment:
        return _leaf(leaf, context, compile_event)

    return compile_tree(node, compile_leaf)


def _leaf(leaf: PersonLeaf, context: Context, compile_event: EventCompiler) -> Fragment:
    match leaf:
        case nodes.EveryoneLeaf():
            return TRUE
        case nodes.TraitLeaf(key, test, is_negated):
            passed = test_element(Element(TRAITS, key), test, context)
            return negated(passed) if is_negated else passed
        case nodes.EventLeaf():
            return compile_event(leaf, context)
        case nodes.SegmentLeaf(key):
            return compile_node(context.segments[key], context, compile_event)
        case nodes.ConsentLeaf(purpose, is_permitted):
            permitted = fill_named(context.permitted, {"purpose": purpose, "at": context.now})
            return permitted if is_permitted else negated(permitted)
        case _:
            assert_never(leaf)


def expanded_leaves(node: Node, context: Context) -> Iterator[PersonLeaf]:
    """The leaves of a definition and of the segments that it leans on."""
    found: Iterator[PersonLeaf] = leaves(node)
    for leaf in found:
        if isinstance(leaf, nodes.SegmentLeaf):
            yield from expanded_leaves(context.segments[leaf.key], context)
        else:
            yield leaf


def event_leaves(trees: Iterable[Node], context: Context) -> list[EventLeaf]:
    """The distinct event leaves of all trees."""
    found = (leaf for tree in trees for leaf in expanded_leaves(tree, context))
    return list(dict.fromkeys(leaf for leaf in found if isinstance(leaf, EventLeaf)))


class _Reading:
    """One read of some profiles' events and one of their statistics, with a column for each distinct leaf."""

    def __init__(self, ids: list[int], context: Context) -> None:
        self.ids = ids
        self.context = context
        self.event_columns: dict[EventLeaf, Fragment] = {}
        self.stat_columns: dict[EventLeaf, Fragment] = {}
        self.quantities: dict[EventLeaf, Fragment] = {}

    def add(self, event: EventLeaf) -> None:
        found = names_of(event, self.context)
        if not found:
            return
        if events.reads_statistics(event, found, self.context):
            self.stat_columns[event] = events.stat_column(event, found, self.context)
            self.quantities[event] = _column("st", len(self.stat_columns))
        else:
            self.event_columns[event] = events.event_column(event, found, self.context)
            self.quantities[event] = _column("ev", len(self.event_columns))

    def condition(self, event: EventLeaf, context: Context) -> Fragment:
        asked = self.quantities.get(event)
        if asked is None:
            return TRUE if events.passes_without_events(event) != event.is_negated else FALSE
        test = events.test_quantity(event, asked, context)
        return negated(test) if event.is_negated else test

    def joins(self) -> Fragment:
        parts = []
        if self.event_columns:
            parts.append(
                fill(
                    "LEFT JOIN (SELECT e.profile_id, {columns} FROM profiles_event e WHERE {where}"
                    " GROUP BY e.profile_id) ev ON ev.profile_id = p.id",
                    columns=_numbered(self.event_columns.values()),
                    where=self._bounds(),
                )
            )
        if self.stat_columns:
            parts.append(
                fill(
                    "LEFT JOIN (SELECT s.profile_id, {columns} FROM profiles_eventstat s"
                    " WHERE s.profile_id = ANY({ids}::bigint[]) AND s.name_id = ANY({names}::bigint[])"
                    " GROUP BY s.profile_id) st ON st.profile_id = p.id",
                    columns=_numbered(self.stat_columns.values()),
                    ids=self.ids,
                    names=self._name_ids(self.stat_columns),
                )
            )
        return joined(" ", parts)

    def _bounds(self) -> Fragment:
        """Whose events, of which names, and not before the earliest that any leaf counts."""
        checks = [
            fill("e.profile_id = ANY({ids}::bigint[])", ids=self.ids),
            fill("e.name_id = ANY({ids}::bigint[])", ids=self._name_ids(self.event_columns)),
            fill('e."timestamp" <= {now}::timestamptz', now=self.context.now),
        ]
        starts = [events.earliest(event, self.context) for event in self.event_columns]
        bounded = [start for start in starts if start is not None]
        if len(bounded) == len(starts):
            checks.append(fill('e."timestamp" >= {start}::timestamptz', start=min(bounded)))
        return all_of(checks)

    def _name_ids(self, columns: Iterable[EventLeaf]) -> list[int]:
        return sorted({ref.id for event in columns for ref in names_of(event, self.context)})


def _column(alias: str, number: int) -> Fragment:
    return Fragment(".".join((alias, "c" + str(number))))


def _numbered(columns: Iterable[Fragment]) -> Fragment:
    """Each column under its number: c1, c2, …"""
    return joined(
        ", ",
        (
            fill("{column} AS {name}", column=column, name=Fragment("c" + str(number)))
            for number, column in enumerate(columns, 1)
        ),
    )
