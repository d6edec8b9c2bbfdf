"""Messages on their way, those that could not be taken, and the last of each source."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from ingestion.inbox.body import unpack_message
from ingestion.inbox.name_hashes import hashes_of
from ingestion.models import InboxRow, RecentMessage, RejectedMessage
from ingestion.personal_data.naming import (
    KeptText,
    all_spellings,
    named_in,
    references_of,
    texts_naming,
)
from profiles.identifiers.lookup import load_normalisers
from profiles.registry import ErasurePhase, Person, PersonalData, Rows, registry


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

    def read(self, profile_ids: Sequence[int]) -> Rows:
        messages = _possibly_naming(references_of(profile_ids)).select_related("source")
        return texts_naming(profile_ids, map(self._text, messages.order_by("-id")))

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        """Open each message that may name or mention the person, and delete it if it does."""
        references, normalisers = all_spellings(person.references), load_normalisers()
        messages = _possibly_naming(references).only("body", "message_id", "type")
        mentioning = [
            each.pk
            for each in messages.iterator(chunk_size=500)
            if references & named_in(each.body, normalisers, each.message_id, each.type)
        ]
        return RejectedMessage.objects.filter(pk__in=mentioning).delete()[0]

    @staticmethod
    def _text(rejected: RejectedMessage) -> KeptText:
        fields = {
            "source": rejected.source.key,
            "received_at": rejected.received_at,
            "code": rejected.code,
            "outcome": rejected.outcome,
        }
        quoted = (rejected.message_id, rejected.type)
        names = named_in(rejected.body, load_normalisers(), *quoted)
        return KeptText(fields, _as_it_came(rejected.body), names)


@registry.register
class RecentMessageData(PersonalData):
    model = RecentMessage
    title = "The last messages of each source"
    lifetime = 7
    observed = ("body", "name")
    technical = ("id", "source", "received_at", "outcome", "type", "code")
    phase = ErasurePhase.COPIES

    def read(self, profile_ids: Sequence[int]) -> Rows:
        return texts_naming(profile_ids, self._texts())

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        """Open each message, and delete it if it names or mentions the person."""
        references, normalisers = all_spellings(person.references), load_normalisers()
        mentioning = [
            recent.pk
            for recent in RecentMessage.objects.iterator(chunk_size=500)
            if references & named_in(recent.body, normalisers, recent.name)
        ]
        return RecentMessage.objects.filter(pk__in=mentioning).delete()[0]

    @staticmethod
    def _texts() -> Iterator[KeptText]:
        normalisers = load_normalisers()
        for recent in RecentMessage.objects.select_related("source"):
            fields = {
                "source": recent.source.key,
                "received_at": recent.received_at,
                "outcome": recent.outcome,
            }
            names = named_in(recent.body, normalisers, recent.name)
            yield KeptText(fields, _as_it_came(recent.body), names)


def _possibly_naming(references: frozenset[str]) -> QuerySet[RejectedMessage]:
    """Return the rejected messages that name somebody, or at which nobody has looked yet."""
    hashes = hashes_of(references)
    return RejectedMessage.objects.filter(Q(names__overlap=hashes) | Q(names=None))


def _as_it_came(packed: bytes | memoryview) -> str:
    # A text: what was rejected may be no JSON.
    return unpack_message(packed).decode(errors="replace")
