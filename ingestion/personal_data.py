"""What this app holds about a person: messages on their way, and messages that could not be taken."""

from datetime import datetime

import lz4.frame

from ingestion.inbox.identifier_scan import references_in
from ingestion.models import InboxRow, RejectedMessage
from profiles.registry import FieldClass, Holding, Person, registry


def _erase_rejected(person: Person) -> int:
    """Rejected messages name nobody by key: each is opened, and goes if any text in it is one of the person's values."""
    references = frozenset(person.references)
    doomed = [
        rejected.pk
        for rejected in RejectedMessage.objects.only("body").iterator(chunk_size=500)
        if _mentions(lz4.frame.decompress(bytes(rejected.body)), references)
    ]
    return RejectedMessage.objects.filter(pk__in=doomed).delete()[0]


def _mentions(body: bytes, references: frozenset[str]) -> bool:
    namespaces = {reference.partition(":")[0] for reference in references}
    return not references.isdisjoint(references_in(body, namespaces))


def _is_drained(moment: datetime) -> bool:
    return not InboxRow.objects.filter(received_at__lte=moment).exists()


registry.declare(
    Holding(
        model="ingestion.InboxRow",
        title="Messages on their way",
        fields={
            "body": FieldClass.OBSERVED,
            **dict.fromkeys(
                (
                    *("id", "source", "trust", "message_count", "is_opted_out", "received_at"),
                    *("attempts", "lease", "leased_until"),
                ),
                FieldClass.TECHNICAL,
            ),
        },
        is_drained=_is_drained,
    ),
    Holding(
        model="ingestion.RejectedMessage",
        title="Messages that could not be taken",
        fields={
            "body": FieldClass.OBSERVED,
            **dict.fromkeys(
                (
                    *("id", "uuid", "source", "trust", "inbox_row_id", "place", "message_id"),
                    "type",
                    *("code", "path", "detail", "received_at", "rejected_at", "replayed_at"),
                ),
                FieldClass.TECHNICAL,
            ),
        },
        erase=_erase_rejected,
        erase_order=10,
    ),
)
