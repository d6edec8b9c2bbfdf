"""Everything that the page of one profile shows of this app's own, read with a constant number of queries.

Invariant: nothing leaves this module unmasked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from profiles.admin.kit.masks import Mask
from profiles.admin.profile.graph import GraphFact, GraphNode, identity_graph
from profiles.identity.engine import PROFILE
from profiles.identity.explain import trust_name
from profiles.models import (
    Identifier,
    IdentityFact,
    IdentityRule,
    Merge,
    Profile,
    TraitDefinition,
)
from profiles.traits.explain import Decider, SourceValue, TraitExplanation, explain_traits

MOST_FACTS = 500
# What people look for first, in this order; the other traits follow by name.
FIRST_TRAITS = (
    *("email", "phone", "birth_date", "age", "gender", "city", "postal_code", "country"),
    *("language", "interests"),
)
NAME_TRAITS = (("first_name", "last_name"), ("firstName", "lastName"), ("name",))


@dataclass(frozen=True, slots=True)
class Card:
    """One golden trait: its value as people read it, where it comes from, and what lost."""

    key: str
    label: str
    value: str
    decided_by: str
    origin: str
    said_at: datetime | None
    losers: Sequence[tuple[str, str, datetime]]
    agreeing: int
    is_locked: bool


def own_name(traits: Mapping[str, Any], mask: Mask) -> str:
    """What a person is called; nothing where no source says."""
    for keys in NAME_TRAITS:
        parts = [str(mask.trait(key, traits[key])) for key in keys if traits.get(key)]
        if parts:
            return " ".join(parts)
    return ""


def shown_name(traits: Mapping[str, Any], mask: Mask) -> str:
    """His name, else his address, else nothing."""
    name = own_name(traits, mask)
    return name or (str(mask.trait("email", traits["email"])) if traits.get("email") else "")


def cards(profile: Profile, mask: Mask) -> list[Card]:
    """The golden traits with their origin. Eight queries."""
    explained = explain_traits(profile)
    labels = dict(
        TraitDefinition.objects.filter(key__in=explained)
        .exclude(label="")
        .values_list("key", "label")
    )
    order = {key: place for place, key in enumerate(FIRST_TRAITS)}
    keys = sorted(explained, key=lambda key: (order.get(key, len(order)), key))
    return [_card(explained[key], labels.get(key, ""), mask) for key in keys]


def _card(trait: TraitExplanation, label: str, mask: Mask) -> Card:
    origin, said_at = _origin(trait)
    others = [said for said in trait.losers if said.value != trait.value]
    return Card(
        key=trait.key,
        label=label or trait.key.replace("_", " "),
        value=readable(mask.trait(trait.key, trait.value)),
        decided_by=trait.decided_by,
        origin=origin,
        said_at=said_at,
        losers=[
            (readable(mask.trait(trait.key, said.value)), _said_by(said), said.said_at)
            for said in others
        ],
        agreeing=len(trait.losers) - len(others),
        is_locked=trait.decided_by is Decider.LOCK,
    )


def _origin(trait: TraitExplanation) -> tuple[str, datetime | None]:
    if trait.lock is not None:
        return f"corrected by {trait.lock.actor}: {trait.lock.reason}", trait.lock.locked_at
    if trait.winner is not None:
        return _said_by(trait.winner), trait.winner.said_at
    return "an identifier of the profile", None


def _said_by(said: SourceValue) -> str:
    return f"{said.source}, {said.trust}"


def readable(value: Any) -> str:
    """A JSON value as people read it."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(readable(inner) for inner in value)
        case dict():
            return ", ".join(f"{key}: {readable(inner)}" for key, inner in value.items())
        case _:
            return str(value)


def identifiers_held(profile: Profile) -> list[Identifier]:
    """What the profile holds: vouched ones first, public UUIDs last. One query."""
    held = list(Identifier.objects.filter(profile=profile).order_by("namespace", "value"))
    return sorted(held, key=lambda one: (one.namespace == PROFILE, not one.is_vouched))


def graph(identifiers: Sequence[Identifier], mask: Mask) -> SafeString:
    """Two queries: facts and rules."""
    weak = set(IdentityRule.objects.filter(is_weak=True).values_list("namespace", flat=True))
    facts = list(
        IdentityFact.objects.filter(identifier_ids__overlap=[one.pk for one in identifiers])
        .select_related("source")
        .order_by("seq")[:MOST_FACTS]
    )
    named = {number for fact in facts for number in fact.identifier_ids}
    nodes = [
        GraphNode(
            id=one.pk,
            namespace=one.namespace,
            label=mask.identifier(one.namespace, one.value),
            is_vouched=one.is_vouched,
            is_weak=one.namespace in weak,
        )
        for one in identifiers
        if one.namespace != PROFILE or one.pk in named
    ]
    return identity_graph(nodes, [_seen(fact) for fact in facts])


def _seen(fact: IdentityFact) -> GraphFact:
    return GraphFact(
        identifier_ids=tuple(fact.identifier_ids),
        source=fact.source.key,
        trust=fact.trust,
        trust_name=trust_name(fact.trust),
        day=fact.day,
    )


def merges_of(profile: Profile) -> list[Merge]:
    return list(
        Merge.objects.filter(survivor=profile).select_related("fact__source").order_by("-merged_at")
    )
