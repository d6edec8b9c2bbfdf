"""What was seen: refs, and the facts that name them. Both are values and never change."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import NamedTuple


class Ref(NamedTuple):
    """One identifier, normalised and allowed."""

    namespace: str
    value: str


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
