"""What is drained together: inbox rows, and their messages on their way to taking effect."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings

from ingestion.inbox.lease import PLACES_PER_ROW, LeasedRow
from ingestion.inbox.rejected import RowRejection
from ingestion.messages import (
    BadRequest,
    Forbidden,
    ForbiddenBySource,
    Message,
    Rejection,
    RequestFacts,
    read_messages,
    self_contained,
    split_request,
    was_on_its_way,
)
from ingestion.plans.content import Policy
from ingestion.plans.judge import Breach
from profiles.models import TrustLevel
from profiles.services import Attribution, EventDraft, Observation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The number of an arrival has 41 bits for the millisecond (until 2089), 10 for the row of the inbox
# (it parts the requests of one millisecond), and 12 for the place in the request.
_FIRST_ARRIVAL = datetime(2020, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ROWS_PER_MILLISECOND = 1024


@dataclass(slots=True)
class PendingMessage:
    """One message on its way through the drain, and what each step has found out about it.

    `row` and `message` are known from the start. Then come `event` (its event, ready to be stored;
    None where it is none), `concluded` (traits), `predicted` (where the event was stored ahead of
    the people lock, on a guess), `breach` (what it breaks of its source's plan), `observation`
    (None where it was dropped or rejected), and `attribution` (whose it is, and by which
    identifier). `has_other_name` is true where the name was one too many, and `is_signed` where a
    public key's message counts as a server's.
    """

    row: LeasedRow
    message: Message
    event: EventDraft | None = None
    concluded: Mapping[str, Any] = field(default_factory=dict)
    predicted: Attribution | None = None
    is_event_changed: bool = False
    has_other_name: bool = False
    is_signed: bool = False
    breach: Breach | None = None
    observation: Observation | None = None
    attribution: Attribution | None = None

    @property
    def trust(self) -> int:
        """How far the message is believed."""
        return TrustLevel.SERVER if self.is_signed else self.row.trust

    @property
    def is_refused(self) -> bool:
        """Whether the plan of its source refuses it."""
        return self.breach is not None and self.breach.policy == Policy.REFUSE

    @property
    def day(self) -> date:
        """The UTC day on which the message came, which is the day of its fact."""
        return self.row.received_at.astimezone(UTC).date()

    @property
    def at(self) -> int:
        """The time of the message in epoch microseconds."""
        return round((self.message.timestamp - EPOCH).total_seconds() * 1_000_000)

    @property
    def arrival(self) -> int:
        """The place of the message among all; of a replayed one, that of when it first came.

        Requests that a sender has on their way at once come in any order: they go by `sentAt`.
        """
        sent_at, moment = self.message.sent_at, self.row.received_at
        if sent_at is not None and was_on_its_way(sent_at, moment):
            moment = sent_at
        row_id, place = self.row.origin(self.message.place)
        milliseconds = (moment - _FIRST_ARRIVAL) // _MILLISECOND
        request = milliseconds * _ROWS_PER_MILLISECOND + row_id % _ROWS_PER_MILLISECOND
        return request * PLACES_PER_ROW + place

    def rejected(self, code: str, detail: str, path: str = "") -> RowRejection:
        """This message as one that cannot be taken."""
        message = self.message
        rejection = Rejection(
            place=message.place,
            message_id=message.message_id,
            type=message.type,
            code=code,
            path=path,
            detail=detail,
            raw=self._whole(),
        )
        return RowRejection(self.row, rejection)

    def _whole(self) -> bytes:
        body = self.row.body
        raw = self.message.raw
        # Nothing is added to a message that was emptied, since it mentioned an erased person.
        is_emptied = raw == b"{}"
        return raw if is_emptied else self_contained(split_request(body.content, body.type), raw)


@dataclass(slots=True)
class Chunk:
    """Inbox rows that are drained in one transaction: their messages and rejections."""

    rows: Sequence[LeasedRow]
    messages: list[PendingMessage] = field(default_factory=list)
    rejections: list[RowRejection] = field(default_factory=list)
    # Those that another request took, or an earlier message of this chunk.
    repeats: list[PendingMessage] = field(default_factory=list)

    @property
    def row_ids(self) -> list[int]:
        return [row.id for row in self.rows]

    def alone(self, message: PendingMessage) -> "Chunk":
        """One of the messages by itself."""
        return Chunk(self.rows, [PendingMessage(message.row, message.message)])

    def without_messages(self) -> "Chunk":
        """The rows with their rejections only."""
        return Chunk(self.rows, [], self.rejections, self.repeats)


def read_rows(rows: Sequence[LeasedRow], forbidden: ForbiddenBySource) -> Chunk:
    """What the messages of inbox rows say, and those that cannot be taken."""
    chunk = Chunk(rows)
    for row in rows:
        for result in _results(row, forbidden.of(row.source_id)):
            if isinstance(result, Message):
                chunk.messages.append(PendingMessage(row, result))
            else:
                chunk.rejections.append(RowRejection(row, result))
    return chunk


def _results(row: LeasedRow, forbidden: Forbidden) -> Iterable[Message | Rejection]:
    try:
        body = row.body
        envelope = split_request(body.content, body.type)
    except (BadRequest, RuntimeError) as fault:
        # The row was judged when it was accepted: the code changed since, or the row was damaged.
        raw = body.content if isinstance(fault, BadRequest) else b""
        return [Rejection(0, "", "", "invalid_request", "", str(fault), forbidden.kept(raw))]
    first_row, first_place = row.origin(0)
    facts = RequestFacts(
        first_row,
        row.source_id,
        row.received_at,
        settings.DEFAULT_PHONE_REGION,
        body.address,
        is_client=row.trust == TrustLevel.CLAIM,
        first_place=first_place,
        is_file=row.file_import_id is not None,
        forbidden=forbidden,
    )
    return read_messages(envelope, facts, settings.DEDUPLICATION_KEY.encode())
