"""Proposals as people look at them: the two sides with their values, and what speaks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiles.identifiers.lookup import restricted_identifiers
from profiles.matching.fields import Field
from profiles.matching.pairs import holders_of
from profiles.matching.values import values_of_profiles
from profiles.models import MatchProposal

Values = Mapping[Field, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """How far one field speaks for one person (above 0) or against it, in bits."""

    field: str
    weight: float
    values: tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal with the values that its profiles have now, as they were sent.

    `pair` is None where the two are one profile by now, or one of them is gone.
    """

    proposal: MatchProposal
    pair: tuple[int, int] | None
    sides: tuple[Values, Values]

    @property
    def steps(self) -> list[Step]:
        """The fields that were compared, the weightiest first."""
        weights: dict[str, float] = self.proposal.weights
        one, other = self.sides
        return [
            Step(field, weight, (one.get(Field(field), ()), other.get(Field(field), ())))
            for field, weight in sorted(weights.items(), key=lambda item: -abs(item[1]))
        ]


def views_of(proposals: Sequence[MatchProposal], *, with_restricted: bool) -> list[ProposalView]:
    """Return the proposals with their sides, in a constant number of queries.

    Left out are those about restricted people, unless `with_restricted`, and open ones whose sides
    are no longer two.
    """
    sides = [side for row in proposals for side in (row.one, row.other)]
    hidden = set() if with_restricted else restricted_identifiers(sides)
    holders = holders_of(proposals)
    values = values_of_profiles({pk for pair in holders.values() for pk in pair or ()})
    views = []
    for row in proposals:
        pair = holders[row.pk]
        is_gone = pair is None and row.state == MatchProposal.State.OPEN
        if is_gone or not hidden.isdisjoint((row.one_id, row.other_id)):
            continue
        one, other = (values.get(side.profile_id or 0, {}) for side in (row.one, row.other))
        views.append(ProposalView(row, pair, (one, other)))
    return views
