"""Making, changing and ending computed traits.

Invariant: a definition changes while nobody computes and nobody queues a change, so that whoever is
computed afterwards is by the new one.
"""

import re
from collections.abc import Mapping
from typing import Any

from profiles.lib.change_queue import nudge
from profiles.models import TraitDefinition
from profiles.services import (
    CONTACT_TRAITS,
    Actor,
    Category,
    audited,
    differences,
    mark_computed,
    most_sensitive,
)
from segments.compiler.trees import leaves
from segments.computed import sql
from segments.computed.definition import read_quantity, type_of
from segments.computed.settle import REFRESH_CHANGED
from segments.definitions.dependencies import read_live_nodes
from segments.definitions.save import SegmentError
from segments.definitions.sensitivity import load_sensitivity
from segments.language.nodes import EventLeaf, Node, TraitLeaf
from segments.lib.locks import ALL_SLOTS, lock_definitions, lock_slots
from segments.models import ComputedTrait

KEY = re.compile("[a-z][a-z0-9_]{0,62}")
LABELS = ("label", "category")


def create_computed_trait(
    *,
    key: str,
    definition: Mapping[str, Any],
    actor: Actor,
    label: str = "",
    category: str = Category.ORDINARY,
) -> ComputedTrait:
    """Compute a new trait of everybody from now on; workers begin with those who are here.

    Raises DefinitionError and SegmentError.
    """
    with audited(actor, "computed_trait.created") as deed:
        quantity = read_quantity(definition)
        lock_slots(ALL_SLOTS, space=sql.LOCK_SPACE)
        _check_key(key)
        trait = TraitDefinition(
            key=key,
            label=label,
            category=_category_of(quantity, category),
            type=type_of(quantity),
            origin=TraitDefinition.Origin.INFERRED,
            is_reviewed=True,
        )
        trait.full_clean()
        mark_computed(trait, is_computed=True)
        row = ComputedTrait.objects.create(trait=trait, definition=dict(definition))
        deed.about("computed_trait", key, **differences({}, _audited_state(row)))
    nudge(REFRESH_CHANGED)
    return row


def _category_of(quantity: EventLeaf, category: str) -> str:
    """Return the category that was chosen, or that of what is read where it is more sensitive."""
    return most_sensitive([Category(category), load_sensitivity().of_node(quantity)])


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key) or key in CONTACT_TRAITS:
        detail = "Small letters, digits and _, and neither email nor phone."
        raise SegmentError("key", detail)
    if ComputedTrait.objects.filter(trait__key=key).exists():
        raise SegmentError("key", "There is a computed trait with this key.")
    if TraitDefinition.objects.filter(key=key).exists():
        raise SegmentError("key", "Sources state a trait with this key.")


def update_computed_trait(
    row: ComputedTrait, *, actor: Actor, changes: Mapping[str, Any]
) -> ComputedTrait:
    """Change the label, category or definition. Everybody whom a new definition concerns follows.

    Raises DefinitionError and SegmentError.
    """
    with audited(actor, "computed_trait.changed") as deed:
        lock_slots(ALL_SLOTS, space=sql.LOCK_SPACE)
        row = _locked(row)
        if row.is_ending:
            raise SegmentError("key", "It is ending.")
        before = _audited_state(row)
        for name in LABELS:
            setattr(row.trait, name, changes.get(name, getattr(row.trait, name)))
        definition = changes.get("definition", row.definition)
        quantity = read_quantity(definition)
        if definition != row.definition or row.failed_at is not None:
            row.definition, row.woken_to = dict(definition), 0
            row.failed_at, row.failure, row.failures, row.retry_at = None, "", 0, None
        row.trait.type = type_of(quantity)
        row.trait.category = _category_of(quantity, row.trait.category)
        row.trait.full_clean()
        row.trait.save()
        row.save()
        deed.about("computed_trait", row.trait.key, **differences(before, _audited_state(row)))
    nudge(REFRESH_CHANGED)
    return row


def end_computed_trait(row: ComputedTrait, *, actor: Actor) -> None:
    """Let a trait end: workers take its values away, and then its definition.

    Raises SegmentError if a live segment asks for it.
    """
    with audited(actor, "computed_trait.ended") as deed:
        lock_definitions()
        if keys := segments_asking_trait(row.trait.key):
            raise SegmentError("key", f"Live segments ask for it: {', '.join(keys)}.")
        lock_slots(ALL_SLOTS, space=sql.LOCK_SPACE)
        row = _locked(row)
        row.is_ending = True
        row.failed_at, row.retry_at = None, None
        row.save()
        deed.about("computed_trait", row.trait.key, **differences(_audited_state(row), {}))
    nudge(REFRESH_CHANGED)


def segments_asking_trait(key: str) -> list[str]:
    """Return the keys of the live segments whose saved or live definition asks for a trait."""
    live = read_live_nodes()
    return sorted(
        {
            name
            for by_key in (live.saved, live.effective)
            for name, node in by_key.items()
            if key in _traits_of(node)
        }
    )


def _traits_of(node: Node) -> set[str]:
    return {leaf.key[0] for leaf in leaves(node) if isinstance(leaf, TraitLeaf)}


def _locked(row: ComputedTrait) -> ComputedTrait:
    rows = ComputedTrait.objects.select_for_update().select_related("trait")
    return rows.get(pk=row.pk)


def _audited_state(row: ComputedTrait) -> dict[str, Any]:
    """Return what audit entries show: of a definition what is computed, and no compared value."""
    shown = ("name", "kind", "aggregate", "property")
    return {
        "label": row.trait.label,
        "category": str(row.trait.category),
        **{name: row.definition[name] for name in shown if name in row.definition},
        "where": "where" in row.definition,
    }
