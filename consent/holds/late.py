"""Messages about erased people that a hold still wants: those of the sources that it names.

Invariant: such a message is set aside like a row of an erasure; it enters no store and no segment.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from consent.holds.scope import is_in_scope
from consent.models import HeldRow, LegalHold
from consent.suppression.rows import rows_of
from profiles.models import Source


class LateMessage(NamedTuple):
    """A message whose highest identifier is suppressed; `content` is its JSON as it was sent.

    `event` is its name, None where it is no event and would have made a source record.
    """

    reference: str
    source_id: int
    event: str | None
    content: str


def keep_late_messages(messages: Sequence[LateMessage]) -> None:
    """Set aside those of the messages that a standing hold names. Under the people lock."""
    holds = list(_open_holds()) if messages else []
    if not holds:
        return
    keys = dict(Source.objects.values_list("pk", "key"))
    rows = [row for late in messages for row in _rows_of(late, keys.get(late.source_id, ""), holds)]
    HeldRow.objects.bulk_create(rows)


def _open_holds() -> Iterator[LegalHold]:
    holds = LegalHold.objects.filter(lifted_at=None)
    yield from holds.exclude(sources=[]).exclude(suppression_ids=[])


def _rows_of(late: LateMessage, source: str, holds: Sequence[LegalHold]) -> Iterator[HeldRow]:
    is_event = late.event is not None
    store = "events" if is_event else "source_records"
    kind = str(late.event) if is_event else source
    for hold in holds:
        is_named = source in hold.sources and is_in_scope(hold.scope, store, kind)
        if is_named and rows_of(late.reference).filter(pk__in=hold.suppression_ids).exists():
            yield HeldRow(hold=hold, store=store, kind=kind[:255], content=late.content)
