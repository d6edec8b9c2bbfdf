"""What is concluded from the messages of a chunk, before anybody waits for the people lock.

Invariant: it depends on the message and its source alone, so that a replay concludes the same.
"""

from collections.abc import Sequence

from ingestion.drain.chunk import PendingMessage
from ingestion.enrichment.apply import Enrichments
from profiles.models import Source


def enrich(messages: Sequence[PendingMessage]) -> None:
    """Add conclusions to the contexts of messages, and keep those from traits beside them."""
    if not messages:
        return
    keeping = set(Source.objects.filter(keeps_address=True).values_list("pk", flat=True))
    enrichments = Enrichments()
    for pending in messages:
        message = pending.message
        if message.context != "{}":
            has_address = pending.row.source_id in keeping
            context = enrichments.context(
                message.context, message.timestamp, has_address=has_address
            )
            if context is not message.context:
                pending.message = message._replace(context=context)
    conclude_traits(messages)


def conclude_traits(messages: Sequence[PendingMessage]) -> None:
    """Conclude from the traits of messages, once more where some were cut out."""
    enrichments = Enrichments()
    for pending in messages:
        if pending.message.traits:
            pending.concluded = enrichments.traits(pending.message.traits)
