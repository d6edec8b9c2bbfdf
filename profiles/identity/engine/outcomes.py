"""What a fact did. Invariant: an outcome names every change that the fact made to the state."""

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


class RefMove(NamedTuple):
    """A ref that left profile `origin` for profile `target`."""

    ref: Ref
    origin: int
    target: int


class Dropped(NamedTuple):
    """A ref that the fact lost to a rule; `wanter` is the anchor of the fact."""

    ref: Ref
    rule: RefusalRule
    wanter: Ref


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fact did: all that a store must write to follow the state.

    `profile` is where the fact landed and `anchor`, the highest of the `kept` refs, the evidence by
    which an event of the fact is its. `attached` refs were new and are held since the fact's day;
    `vouched` refs became vouched. The profiles `absorbed` ceased; their refs are among the `moved`.
    Refs `wanted` gained the want of the anchor on the fact's day; `quarantined` ones now are so.
    A ref of the fact neither kept nor dropped was left out because it was quarantined before.
    """

    seq: int
    profile: int
    anchor: Ref
    kept: tuple[Ref, ...]
    attached: tuple[Ref, ...] = ()
    vouched: tuple[Ref, ...] = ()
    is_new: bool = False
    moved: tuple[RefMove, ...] = ()
    absorbed: tuple[int, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    wanted: tuple[Ref, ...] = ()
    quarantined: tuple[Ref, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether nothing was refused, moved or merged, so that nobody needs to look at it."""
        return not (self.moved or self.absorbed or self.dropped or self.quarantined)
