"""What every app holds about a person, declared once per model.

Access, erasure, merge, the profile page and the completeness check all read this one registry. Apps declare in the
`holdings` module that their AppConfig imports; a model that names a profile or an identifier and is not declared here fails
the system check `profiles.E001`, and a field that is not classified fails `profiles.E002`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db.models import Model


class FieldClass(StrEnum):
    """Whose a field's content is, which decides whether access shows it and portability hands it out."""

    GIVEN = "given"  # the person said it: shown and portable
    OBSERVED = "observed"  # the person did it: shown and portable
    INFERRED = "inferred"  # concluded by us: shown, not portable
    TECHNICAL = "technical"  # keys and times of our own: not personal in themselves


@dataclass(frozen=True, slots=True)
class IdentifierMove:
    """One identifier going from one profile to another, in the transaction that moves it."""

    identifier_id: int
    origin: int
    target: int


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an erasure is about: the profile, and every identifier (id and `namespace:value`) that it held."""

    profile_id: int
    profile_uuid: str
    identifier_ids: tuple[int, ...]
    references: tuple[str, ...]


Rows = Mapping[int, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one model holds about people.

    `read` gives the rows of many profiles at once, as they are shown and exported; `portrait` what a profile in the API
    shows of them, where that differs. `move` follows identifiers between profiles; `absorb` is called for
    (survivor, absorbed) pairs once all has moved. `erase` deletes what there is of a person and
    returns how many rows; lower `erase_order` goes first. `kept` says why rows stay after an erasure, where they do.
    `is_drained` says whether what was accepted before a moment has all been taken in, where the model holds what is
    still on its way.
    """

    model: str
    title: str
    fields: Mapping[str, FieldClass]
    read: Callable[[Sequence[int]], Rows] | None = None
    portrait: Callable[[Sequence[int]], Rows] | None = None
    move: Callable[[Sequence[IdentifierMove]], None] | None = None
    absorb: Callable[[Sequence[tuple[int, int]]], None] | None = None
    erase: Callable[[Person], int] | None = None
    erase_order: int = 50
    kept: str = ""
    is_drained: Callable[[datetime], bool] | None = None


@dataclass(slots=True)
class Registry:
    """All declarations, by model label, in the order in which apps made them."""

    holdings: dict[str, Holding] = field(default_factory=dict)

    def declare(self, *declared: Holding) -> None:
        for holding in declared:
            self.holdings[holding.model.lower()] = holding

    def __iter__(self) -> Iterator[Holding]:
        return iter(self.holdings.values())

    def follow(self, moves: Sequence[IdentifierMove], pairs: Sequence[tuple[int, int]]) -> None:
        """Let every app's rows follow the identifiers, then those of (survivor, absorbed) profiles their survivors.

        What `profiles` itself derives, golden traits and statistics, is left to `profiles.services.derive`.
        """
        for holding in self:
            if moves and holding.move is not None:
                holding.move(moves)
        for holding in self:
            if pairs and holding.absorb is not None:
                holding.absorb(pairs)

    def in_order_of_erasure(self) -> list[Holding]:
        return sorted(self, key=lambda holding: holding.erase_order)

    def has(self, model: type[Model]) -> bool:
        return model._meta.label_lower in self.holdings


registry = Registry()


def names_a_person(model: type[Model]) -> bool:
    """Whether rows of the model point at profiles or identifiers, by key or by a plain id column."""
    pointing = {"profiles.profile", "profiles.identifier"}
    plain = {"profile_id", "identifier_id", "identifier_ids", "absorbed_id"}
    return any(
        candidate.name in plain
        or (
            (candidate.many_to_one or candidate.one_to_one)
            and candidate.related_model._meta.label_lower in pointing
        )  # type: ignore[union-attr]
        for candidate in model._meta.get_fields()
        if candidate.concrete and not candidate.auto_created
    )


def check_registry(**_: object) -> list[CheckMessage]:
    """System check: every model that names a person is declared, and every field of it classified."""
    problems: list[CheckMessage] = []
    for model in apps.get_models():
        holding = registry.holdings.get(model._meta.label_lower)
        if holding is None and names_a_person(model):
            problems.append(
                Error(
                    f"{model._meta.label} names a person and is not in the registry.",
                    hint="Declare it in the app's holdings.py, so that it is shown, moved and erased.",
                    id="profiles.E001",
                )
            )
        if holding is not None:
            problems += _unclassified(model, holding)
    return problems


def _unclassified(model: type[Model], holding: Holding) -> list[CheckMessage]:
    present = {found.name for found in model._meta.concrete_fields}
    return (
        [
            Error(
                f"{model._meta.label}: fields {sorted(present ^ set(holding.fields))} are not classified.",
                hint="Give each field of the model, and no other, a FieldClass in its declaration.",
                id="profiles.E002",
            )
        ]
        if present != set(holding.fields)
        else []
    )
