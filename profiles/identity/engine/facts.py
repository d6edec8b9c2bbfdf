"""Facts: which identifiers were seen together, by which source, on which day, at what trust."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from profiles.identifiers.references import Ref


class Trust(IntEnum):
    """How far a fact is believed. From SERVER on it vouches for the refs that it keeps."""

    CLAIM = 1
    SERVER = 2
    VERIFIED = 3
    STAFF = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """A source saw these refs together on this UTC day, at this trust.

    `refs` are distinct, and at least one. Facts are judged in order of `seq`.
    """

    seq: int
    refs: tuple[Ref, ...]
    source: str
    trust: Trust
    day: date
