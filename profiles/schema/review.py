"""What staff decide of properties and traits: category, whether they are money, and of traits the
party.

Invariant: whatever is decided is reviewed from then on. A trait's decision is in its definition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from profiles.audit import Actor, save_audited
from profiles.models import SchemaKey, SchemaPart, TraitDefinition
from profiles.traits.definitions import save_trait_definition


@dataclass(frozen=True, slots=True)
class Review:
    """What is decided; None leaves it as it is. A party is of traits alone."""

    category: str | None = None
    is_money: bool | None = None
    party: str | None = None


class UnknownNames(ValueError):
    """Some of what is to be reviewed is not there: the places of these in what was given."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__("There is none.")
        self.places = places


def review_properties(ids: Iterable[UUID], review: Review, *, actor: Actor) -> list[SchemaKey]:
    """Decide about properties and parts of the context. Raises UnknownNames, and changes nothing.

    Each gets an audit entry.
    """
    wanted = list(ids)
    with transaction.atomic():
        rows = SchemaKey.objects.exclude(part=SchemaPart.TRAIT).filter(uuid__in=wanted)
        by_id = {row.uuid: row for row in rows.select_for_update().order_by("id")}
        _refuse_unknown([each in by_id for each in wanted])
        for row in by_id.values():
            _decide(row, review)
            save_audited(row, actor=actor, noun="schema_property", key=str(row.uuid))
    return [by_id[each] for each in dict.fromkeys(wanted)]


def review_traits(keys: Iterable[str], review: Review, *, actor: Actor) -> list[TraitDefinition]:
    """Decide about traits. Raises UnknownNames, and changes nothing. Each gets an audit entry."""
    wanted = list(keys)
    with transaction.atomic():
        by_key = {row.key: row for row in TraitDefinition.objects.filter(key__in=wanted)}
        _refuse_unknown([each in by_key for each in wanted])
        for row in by_key.values():
            _decide(row, review)
            row.party = row.party if review.party is None else review.party
            save_trait_definition(row, actor=actor)
    return [by_key[each] for each in dict.fromkeys(wanted)]


def _refuse_unknown(known: Sequence[bool]) -> None:
    if unknown := [place for place, is_known in enumerate(known) if not is_known]:
        raise UnknownNames(unknown)


def _decide(row: SchemaKey | TraitDefinition, review: Review) -> None:
    if review.category is not None:
        row.category = review.category
    if review.is_money is not None:
        row.is_money = review.is_money
    row.is_reviewed = True
