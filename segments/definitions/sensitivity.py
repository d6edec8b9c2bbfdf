"""How sensitive a definition is: whether a count of it tells contact or special data of somebody.

Invariant: one function answers for previews, saving, members, sizes and explanations. A definition
is as sensitive as the most sensitive part of it, and of every segment that it refers to, at the
saved and at the live version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from profiles.services import Category, TraitCategories, load_categories, most_sensitive
from segments.compiler.trees import leaves
from segments.definitions.boundaries import read_models, with_boundaries
from segments.definitions.live import effective_definition
from segments.definitions.membership import membership_nodes
from segments.definitions.references import referenced_segments, with_references
from segments.language.nodes import (
    AnyElement,
    EventLeaf,
    FieldLeaf,
    GeoLeaf,
    IdentifierLeaf,
    ListLeaf,
    Node,
    OtherTrait,
    RfmModel,
    Same,
    StatedLeaf,
    TraitLeaf,
)
from segments.language.operands import DefinitionError
from segments.language.parser import parse
from segments.models import Segment, SegmentVersion, StaticList

SMALL = 10  # people; a smaller group of a sensitive definition is nearly a person
HIDDEN = "•••"
# What a leaf compares with. The names of its other fields are no values.
OPERANDS = ("value", "values", "of", "within_km")


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What is known when a request starts: categories of traits, and all segments by key."""

    categories: TraitCategories
    saved: Mapping[str, Node]
    live: Mapping[str, Node]
    models: Mapping[str, RfmModel]
    sensitive_lists: frozenset[str]

    def of(self, definition: object) -> Category:
        """Return the sensitivity of a definition; a faulty one counts nobody."""
        try:
            node = with_boundaries(parse(definition), [], self.models)
        except DefinitionError:
            return Category.ORDINARY
        return self.of_node(node)

    def of_node(self, node: Node) -> Category:
        """The same for a definition that was read."""
        return most_sensitive(
            category
            for tree in self._with_referenced(node)
            for category in (_node_category(tree, self.categories), self._of_lists(tree))
        )

    def _of_lists(self, node: Node) -> Category:
        """Return the category of the lists that a definition asks for, by what chose the people."""
        keys = {leaf.key for leaf in leaves(node) if isinstance(leaf, ListLeaf)}
        return Category.CONTACT if keys & self.sensitive_lists else Category.ORDINARY

    def is_sensitive(self, segment: Segment) -> bool:
        """Whether the saved or the live definition tells contact or special data."""
        definitions = (segment.definition, effective_definition(segment))
        rules = [by[segment.key] for by in (self.saved, self.live) if segment.key in by]
        categories = [*map(self.of, definitions), *map(self.of_node, rules)]
        return any(category != Category.ORDINARY for category in categories)

    def is_any_sensitive(self, *versions: SegmentVersion | None) -> bool:
        """Whether one of these versions tells contact or special data."""
        definitions = [version.definition for version in versions if version is not None]
        return any(self.of(definition) != Category.ORDINARY for definition in definitions)

    def has_sensitive_past(self, segment: Segment) -> bool:
        """Whether it, or any former definition, tells such data: its history then does so too."""
        return self.is_sensitive(segment) or self.is_any_sensitive(*segment.versions.all())

    def mask_operands(self, definition: Any) -> Any:
        """Return a definition whose sensitive leaves do not show what they compare with."""
        return _masked(definition, self.categories)

    def _with_referenced(self, node: Node) -> Iterator[Node]:
        """Yield the definition and those of all segments that it refers to."""
        yield node
        for nodes in (self.saved, self.live):
            keys = with_references(referenced_segments(node), nodes)
            yield from (nodes[key] for key in keys if key in nodes)


