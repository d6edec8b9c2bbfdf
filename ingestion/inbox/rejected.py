"""Messages that could not be taken: kept with their reason, and replayed after mending."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from consent.services import find_suppressed, mentions
from ingestion.inbox.accept import DRAIN
from ingestion.inbox.body import InboxBody, pack_body, pack_message, unpack_message
from ingestion.inbox.counts import count_dropped
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.lease import LeasedRow, arrival_of
from ingestion.messages import Rejection
from ingestion.models import InboxRow, RejectedMessage
from profiles.lib.change_queue import nudge
from profiles.services import Actor, audited

# Anybody with a public key can send what is rejected, and must not fill the disk with it.
MAX_KEPT_BYTES = 32 * 1024
MAX_KEPT_A_DAY = 10_000  # rows of one source
UNKEPT = "rejected"
OF_AN_ERASED_PERSON = "It mentions somebody who was erased, so that its content is not kept."


class RowRejection(NamedTuple):
    """One message that cannot be taken, and the inbox row that it came in."""

    row: LeasedRow
    rejection: Rejection


def keep_rejected(rejections: Sequence[RowRejection]) -> None:
    """Keep rejected messages where staff see them; one that is kept already stays as it is.

    Of a message that mentions an erased person only the reason is kept, since the gate cannot look
    into what cannot be read. Over 10,000 of a source and day are only counted.
    """
    kept, unkept = _affordable(_without_erased(rejections))
    count_dropped({(source_id, UNKEPT): count for source_id, count in unkept.items()})
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
                body=pack_message(rejection.raw[:MAX_KEPT_BYTES]),
                received_at=row.received_at,
            )
            for row, rejection in kept
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
        # Once and seldom, so that accepting need not know of it. Its times stay those of its
        # first receipt: what came meanwhile is newer.
        InboxRow.objects.create(
            source_id=rejected.source_id,
            trust=rejected.trust,
            body=pack_body(InboxBody(rejected.type, unpack_message(rejected.body))),
            message_count=1,
            received_at=rejected.received_at,
            first_arrival=arrival_of(rejected.inbox_row_id, rejected.place),
        )
        nudge(DRAIN)
        deed.about("rejected_message", rejected.uuid)
    return True


def _affordable(
    rejections: Iterable[RowRejection],
) -> tuple[list[RowRejection], Mapping[int, int]]:
    """Return those that are kept, and the number of the others by source."""
    room: dict[int, int] = {}
    kept: list[RowRejection] = []
    unkept: Counter[int] = Counter()
    for rejection in rejections:
        source_id = rejection.row.source_id
        if source_id not in room:
            room[source_id] = MAX_KEPT_A_DAY - _kept_today(source_id)
        if room[source_id] > 0:
            room[source_id] -= 1
            kept.append(rejection)
        else:
            unkept[source_id] += 1
    return kept, unkept


def _kept_today(source_id: int) -> int:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = RejectedMessage.objects.filter(source_id=source_id, rejected_at__gte=midnight)
    return rows.count()


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
