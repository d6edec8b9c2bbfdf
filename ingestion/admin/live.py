"""The last messages of a source as they come in, masked."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from ingestion.admin.bodies import pretty
from ingestion.models import MessageCount, RecentMessage
from profiles.admin.kit.masks import Mask, mask_for
from profiles.models import Source

SHOWN = 50
# Whoever may look into rejected messages may look at the others.
SEE = "ingestion.view_rejectedmessage"


def live_context(request: HttpRequest, source: Source) -> dict[str, Any]:
    """Return the last messages of a source that match the filters of the address."""
    outcome, words = request.GET.get("outcome", ""), request.GET.get("words", "").strip()
    messages = RecentMessage.objects.filter(source=source)
    if outcome in MessageCount.Outcome.values:
        messages = messages.filter(outcome=outcome)
    if words:
        fields = (Q(**{f"{field}__icontains": words}) for field in ("type", "name", "code"))
        messages = messages.filter(next(fields) | next(fields) | next(fields))
    return {
        "source": source,
        "outcomes": MessageCount.Outcome.choices,
        "outcome": outcome,
        "words": words,
        "recent": _masked(messages, mask_for(request)),
    }


def _masked(messages: QuerySet[RecentMessage], mask: Mask) -> list[dict[str, Any]]:
    return [
        {
            "id": message.pk,
            "at": message.received_at,
            "outcome": message.outcome,
            "word": message.get_outcome_display(),
            "type": message.type,
            "name": mask.tree(message.name),
            "code": message.code,
            "body": pretty(message.body, mask) if message.type else "",
        }
        for message in messages[:SHOWN]
    ]
