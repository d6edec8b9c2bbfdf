"""Messages that could not be taken, kept with their reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from consent.services import find_suppressed, mentions
from ingestion.inbox.body import pack_message
from ingestion.inbox.counts import count_dropped, count_messages, hour_of
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.name_hashes import names_in
from ingestion.messages import Rejection
from ingestion.models import MessageCount, RejectedMessage
from profiles.identifiers.lookup import load_normalisers

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
    into what cannot be read. Over 10,000 of a source and day are only counted. A message that was
    replayed is the one it was before, with the new reason, and open again.
    """
    readable = _without_erased(rejections)
    again = [each for each in readable if each.row.first_arrival is not None]
    new = [each for each in readable if each.row.first_arrival is None]
    kept, unkept = _affordable(new)
    count_dropped({(source_id, UNKEPT): count for source_id, count in unkept.items()})
    count_messages(Counter(map(_counter_of, new)))
    # One that replaces a message which was deleted meanwhile begins anew.
    unknown = [each for each in again if not _reopen(each)]
    rows = [_row(*each) for each in (*kept, *unknown)]
    RejectedMessage.objects.bulk_create(rows, ignore_conflicts=True)


def rejected_places(row: LeasedRow) -> set[int]:
    """The places of those messages of an inbox row that are rejected already."""
    if row.first_arrival is None:
        places = RejectedMessage.objects.filter(inbox_row_id=row.id)
        return set(places.values_list("place", flat=True))
    # The one message of a replay is rejected once more where it is open again.
    return {0} if _at(row.origin(0)).filter(replayed_at=None).exists() else set()


def note_outcome(origin: tuple[int, int], outcome: str) -> None:
    """Note what became of a replayed message, named by where it first came. The first end holds."""
    _at(origin).filter(outcome="").exclude(replayed_at=None).update(outcome=outcome)


def _at(origin: tuple[int, int]) -> QuerySet[RejectedMessage]:
    row_id, place = origin
    return RejectedMessage.objects.filter(inbox_row_id=row_id, place=place)


def _reopen(refused: RowRejection) -> bool:
    """Give a replayed message its new reason; return whether it is still there."""
    row, rejection = refused
    fields = _reason(rejection) | {"rejected_at": Now(), "replayed_at": None}
    return bool(_at(row.origin(rejection.place)).update(**fields))


def _row(row: LeasedRow, rejection: Rejection) -> RejectedMessage:
    row_id, place = row.origin(rejection.place)
    return RejectedMessage(
        source_id=row.source_id,
        trust=row.trust,
        is_opted_out=row.is_opted_out,
        inbox_row_id=row_id,
        place=place,
        received_at=row.received_at,
        **_reason(rejection),
    )


def _reason(rejection: Rejection) -> dict[str, Any]:
    return {
        "message_id": rejection.message_id,
        "type": rejection.type,
        "code": rejection.code,
        "path": rejection.path,
        "detail": rejection.detail,
        **kept_content(rejection.raw[:MAX_KEPT_BYTES], rejection.message_id, rejection.type),
    }


def kept_content(raw: bytes, *quoted: str) -> dict[str, Any]:
    """Return the columns that hold a message's content, and by which an erasure finds it."""
    return {"body": pack_message(raw), "names": names_in(raw, *quoted)}


def _counter_of(refused: RowRejection) -> tuple[int, datetime, str]:
    row = refused.row
    return row.source_id, hour_of(row.received_at), MessageCount.Outcome.REJECTED


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


def _without_erased(rejections: Sequence[RowRejection]) -> Sequence[RowRejection]:
    """The same, with nothing in it of messages that mention an erased person."""
    if not rejections:
        return rejections
    normalisers = load_normalisers()

    def references(rejection: RowRejection) -> Iterator[str]:
        yield from references_in(rejection.rejection.raw, normalisers)
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
