"""Outcomes: what one fact changed.

Invariant: an outcome lists every change that the fact made to the state.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from profiles.identifiers.references import Ref


class RefusalRule(StrEnum):
    """The rule by which a fact lost a ref."""

    TRUST = "trust"
    UNIQUE = "unique"
    LIMIT = "limit"
    NOT_SAME = "not_same"
    CAP = "cap"
    CLAIM_LIMIT = "claim_limit"


# A claim that is refused for what it is tells nothing of the identifier that it names.
NO_WANTS = (RefusalRule.TRUST, RefusalRule.CLAIM_LIMIT)


class RefMove(NamedTuple):
    """A ref that was moved from profile `origin` to profile `target`."""

    ref: Ref
    origin: int
    target: int


class Join(NamedTuple):
    """Two profiles that a verdict of "same" made one: who stayed, and what moved to them."""

    survivor: int
    absorbed: int
    staying: tuple[Ref, ...]
    moves: tuple[RefMove, ...]


class Dropped(NamedTuple):
    """A ref that the fact lost to a rule; `wanter` is the anchor of the fact."""

    ref: Ref
    rule: RefusalRule
    wanter: Ref


@dataclass(frozen=True, slots=True)
class Outcome:
    """All changes of one fact, which a store must write to follow the state.

    A ref of the fact that is neither kept nor dropped was quarantined before.
    """

    seq: int
    profile: int  # where the fact landed
    anchor: Ref  # the highest kept ref, by which the fact's events are attributed
    kept: tuple[Ref, ...]
    attached: tuple[Ref, ...] = ()  # new refs, assigned on the fact's day
    vouched: tuple[Ref, ...] = ()  # refs that became vouched
    is_new: bool = False  # whether the profile was created
    moved: tuple[RefMove, ...] = ()  # refs of absorbed profiles, and refs taken from others
    absorbed: tuple[int, ...] = ()  # profiles that ceased to exist
    dropped: tuple[Dropped, ...] = ()
    wanted: tuple[Ref, ...] = ()  # refs that the anchor wanted on the fact's day
    quarantined: tuple[Ref, ...] = ()  # refs that are quarantined from the next fact on
    set_apart: tuple[RefMove, ...] = ()  # refs that left for a new profile of their own each
    placed: tuple[RefMove, ...] = ()  # new refs that a verdict assigned first; their origin is 0
    joins: tuple[Join, ...] = ()  # profiles that verdicts united last, in this order

    @property
    def is_plain(self) -> bool:
        """Whether nothing was refused, moved or merged, so that nobody needs to look at it."""
        changes = (self.moved, self.absorbed, self.dropped, self.quarantined, self.set_apart)
        return not any(changes) and not self.joins
