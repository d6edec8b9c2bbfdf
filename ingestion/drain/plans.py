"""The plans of sources in the drain: what is refused by one, and how often each is broken.

Invariant: erased people are dropped before a plan is obeyed, and an opt-out in a refused message
holds at once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ingestion.drain.chunk import PendingMessage
from ingestion.inbox.lease import LeasedRow
from ingestion.inbox.rejected import RowRejection
from ingestion.plans.content import Plan, Policy
from ingestion.plans.counts import Fault, count_breaches
from ingestion.plans.judge import Breach, breach_of
from profiles.services import forget_messages


def judge_by_plans(messages: Iterable[PendingMessage], plans: Mapping[int, Plan]) -> None:
    """Find out what each message breaks of the plan of its source."""
    for pending in messages if plans else ():
        pending.breach = breach_of(plans.get(pending.row.source_id), pending.message)


def part_by_plans(
    messages: Sequence[PendingMessage],
) -> tuple[list[PendingMessage], list[RowRejection], list[PendingMessage]]:
    """Return the messages that plans do not refuse, the rejections, and opt-outs in these.

    An opt-out is a refused message with nothing left in it but what its person does not want.
    """
    kept = [pending for pending in messages if not pending.is_refused]
    if len(kept) == len(messages):
        return kept, [], []
    refused = [pending for pending in messages if pending.is_refused]
    opt_outs = [opt_out for opt_out in map(_opt_out, refused) if opt_out]
    for pending in refused:
        pending.observation = None
    # A rejected message may be replayed after mending, and is no repeat then.
    forget_messages({pending.message.digest: pending.row.id for pending in refused})
    return kept, list(map(_rejection, refused)), opt_outs


def count_plan_breaches(messages: Iterable[PendingMessage], *, now: datetime) -> None:
    """Count the messages that break a plan, taken or refused."""
    faults = (_fault(pending.row, pending.breach) for pending in messages if pending.breach)
    count_breaches(Counter(fault for fault in faults if fault), now=now)


def _fault(row: LeasedRow, breach: Breach) -> Fault | None:
    # What is replayed and refused once more was counted when it came.
    if breach.policy == Policy.REFUSE and row.first_arrival is not None:
        return None
    return Fault(row.source_id, breach.event, breach.policy, breach.place)


def _opt_out(pending: PendingMessage) -> PendingMessage | None:
    message = pending.message
    refusals = {category: False for category, given in message.consents.items() if not given}
    if not refusals and not pending.row.is_opted_out:
        return None
    rest = message._replace(
        kind="",
        name="",
        properties="{}",
        traits={},
        consents=refusals,
        # The whole message states its consents under its own digest once it is replayed.
        digest=f"{message.digest}:refused",
    )
    return PendingMessage(
        pending.row, rest, is_signed=pending.is_signed, observation=pending.observation
    )


def _rejection(pending: PendingMessage) -> RowRejection:
    breach = pending.breach
    if breach is None:
        raise ValueError("A message that breaks no plan is not refused by one.")
    return pending.rejected(breach.code, breach.detail, breach.path)
