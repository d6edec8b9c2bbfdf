"""What is drained together: rows, their messages, and what staff have set that they are judged by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consent.models import Purpose
from ingestion.drain.events import Fresh
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.rejected import RejectedInRow
from ingestion.messages import Message, Rejection
from ingestion.models import ConsentCategory
from profiles.identity.engine import Rules
from profiles.models import IdentityRule, Source
from profiles.services import (
    Observation,
    load_rules,
)


@dataclass(frozen=True, slots=True)
class RowMessages:
    """One inbox row with what its messages say, and those of them that cannot be taken."""

    row: LeasedRow
    messages: Sequence[Message]
    rejections: Sequence[Rejection]

    def alone(self, message: Message) -> "RowMessages":
        return RowMessages(self.row, [message], [])

    def without_messages(self) -> "RowMessages":
        return RowMessages(self.row, [], self.rejections)

    def rejected(self, message: Message, code: str, detail: str) -> RejectedInRow:
        rejection = Rejection(
            message.place, message.message_id, message.type, code, "", detail, message.raw
        )
        return RejectedInRow(self.row, rejection)


class Configuration(NamedTuple):
    """What staff have set that the drain goes by."""

    rules: Rules
    blocked: Mapping[str, frozenset[str]]
    source_keys: Mapping[int, str]
    categories: Mapping[tuple[int, str], str]
    purposes: frozenset[str]


class Item(NamedTuple):
    """One message that is new, with the identifiers it may use."""

    row: LeasedRow
    message: Message
    sighting: Observation


@dataclass(slots=True)
class Chunk:
    """The messages that take effect together, and what became of the others."""

    items: list[Item] = field(default_factory=list)
    cut: list[Fresh] = field(default_factory=list)
    refused: list[RejectedInRow] = field(default_factory=list)
    unused: dict[str, int] = field(default_factory=dict)
    dropped: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))


def load_configuration() -> Configuration:
    """Read what is configured, afresh for each chunk: a rule changed in the admin holds from the next one on."""
    return Configuration(
        load_rules(),
        {
            rule.namespace: frozenset(rule.blocked_values)
            for rule in IdentityRule.objects.exclude(blocked_values=[])
        },
        dict(Source.objects.values_list("pk", "key")),
        {
            (category.source_id, category.category): category.purpose.key
            for category in ConsentCategory.objects.select_related("purpose")
        },
        frozenset(Purpose.objects.values_list("key", flat=True)),
    )
