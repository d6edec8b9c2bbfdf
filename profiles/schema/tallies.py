"""What a sample of messages was made of, by subject (pure but for keeping it).

Invariant: a tally is kept in the transaction in which its messages take effect, so that each is
counted once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from profiles.models import SchemaTally


class Subject(NamedTuple):
    """What is counted together: a part, the id of the event's name or none, source, UTC day."""

    part: str
    name_id: int | None
    source_id: int
    day: str


@dataclass(slots=True)
class KeyCount:
    """In how many messages a path was, with which types, first and last (epoch microseconds)."""

    first: int
    last: int
    seen: int = 0
    types: Counter[str] = field(default_factory=Counter)

    def add(self, other: "KeyCount") -> None:
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.seen += other.seen
        self.types.update(other.types)


@dataclass(slots=True)
class SubjectCount:
    """How many messages a subject had, how many of them were sampled, and the sample's paths."""

    messages: int = 0
    sampled: int = 0
    keys: dict[str, KeyCount] = field(default_factory=dict)

    def sample(self, shape: Mapping[str, set[str]], at: int) -> None:
        """Count a message of this shape that came at this time."""
        self.sampled += 1
        for path, types in shape.items():
            count = self.keys.setdefault(path, KeyCount(at, at))
            count.add(KeyCount(at, at, 1, Counter(types)))

    def add(self, other: "SubjectCount") -> None:
        self.messages += other.messages
        self.sampled += other.sampled
        for path, count in other.keys.items():
            self.keys.setdefault(path, KeyCount(count.first, count.last)).add(count)


def keep_tally(counts: Mapping[Subject, SubjectCount]) -> None:
    """Keep what was counted, to be added up later. In the caller's transaction."""
    if counts:
        SchemaTally.objects.create(content=[_packed(*item) for item in counts.items()])


def unpacked(content: Sequence[Any]) -> Iterator[tuple[Subject, SubjectCount]]:
    """Return what `keep_tally` kept."""
    for subject, messages, sampled, keys in content:
        counts = {
            path: KeyCount(first, last, seen, Counter(types))
            for path, (first, last, seen, types) in keys.items()
        }
        yield Subject(*subject), SubjectCount(messages, sampled, counts)


def _packed(subject: Subject, count: SubjectCount) -> list[Any]:
    keys = {path: [key.first, key.last, key.seen, key.types] for path, key in count.keys.items()}
    return [list(subject), count.messages, count.sampled, keys]
