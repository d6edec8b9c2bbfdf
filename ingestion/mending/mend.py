"""Mending rejected messages and sending them again, one by hand or many by rules.

Invariant: what is saved as mended would be taken by the rules of that moment, and each message is
sent once until it is rejected once more.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.db.models.functions import Now

from ingestion.inbox.accept import DRAIN
from ingestion.inbox.body import batch_of, pack_body, unpack_message
from ingestion.inbox.lease import pack_origin
from ingestion.inbox.rejected import kept_content
from ingestion.mending.judge import Judge
from ingestion.mending.operations import Operation, operate
from ingestion.messages import Rejection
from ingestion.models import InboxRow, RejectedMessage
from profiles.lib import exact_json
from profiles.lib.change_queue import nudge
from profiles.lib.exact_json import UnreadableJSON
from profiles.services import Actor, audited

MOST_AT_ONCE = 10_000
EXAMPLES = 3


class StillFaulty(ValueError):
    """A message would be rejected again; `rejection` says why."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.code)
        self.rejection = rejection


class NotOpen(Exception):
    """A message was sent again already, and cannot be changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Example:
    """One message before and after the rules, and the fault that is left in it."""

    before: bytes
    after: bytes
    fault: Rejection | None


@dataclass(slots=True)
class MendReport:
    """What rules did to many messages: how many there were, are right now, and were sent.

    `left` counts what still is wrong with the others, by code and path.
    """

    matched: int = 0
    mended: int = 0
    sent: int = 0
    left: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)


def fault_of(raw: bytes, *, source_id: int) -> Rejection | None:
    """Return why a message of a source would be rejected now, or None."""
    return Judge().fault(raw, source_id=source_id)


def mend_message(rejected: RejectedMessage, raw: bytes, *, actor: Actor) -> None:
    """Replace the content of a rejected message. Raises StillFaulty, and NotOpen."""
    judge = Judge()
    if fault := judge.fault(raw, source_id=rejected.source_id):
        raise StillFaulty(fault)
    # What was forbidden meanwhile is not kept once more.
    raw = judge.permitted(raw, source_id=rejected.source_id)
    with audited(actor, "rejected_message.mended") as deed:
        is_open = RejectedMessage.objects.filter(pk=rejected.pk, replayed_at=None)
        if not is_open.update(mended_at=Now(), **_content(raw)):
            raise NotOpen
        deed.about("rejected_message", rejected.uuid)


def mend_messages(
    messages: QuerySet[RejectedMessage],
    operations: Sequence[Operation],
    *,
    actor: Actor,
    is_sent: bool = False,
    is_trial: bool = False,
) -> MendReport:
    """Apply rules to up to 10,000 open messages, the oldest first, and keep what is right then.

    With `is_sent` those are sent again at once. A trial writes nothing.
    """
    judge, report = Judge(), MendReport()
    right: list[RejectedMessage] = []
    with audited(actor, "rejected_messages.mended") as deed:
        unsent = messages.filter(replayed_at=None).order_by("inbox_row_id", "place")
        # Nobody sends or mends them meanwhile.
        locked = unsent if is_trial else unsent.select_for_update(of=("self",))
        for rejected in locked[:MOST_AT_ONCE]:
            if _is_mended(rejected, operations, judge, report):
                right.append(rejected)
        if is_trial or not right:
            return report
        RejectedMessage.objects.bulk_update(
            right, ("body", "names", "type", "message_id", "mended_at"), batch_size=500
        )
        if is_sent:
            report.sent = _send(right)
        deed.about(
            "rejected_messages",
            right[0].source.key,
            rules=[None, [f"{each.verb} {each.path} {each.to}".strip() for each in operations]],
            mended=[None, report.mended],
            sent=[None, report.sent],
        )
    return report


def replay_message(rejected: RejectedMessage, *, actor: Actor) -> bool:
    """Send a rejected message through the inbox again; False where that was done before."""
    with audited(actor, "rejected_message.replayed") as deed:
        locked = RejectedMessage.objects.select_for_update().filter(
            pk=rejected.pk, replayed_at=None
        )
        if not _send(locked):
            return False
        deed.about("rejected_message", rejected.uuid)
    return True


def _is_mended(
    rejected: RejectedMessage, operations: Sequence[Operation], judge: Judge, report: MendReport
) -> bool:
    """Apply the rules to one message and report on it; return whether nothing is wrong any more."""
    before = unpack_message(rejected.body)
    try:
        operated = operate(before, operations)
        after = judge.permitted(operated, source_id=rejected.source_id)
        fault = judge.fault(after, source_id=rejected.source_id)
    except UnreadableJSON as error:
        after, fault = before, Rejection(0, "", "", error.code, error.path, error.detail, b"")
    report.matched += 1
    if len(report.examples) < EXAMPLES:
        report.examples.append(Example(before, after, fault))
    if fault:
        report.left[fault.code, fault.path] += 1
        return False
    report.mended += 1
    if after != before:
        rejected.mended_at = Now()
        for name, value in _content(after).items():
            setattr(rejected, name, value)
    return True


def _send(messages: Iterable[RejectedMessage]) -> int:
    """Put messages into the inbox; the caller's transaction has them locked and open.

    Their times stay those of their first receipt: what came meanwhile is newer.
    """
    rows = []
    sent = []
    for rejected in messages:
        sent.append(rejected.pk)
        rows.append(
            InboxRow(
                source_id=rejected.source_id,
                trust=rejected.trust,
                body=pack_body(batch_of([unpack_message(rejected.body)])),
                message_count=1,
                is_opted_out=rejected.is_opted_out,
                received_at=rejected.received_at,
                first_arrival=pack_origin(rejected.inbox_row_id, rejected.place),
            )
        )
    RejectedMessage.objects.filter(pk__in=sent).update(replayed_at=Now(), outcome="")
    InboxRow.objects.bulk_create(rows, batch_size=500)
    if rows:
        nudge(DRAIN)
    return len(rows)


def _content(raw: bytes) -> dict[str, object]:
    """Return the columns that follow from a message's content, which was judged before."""
    message = exact_json.loads(raw)
    type_ = str(message.get("type") or "")[:32]
    message_id = str(message.get("messageId") or "")[:255]
    content = kept_content(raw, message_id, type_)
    return content | {"type": type_, "message_id": message_id}
