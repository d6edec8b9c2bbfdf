"""Drafting the plan of a source from the last messages that were taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingestion.inbox.body import batch_of
from ingestion.mending.judge import Judge
from ingestion.mending.plan_check import recent_bodies
from ingestion.messages import Message, split_request
from ingestion.models import MessageCount, RecentMessage
from ingestion.plans.draft import draft_of
from profiles.models import Source


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """The content of a plan that nobody saved, and how many messages it was made from."""

    content: dict[str, Any]
    messages: int


def draft_plan(source: Source) -> PlanDraft:
    """Return a plan that the last messages of a source keep to. Changes nothing."""
    messages = list(_last_messages(source))
    return PlanDraft(draft_of(messages, _unread_names(source, messages)), len(messages))


def _last_messages(source: Source) -> Iterator[Message]:
    judge = Judge()
    for body in recent_bodies(source):
        for result in judge.read(split_request(batch_of([body]).content, "")):
            if isinstance(result, Message):
                yield result


def _unread_names(source: Source, messages: list[Message]) -> set[str]:
    """Return the names of events of which no message is short enough to be kept whole."""
    stored = RecentMessage.objects.filter(source=source, outcome=MessageCount.Outcome.STORED)
    names = stored.filter(type="track").order_by().values_list("name", flat=True)
    return set(names.distinct()) - {message.name for message in messages}