def load_sensitivity() -> Sensitivity:
    """Load what sensitivities are judged by, in four queries."""
    rows, models = list(Segment.objects.all()), read_models()

    def nodes_of(definitions: Mapping[str, object]) -> dict[str, Node]:
        trees = {key: parse(definition) for key, definition in definitions.items()}
        nodes = membership_nodes(trees, rows, ranked=definitions.keys())
        return {key: with_boundaries(node, [], models) for key, node in nodes.items()}

    return Sensitivity(
        load_categories(),
        nodes_of({row.key: row.definition for row in rows}),
        nodes_of({row.key: effective_definition(row) for row in rows}),
        models,
        frozenset(StaticList.objects.filter(is_sensitive=True).values_list("key", flat=True)),
    )


def sensitive_segments() -> set[int]:
    """Return the ids of all segments whose size or members tell contact or special data."""
    sensitivity = load_sensitivity()
    return {row.pk for row in Segment.objects.all() if sensitivity.is_sensitive(row)}


def _node_category(part: Any, categories: TraitCategories) -> Category:
    return most_sensitive(_part_categories(part, categories))


def _part_categories(part: Any, categories: TraitCategories) -> Iterator[Category]:
    """Yield the categories of a node's keys and texts, and of everything in it."""
    match part:
        case TraitLeaf() | OtherTrait() | GeoLeaf():
            yield from (categories.of(step) for step in part.key)
        case StatedLeaf(key=str() as key):
            yield categories.of(key)
        case FieldLeaf() | AnyElement():
            yield from (categories.of_property(step) for step in part.key)
        case EventLeaf():
            yield from (categories.of_property(step) for step in part.property or ())
        case RfmModel():
            yield from (categories.of_property(step) for step in part.value or ())
        case Same():
            steps = (*part.property, *part.of_first)
            yield from (categories.of_property(step) for step in steps if step is not None)
        case IdentifierLeaf():
            # Whatever it asks, it is about how somebody can be reached or recognised.
            yield Category.CONTACT
        case str():
            # An operand or a name with this sign is, or begins or ends, an address.
            yield Category.CONTACT if "@" in part else Category.ORDINARY
    if isinstance(part, tuple):
        for inner in part:
            yield from _part_categories(inner, categories)
    elif is_dataclass(part):
        for inner_field in fields(part):
            yield from _part_categories(getattr(part, inner_field.name), categories)


def _masked(value: Any, categories: TraitCategories) -> Any:
    match value:
        case list():
            return [_masked(inner, categories) for inner in value]
        case {"type": _} | {"operator": _}:
            is_hidden = _leaf_category(value, categories) != Category.ORDINARY
            return {
                name: _hide(inner) if is_hidden and name in OPERANDS else _masked(inner, categories)
                for name, inner in value.items()
            }
        case Mapping():
            return {name: _masked(inner, categories) for name, inner in value.items()}
        case str():
            return HIDDEN if "@" in value else value
        case _:
            return value


def _leaf_category(leaf: Mapping[str, Any], categories: TraitCategories) -> Category:
    """Return the category of one leaf in JSON, without what stands in its groups and `where`."""
    operands = [leaf[name] for name in OPERANDS if name in leaf]
    if leaf.get("type") == "identifier":
        return Category.CONTACT
    is_trait = leaf.get("type") in ("trait", "geo", "stated")
    category_of = categories.of if is_trait else categories.of_property
    keys = [str(leaf[name]) for name in ("key", "property") if name in leaf]
    of_keys = [category_of(step) for key in keys for step in key.split(".")]
    return most_sensitive([*of_keys, *_operand_categories(operands, categories)])


def _operand_categories(operand: Any, categories: TraitCategories) -> Iterator[Category]:
    match operand:
        case str():
            yield Category.CONTACT if "@" in operand else Category.ORDINARY
        case list():
            for inner in operand:
                yield from _operand_categories(inner, categories)
        case {"trait": key}:
            yield from (categories.of(step) for step in str(key).split("."))


def _hide(operand: Any) -> Any:
    return [HIDDEN] * len(operand) if isinstance(operand, list) else HIDDEN
