"""Messages that could not be taken: kept with their reason, and replayed after mending."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import lz4.frame
from django.db import transaction
from django.utils import timezone

from consent.services import find_suppressed
from ingestion.inbox.accept import accept
from ingestion.inbox.identifier_scan import references_in
from ingestion.inbox.lease import LeasedRow
from ingestion.messages import Rejection
from ingestion.models import RejectedMessage
from profiles.services import load_rules

OF_AN_ERASED = "It mentions somebody who was erased, so that its content is not kept."


class RejectedInRow(NamedTuple):
    """One message refused, and the inbox row it came in."""

    row: LeasedRow
    rejection: Rejection


def reject(refused: Iterable[RejectedInRow]) -> None:
    """Keep refused messages where somebody can see them; one that is kept already stays as it is.

    Of one that mentions somebody who was erased only the reason is kept: the gate does not see what cannot be read.
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
                body=lz4.frame.compress(rejection.raw),
                received_at=row.received_at,
            )
            for row, rejection in _without_erased(list(refused))
        ],
        ignore_conflicts=True,
    )


def _without_erased(refused: Sequence[RejectedInRow]) -> Sequence[RejectedInRow]:
    """The same, with nothing in it of messages that mention an erased person."""
    if not refused:
        return refused
    namespaces = load_rules().namespaces.keys()

    def spelled(one: RejectedInRow) -> Iterator[str]:
        return references_in(one.rejection.raw, namespaces)

    # Read only once somebody was erased.
    erased = find_suppressed(reference for one in refused for reference in spelled(one))
    return [
        RejectedInRow(one.row, _emptied(one.rejection))
        if erased and not erased.isdisjoint(spelled(one))
        else one
        for one in refused
    ]


def _emptied(rejection: Rejection) -> Rejection:
    return rejection._replace(message_id="", type="", detail=OF_AN_ERASED, raw=b"{}")


def rejected_places(row_id: int) -> set[int]:
    """Which messages of an inbox row are rejected already."""
    rows = RejectedMessage.objects.filter(inbox_row_id=row_id)
    return set(rows.values_list("place", flat=True))


@transaction.atomic
def replay_message(rejected: RejectedMessage) -> bool:
    """Send a rejected message through the inbox again; False where that was done before."""
    claimed = RejectedMessage.objects.filter(pk=rejected.pk, replayed_at=None)
    if not claimed.update(replayed_at=timezone.now()):
        return False
    message = lz4.frame.decompress(bytes(rejected.body))
    accept(
        b'\n{"batch":[' + message + b"]}",
        source_id=rejected.source_id,
        trust=rejected.trust,
        message_count=1,
        is_opted_out=False,
    )
    return True
