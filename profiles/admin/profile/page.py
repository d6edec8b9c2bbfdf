"""The content of a profile's page that is this app's own: name, traits, identifiers, merges.

Invariant: all functions take a constant number of queries, and no personal data leaves them
unmasked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from profiles.admin.kit.formatting import trust_text
from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import readable, readable_trait
from profiles.admin.profile.graph import GraphFact, GraphNode, Link, identity_graph
from profiles.identity.engine import PROFILE
from profiles.models import (
    Identifier,
    IdentityFact,
    IdentityRule,
    Merge,
    Party,
    Profile,
    TraitDefinition,
    TrustLevel,
)
from profiles.traits.explain import Decider, SourceValue, TraitExplanation, explain_traits
from profiles.traits.special import kept_apart

MOST_FACTS = 500  # drawn in the identity graph
# Traits that come first on the page, in this order. The others follow by name.
FIRST_TRAITS = (
    "email",
    "phone",
    "birth_date",
    "age",
    "gender",
    "city",
    "postal_code",
    "country",
    "language",
    "interests",
)


@dataclass(frozen=True, slots=True)
class Card:
    """One golden trait: its value as text, its origin, and other values with their origins.

    `agreeing` is the number of losing statements with the same value.
    """

    key: str
    label: str
    value: str
    decided_by: str
    origin: str
    said_at: datetime | None
    losers: Sequence[tuple[str, str, datetime]]
    agreeing: int
    is_locked: bool
    is_special: bool


def cards(profile: Profile, mask: Mask) -> list[Card]:
    """Return the golden traits and the special ones with their origins, in thirteen queries."""
    explanations = explain_traits(profile)
    defined = TraitDefinition.objects.filter(key__in=explanations)
    definitions = {definition.key: definition for definition in defined}
    position = {key: index for index, key in enumerate(FIRST_TRAITS)}
    keys = sorted(explanations, key=lambda key: (position.get(key, len(position)), key))
    special = kept_apart(keys)
    return [
        _card(explanations[key], definitions.get(key), mask, is_special=key in special)
        for key in keys
    ]


def _card(
    trait: TraitExplanation, definition: TraitDefinition | None, mask: Mask, *, is_special: bool
) -> Card:
    origin, said_at = _origin(trait)
    differing = [statement for statement in trait.losers if statement.value != trait.value]
    return Card(
        key=trait.key,
        label=(definition and definition.label) or trait.key.replace("_", " "),
        value=readable_trait(
            mask.trait(trait.key, trait.value),
            is_money=definition is not None and definition.is_money,
        ),
        decided_by=trait.decided_by,
        origin=origin,
        said_at=said_at,
        losers=[
            (
                readable(mask.trait(trait.key, statement.value)),
                _source_in_words(statement),
                statement.said_at,
            )
            for statement in differing
        ],
        agreeing=len(trait.losers) - len(differing),
        is_locked=trait.decided_by is Decider.LOCK,
        is_special=is_special,
    )


def _origin(trait: TraitExplanation) -> tuple[str, datetime | None]:
    """Return what decided the value, and when."""
    if trait.lock is not None:
        words = {"actor": trait.lock.actor, "reason": trait.lock.reason}
        return _("corrected by %(actor)s: %(reason)s") % words, trait.lock.locked_at
    if trait.winner is not None:
        return _source_in_words(trait.winner), trait.winner.said_at
    if trait.decided_by is Decider.COMPUTED:
        return _("computed from events"), None
    return _("an identifier of the profile"), None


def _source_in_words(statement: SourceValue) -> str:
    words = [statement.source, trust_text(statement.trust)]
    if statement.party != Party.FIRST:
        words.append(_("zero party") if statement.party == Party.ZERO else _("third party"))
    return ", ".join(words)


def identifiers_of(profile: Profile) -> list[Identifier]:
    """Return the profile's identifiers, vouched ones first and public UUIDs last, in one query.

    The profile keeps them for whoever asks again.
    """
    ordered = Identifier.objects.order_by("namespace", "value")
    prefetch_related_objects([profile], Prefetch("identifiers", ordered))
    return sorted(
        profile.identifiers.all(),
        key=lambda identifier: (identifier.namespace == PROFILE, not identifier.is_vouched),
    )


def facts_of(identifiers: Sequence[Identifier]) -> list[GraphFact]:
    """Return the facts that name any of the identifiers, the oldest first."""
    facts = IdentityFact.objects.filter(
        identifier_ids__overlap=[identifier.pk for identifier in identifiers]
    )
    rows = facts.select_related("source").order_by("seq")[:MOST_FACTS]
    return [_graph_fact(fact) for fact in rows]


def graph(identifiers: Sequence[Identifier], mask: Mask, link: Link | None = None) -> SafeString:
    """Draw the identity graph of a profile's identifiers, in two queries."""
    weak = set(IdentityRule.objects.filter(is_weak=True).values_list("namespace", flat=True))
    facts = facts_of(identifiers)
    ids_in_facts = {identifier_id for fact in facts for identifier_id in fact.identifier_ids}
    nodes = [
        GraphNode(
            id=identifier.pk,
            namespace=identifier.namespace,
            label=mask.identifier(identifier.namespace, identifier.value),
            is_vouched=identifier.is_vouched,
            is_weak=identifier.namespace in weak,
        )
        for identifier in identifiers
        # Hardly any fact names a public UUID, which would stand alone.
        if identifier.namespace != PROFILE or identifier.pk in ids_in_facts
    ]
    return identity_graph(nodes, facts, link)


def _graph_fact(fact: IdentityFact) -> GraphFact:
    return GraphFact(
        identifier_ids=tuple(fact.identifier_ids),
        source=fact.source.key,
        trust=fact.trust,
        trust_name=str(TrustLevel(fact.trust).label),
        day=fact.day,
    )


def merges_of(profile: Profile) -> list[Merge]:
    return list(
        Merge.objects.standing()
        .filter(survivor=profile)
        .select_related("fact__source")
        .order_by("-merged_at")
    )
