"""What this app holds about people: messages on their way, and messages that could not be taken."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from consent.services import mentions, spellings
from ingestion.file_rows import cells_of, references_in_row
from ingestion.imports.erasure import delete_if_mentioned, unstarted_imports
from ingestion.inbox.body import unpack_message
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.name_hashes import hashes_of
from ingestion.models import (
    ConsentCategory,
    DrainPause,
    DroppedCount,
    FileImport,
    Hook,
    ImportPart,
    InboxRow,
    MessageCount,
    OrderAmounts,
    Product,
    RecentMessage,
    RefusedRow,
    RejectedMessage,
    SavedMapping,
    SigningSecret,
    WriteKey,
)
from profiles.identifiers.lookup import load_normalisers
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
        "ended",
        "first_arrival",
        "file_import_id",
        "lease",
        "leased_until",
    )

    def is_drained(self, moment: datetime) -> bool:
        return not InboxRow.objects.filter(received_at__lte=moment).exists()


@registry.register
class RejectedMessageData(PersonalData):
    model = RejectedMessage
    title = "Messages that could not be taken"
    observed = ("body", "names")
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
        "is_opted_out",
        "mended_at",
        "replayed_at",
        "outcome",
    )
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Open each message that may name or mention the person, and delete it if it does."""
        references, normalisers = _all_spellings(person.references), load_normalisers()
        may_name = Q(names__overlap=hashes_of(references)) | Q(names=None)
        messages = RejectedMessage.objects.filter(may_name).only("body", "message_id", "type")
        mentioning = [
            rejected.pk
            for rejected in messages.iterator(chunk_size=500)
            if _names(references, normalisers, rejected.body, rejected.message_id, rejected.type)
        ]
        return RejectedMessage.objects.filter(pk__in=mentioning).delete()[0]


@registry.register
class RecentMessageData(PersonalData):
    model = RecentMessage
    title = "The last messages of each source"
    observed = ("body", "name")
    technical = ("id", "source", "received_at", "outcome", "type", "code")
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Open each message, and delete it if it names or mentions the person."""
        references, normalisers = _all_spellings(person.references), load_normalisers()
        mentioning = [
            recent.pk
            for recent in RecentMessage.objects.iterator(chunk_size=500)
            if _names(references, normalisers, recent.body, recent.name)
        ]
        return RecentMessage.objects.filter(pk__in=mentioning).delete()[0]


@registry.register
class FileImportData(PersonalData):
    model = FileImport
    title = "Imported files"
    technical = (
        "id",
        "uuid",
        "source",
        "name",
        "size",
        "digest",
        "status",
        "reading",
        "mapping",
        "formats",
        "rows",
        "chunks",
        "stored",
        "unchanged",
        "refused",
        "dropped",
        "fault",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
        "lease",
        "leased_until",
    )


@registry.register
class ImportPartData(PersonalData):
    model = ImportPart
    title = "Uploaded files"
    observed = ("content",)
    technical = ("id", "file_import", "offset")
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Delete each file that waits to be started and names the person.

        One that is being read is waited for: what it says of erased people is dropped.
        """
        references = _all_spellings(person.references)
        return sum(delete_if_mentioned(each, references) for each in unstarted_imports())

    def is_drained(self, moment: datetime) -> bool:
        reading = FileImport.objects.filter(status=FileImport.Status.READING)
        return not reading.filter(started_at__lte=moment).exists()


@registry.register
class RefusedRowData(PersonalData):
    model = RefusedRow
    title = "Rows of files that could not be taken"
    observed = ("cells",)
    technical = ("id", "file_import", "number", "code", "column", "detail")
    phase = ErasurePhase.COPIES

    def erase(self, person: Person) -> int:
        """Open each row, and delete it if it names or mentions the person."""
        references, normalisers = _all_spellings(person.references), load_normalisers()
        rows = RefusedRow.objects.select_related("file_import")
        mentioning = [
            row.pk
            for row in rows.iterator(chunk_size=500)
            if not references.isdisjoint(
                references_in_row(row.file_import.mapping["columns"], cells_of(row), normalisers)
            )
        ]
        return RefusedRow.objects.filter(pk__in=mentioning).delete()[0]


registry.exempt(
    {
        SavedMapping: "Names of columns, and what they mean.",
        ConsentCategory: "Configuration: which purpose a category of a source means.",
        DrainPause: "Names a type of error.",
        DroppedCount: "Counts by source and day.",
        Hook: "Names a source and a tool; the secret is sealed.",
        MessageCount: "Counts by source and hour.",
        OrderAmounts: "Amounts under a keyed digest of an order's number; names nobody.",
        Product: "What is sold; names nobody.",
        SigningSecret: "Names a source, not a person.",
        WriteKey: "Names a source, not a person.",
    }
)


def _all_spellings(references: Iterable[str]) -> frozenset[str]:
    region = settings.DEFAULT_PHONE_REGION
    return frozenset(
        spelling
        for namespace, _, value in (reference.partition(":") for reference in references)
        for spelling in spellings(namespace, value, region)
    )


def _names(
    references: frozenset[str],
    normalisers: Mapping[str, str],
    packed: bytes | memoryview,
    *quoted: str,
) -> bool:
    """Whether a kept message, or one of the texts that quote it, names one of the references."""
    in_texts = mentions(quoted, region=settings.DEFAULT_PHONE_REGION)
    in_message = references_in(unpack_message(packed), normalisers)
    return not references.isdisjoint(in_texts) or not references.isdisjoint(in_message)
