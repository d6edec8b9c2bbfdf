"""What this app holds about people: messages on their way, and messages that could not be taken."""

from datetime import datetime

from ingestion.inbox.body import unpack_message
from ingestion.inbox.identifier_scan import references_in
from ingestion.models import (
    ConsentCategory,
    DroppedCount,
    InboxRow,
    RejectedMessage,
    WriteKey,
)
from profiles.registry import ErasurePhase, Person, PersonalData, registry


@registry.register
class InboxRowData(PersonalData):
    model = InboxRow
    title = "Messages on their way"
    observed = ("body",)
    technical = (
        "id",
        "source",
        "trust",
        "message_count",
        "is_opted_out",
        "received_at",
        "attempts",
        "first_arrival",
        "lease",
        "leased_until",
    )

    def is_drained(self, moment: datetime) -> bool:
        return not InboxRow.objects.filter(received_at__lte=moment).exists()


@registry.register
class RejectedMessageData(PersonalData):
    model = RejectedMessage
    title = "Messages that could not be taken"
    observed = ("body",)
    technical = (
        "id",
        "uuid",
        "source",
        "trust",
        "inbox_row_id",
        "place",
        "message_id",
        "type",
        "code",
        "path",
        "detail",
        "received_at",
        "rejected_at",
        "replayed_at",
    )
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Open each message, and delete it if any text in it is one of the person's values."""
        references = frozenset(person.references)
        mentioning = [
            rejected.pk
            for rejected in RejectedMessage.objects.only("body").iterator(chunk_size=500)
            if _mentions(unpack_message(rejected.body), references)
        ]
        return RejectedMessage.objects.filter(pk__in=mentioning).delete()[0]


registry.exempt(
    {
        ConsentCategory: "Configuration: which purpose a category of a source means.",
        DroppedCount: "Counts by source and day.",
        WriteKey: "Names a source, not a person.",
    }
)


def _mentions(body: bytes, references: frozenset[str]) -> bool:
    namespaces = {reference.partition(":")[0] for reference in references}
    return not references.isdisjoint(references_in(body, namespaces))
