"""What the messages of a chunk are made of, counted for the registry from a sample of them.

Invariant: all messages are counted, and so many are looked into that a chunk of any size costs a
few milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from ingestion.drain.chunk import EPOCH, PendingMessage
from profiles.lib import exact_json
from profiles.models import SchemaPart
from profiles.services import Subject, SubjectCount, keep_tally, shape_of

# Of the messages that are counted together, so many are looked into, and of a chunk.
SAMPLED_OF_SUBJECT = 20
SAMPLED_OF_CHUNK = 240
_PROPERTY, _TRAIT, _CONTEXT = (part.value for part in SchemaPart)


def tally_messages(messages: Iterable[PendingMessage]) -> None:
    """Count messages that took effect. In the caller's transaction."""
    by_subject = _by_subject(messages)
    counts: dict[Subject, SubjectCount] = {}
    budget = SAMPLED_OF_CHUNK
    for subject, of_subject in by_subject.items():
        sample = _spread(of_subject, min(SAMPLED_OF_SUBJECT, budget))
        budget -= len(sample)
        counts[subject] = _counted(subject, of_subject, sample)
    keep_tally(counts)


def _by_subject(messages: Iterable[PendingMessage]) -> dict[Subject, list[PendingMessage]]:
    by_subject: dict[Subject, list[PendingMessage]] = defaultdict(list)
    for row, group in groupby(messages, key=attrgetter("row")):
        of_row = list(group)
        day = of_row[0].day.isoformat()
        # Plain tuples are found faster than subjects, of which a request has few.
        by_part: dict[tuple[str, int | None], list[PendingMessage]] = defaultdict(list)
        for pending in of_row:
            if pending.event is not None:
                by_part[_PROPERTY, pending.event.name_id].append(pending)
            if pending.message.traits:
                by_part[_TRAIT, None].append(pending)
            if pending.message.context != "{}":
                by_part[_CONTEXT, None].append(pending)
        for (part, name_id), of_part in by_part.items():
            by_subject[Subject(part, name_id, row.source_id, day)] += of_part
    return by_subject


def _spread(messages: Sequence[PendingMessage], most: int) -> Sequence[PendingMessage]:
    """Return at most so many messages, from all over the chunk."""
    step = -(-len(messages) // most) if most > 0 else 0
    return messages[::step] if step else ()


def _counted(
    subject: Subject, messages: Sequence[PendingMessage], sample: Iterable[PendingMessage]
) -> SubjectCount:
    count = SubjectCount(messages=len(messages))
    for pending in sample:
        received = round((pending.row.received_at - EPOCH).total_seconds() * 1_000_000)
        count.sample(_shape(subject.part, pending), received)
    return count


def _shape(part: str, pending: PendingMessage) -> Mapping[str, set[str]]:
    message = pending.message
    if part == _TRAIT:
        # A trait is known by its first name; what is in it belongs to its definition.
        return shape_of(message.traits, depth=1)
    content = exact_json.loads(message.properties if part == _PROPERTY else message.context)
    if part == _CONTEXT:
        # They are among the traits.
        content.pop("traits", None)
    return shape_of(content)
