"""Deciding about many properties and traits at once.

Invariant: all of it is done, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from ingestion.forbidden_names import forbid_names
from profiles.models import SchemaKey
from profiles.services import Actor, Review, UnknownNames, review_properties, review_traits


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaReview:
    """Of which properties (their ids) and traits what is decided; None leaves it as it is."""

    properties: Sequence[UUID] = ()
    traits: Sequence[str] = ()
    category: str | None = None
    is_money: bool | None = None
    forbidden: bool = False


class Reviewed(NamedTuple):
    """About how many was decided, and how many names are forbidden since."""

    properties: int
    traits: int
    forbidden: int


class UnknownInReview(ValueError):
    """Something is named that is not there, at this path of what was given."""

    def __init__(self, path: str) -> None:
        super().__init__("There is none.")
        self.path = path


def review_schema(review: SchemaReview, *, actor: Actor) -> Reviewed:
    """Decide about all that is named. Raises UnknownInReview and TooManyNames."""
    decision = Review(review.category, review.is_money)
    with transaction.atomic():
        try:
            properties = review_properties(review.properties, decision, actor=actor)
        except UnknownNames as error:
            raise UnknownInReview(f"properties[{error.places[0]}]") from None
        try:
            traits = review_traits(review.traits, decision, actor=actor)
        except UnknownNames as error:
            raise UnknownInReview(f"traits[{error.places[0]}]") from None
        names = [*map(own_name, properties), *(trait.key for trait in traits)]
        forbidden = forbid_names(names, actor=actor) if review.forbidden else 0
    return Reviewed(len(properties), len(traits), forbidden)


def own_name(key: SchemaKey) -> str:
    """Return the name that values of a property stand under, without the way to it."""
    return key.path.rsplit(".", 1)[-1].removesuffix("[]")
