"""Messages that could not be taken: kept with their reason, and replayed after mending."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from consent.services import find_suppressed, mentions
from ingestion.inbox.accept import accept
from ingestion.inbox.body import batch_of, pack_message, unpack_message
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.lease import LeasedRow
from ingestion.messages import Rejection
from ingestion.models import RejectedMessage
from profiles.services import Actor, audited

OF_AN_ERASED_PERSON = "It mentions somebody who was erased, so that its content is not kept."


class RowRejection(NamedTuple):
    """One message that cannot be taken, and the inbox row that it came in."""

    row: LeasedRow
    rejection: Rejection


def keep_rejected(rejections: Sequence[RowRejection]) -> None:
    """Keep rejected messages where staff see them; one that is kept already stays as it is.

    Of a message that mentions an erased person only the reason is kept, since the gate cannot look
    into what cannot be read.
    """
    RejectedMessage.objects.bulk_create(
        [
            RejectedMessage(
                source_id=row.source_id,
                trust=row.trust,
                inbox_row_id=row.id,
                place=rejection.place,
                message_id=rejection.message_id,
                type=rejection.type,
                code=rejection.code,
                path=rejection.path,
                detail=rejection.detail,
                body=pack_message(rejection.raw),
                received_at=row.received_at,
            )
            for row, rejection in _without_erased(rejections)
        ],
        ignore_conflicts=True,
    )


def rejected_places(row_id: int) -> set[int]:
    """The places of those messages of an inbox row that are rejected already."""
    rows = RejectedMessage.objects.filter(inbox_row_id=row_id)
    return set(rows.values_list("place", flat=True))


def replay_message(rejected: RejectedMessage, *, actor: Actor) -> bool:
    """Send a rejected message through the inbox again; False where that was done before."""
    with audited(actor, "rejected_message.replayed") as deed:
        unclaimed = RejectedMessage.objects.filter(pk=rejected.pk, replayed_at=None)
        if not unclaimed.update(replayed_at=timezone.now()):
            return False
        accept(
            batch_of([unpack_message(rejected.body)]),
            source_id=rejected.source_id,
            trust=rejected.trust,
            message_count=1,
            is_opted_out=False,
        )
        deed.about("rejected_message", rejected.uuid)
    return True


def _without_erased(rejections: Sequence[RowRejection]) -> Iterable[RowRejection]:
    """The same, with nothing in it of messages that mention an erased person."""
    if not rejections:
        return rejections

    def references(rejection: RowRejection) -> Iterator[str]:
        yield from references_in(rejection.rejection.raw)
        # The other columns quote parts of the message.
        quoted = (rejection.rejection.message_id, rejection.rejection.type)
        yield from mentions(quoted, region=settings.DEFAULT_PHONE_REGION)

    # A generator: the messages are only scanned where anybody was ever erased.
    erased = find_suppressed(
        reference for rejection in rejections for reference in references(rejection)
    )
    if not erased:
        return rejections
    return [
        RowRejection(rejection.row, _emptied(rejection.rejection))
        if not erased.isdisjoint(references(rejection))
        else rejection
        for rejection in rejections
    ]


def _emptied(rejection: Rejection) -> Rejection:
    return rejection._replace(message_id="", type="", detail=OF_AN_ERASED_PERSON, raw=b"{}")
