"""Facts: which identifiers were seen together, where, when, and how far that is believed."""

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
    """These refs were seen together, by this source, at this trust, on this UTC day.

    `refs` are distinct and at least one; `seq` orders facts.
    """

    seq: int
    refs: tuple[Ref, ...]
    source: str
    trust: Trust
    day: date
