"""The check that a definition may be saved, and which segments lean on one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q

from consent.models import Purpose
from profiles.lib.database import database_now
from profiles.models import Source
from segments.compiler import Context, expanded_leaves
from segments.compiler.where import fields_of
from segments.definitions.list_paths import list_path_faults
from segments.definitions.live import effective_definition, make_context, parsed_nodes
from segments.definitions.membership import alone, base_key, membership_nodes
from segments.definitions.patterns import pattern_faults
from segments.definitions.references import (
    reference_path,
    referenced_segments,
    with_references,
)
from segments.language import nodes
from segments.language.filters import event_filters
from segments.language.nodes import (
    AccountLeaf,
    ConsentLeaf,
    EventLeaf,
    IdentifierLeaf,
    ListLeaf,
    Node,
    PersonLeaf,
    RfmLeaf,
    SegmentLeaf,
    SourceLeaf,
    TraitLeaf,
)
from segments.language.operands import join_path
from segments.language.parser import DefinitionError, Fault, parse_with_paths
from segments.models import Segment, SegmentFamily, StaticList

# A segment is evaluated with the leaves of all segments that it refers to. Leaves of `where` and
# values of lists count too: all are compared with each person or event.
MAX_EXPANDED_LEAVES = 2000
MAX_EXPANDED_VALUES = 50_000
Status = Segment.Status
RFM = SegmentFamily.Kind.RFM


class Known(NamedTuple):
    """The keys of what a definition may name."""

    purposes: set[str]
    sources: set[str]
    models: set[str]
    lists: set[str]


@dataclass(frozen=True, slots=True)
class LiveNodes:
    """The nodes of live segments by key: those of the saved definitions, and those evaluated now.

    Memberships follow the second until the first are built, so a definition must be right by both.
    `keys` also has the segments whose definition cannot be parsed any more.
    """

    keys: frozenset[str]
    saved: Mapping[str, Node]
    effective: Mapping[str, Node]

    def referring(self, key: str) -> list[str]:
        """Return the keys of the segments that refer to this one directly."""
        both = (self.saved, self.effective)
        return sorted(
            other
            for other in self.keys - {key}
            if any(key in referenced_segments(by[other]) for by in both if other in by)
        )


def read_live_nodes(*, without: str = "") -> LiveNodes:
    """Read all live segments but one."""
    # A draft that goes live takes its place among its rivals.
    rows = list(Segment.objects.filter(Q(status=Status.LIVE) | Q(status=Status.DRAFT, key=without)))
    return LiveNodes(
        frozenset(row.key for row in rows) - {without},
        _membership({row.key: row.definition for row in rows}, rows, without),
        _membership({row.key: effective_definition(row) for row in rows}, rows, without),
    )


def _membership(
    definitions: Mapping[str, object], rows: Sequence[Segment], without: str
) -> dict[str, Node]:
    """Return who is a member of each segment, but for one, in which the others may be rivals."""
    nodes = membership_nodes(parsed_nodes(definitions), rows, ranked=definitions.keys())
    return {name: node for name, node in nodes.items() if base_key(name) != without}


def dependants(key: str) -> list[str]:
    """Return the keys of the live segments whose saved or live definition refers to this one."""
    return read_live_nodes().referring(key)


def check_definition(definition: object, *, key: str = "") -> Node:
    """Return the root node of a definition if the segment with this key may have it.

    Raises DefinitionError with the path of each fault.
    """
    node, placed_leaves = parse_with_paths(definition)
    live = read_live_nodes(without=key)
    known = Known(
        set(Purpose.objects.values_list("key", flat=True)),
        set(Source.objects.values_list("key", flat=True)),
        set(SegmentFamily.objects.filter(kind=RFM).values_list("key", flat=True)),
        set(StaticList.objects.values_list("key", flat=True)),
    )
    faults = [
        fault
        for path, leaf in placed_leaves
        for fault in _leaf_faults(path, leaf, key, live, known)
    ]
    faults += pattern_faults(placed_leaves)
    context = make_context(live.saved, now=database_now())
    faults += list_path_faults(placed_leaves, context)
    if faults:
        raise DefinitionError(faults)
    # Only now: with a cycle the expansion would not end.
    _refuse_expensive(node, context)
    return node


def _refuse_expensive(node: Node, context: Context) -> None:
    """Raise DefinitionError if the definition, with all that it leans on, is too large."""
    tests = [test for leaf in expanded_leaves(node, context) for test in _tests_of(leaf)]
    _refuse_above(MAX_EXPANDED_LEAVES, len(tests), "leaves")
    values = sum(
        len(test.values) for test in tests if isinstance(test, nodes.OneOf | nodes.Includes)
    )
    _refuse_above(MAX_EXPANDED_VALUES, values, "values in lists")


def _tests_of(leaf: PersonLeaf) -> list[nodes.Test | None]:
    """Return the tests of a leaf and of its `where`, None for a leaf that has none."""
    own = leaf.test if isinstance(leaf, EventLeaf | TraitLeaf | IdentifierLeaf) else None
    wheres = [events.where for _, events in event_filters(leaf) if events.where is not None]
    if isinstance(leaf, AccountLeaf) and leaf.where is not None:
        wheres.append(leaf.where)
    return [own, *(field.test for where in wheres for field in fields_of(where))]


def _refuse_above(limit: int, count: int, what: str) -> None:
    if count > limit:
        detail = f"With the segments that it leans on it has {count} {what}; at most {limit}."
        raise DefinitionError([Fault("", "limit", detail)])


def _leaf_faults(
    path: str, leaf: object, key: str, live: LiveNodes, known: Known
) -> Iterator[Fault]:
    """Yield the faults of a leaf."""
    match leaf:
        case ConsentLeaf(purpose) if purpose not in known.purposes:
            yield _unknown(join_path(path, "purpose"), "purpose", known.purposes)
        case SourceLeaf(source) if source not in known.sources:
            yield _unknown(join_path(path, "key"), "source", known.sources)
        case ListLeaf(name) if name not in known.lists:
            yield _unknown(join_path(path, "key"), "list", known.lists)
        case RfmLeaf(model) if model not in known.models:
            yield _unknown(join_path(path, "key"), "RFM model", known.models)
        case SegmentLeaf(other):
            code, detail = _reference_fault(other, key, live)
            if code:
                yield Fault(f"{path}.key".lstrip("."), code, detail)


def _unknown(place: str, noun: str, names: set[str]) -> Fault:
    there_are = ", ".join(sorted(names)) or "none"
    return Fault(place, "unknown", f"There is no such {noun}; there are: {there_are}.")


def _reference_fault(other: str, key: str, live: LiveNodes) -> tuple[str, str]:
    """Return the code and the detail of what is wrong with a reference; empty if nothing is."""
    for by_key in (live.saved, live.effective):
        # A rival in a group is evaluated without that group.
        ends = (reference_path(other, end, by_key) for end in (key, alone(key)))
        if circle := next(filter(None, ends), []):
            steps = " → ".join([key, *circle])
            return "cycle", f"The segment would lean on itself: {steps}."
    if other not in live.keys:
        return (
            "unknown",
            "There is no live segment with this key; drafts and archived ones are refused.",
        )
    for by_key in (live.saved, live.effective):
        if unreadable := sorted(with_references({other}, by_key) - by_key.keys()):
            return "failed", f"The definition of {unreadable[0]} has to be mended first."
    return "", ""
