"""Trying a plan on messages before it is in force: what would be refused, and what flagged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestion.inbox.body import batch_of, unpack_message
from ingestion.mending.judge import Judge
from ingestion.messages import BadRequest, Message, Rejection, split_request
from ingestion.models import MessageCount, RecentMessage
from ingestion.plans.content import Plan, Policy, parse_plan
from ingestion.plans.judge import breach_of
from profiles.lib import exact_json
from profiles.models import Source

INVALID = "invalid"
MAX_BODY_BYTES = 8 * 1024  # of a recent message; a longer one is cut


@dataclass(frozen=True, slots=True)
class Verdict:
    """One message that would not simply be taken; `policy` is "invalid" whatever the plan.

    `event` is its name, or its type where it has none. `place` is the path with names of the plan
    alone.
    """

    index: int
    policy: str
    code: str
    path: str
    detail: str
    event: str = ""
    place: str = ""


@dataclass(slots=True)
class CheckReport:
    """How a plan would judge messages: how many, and each that it refuses or flags."""

    checked: int = 0
    refused: int = 0
    flagged: int = 0
    verdicts: list[Verdict] = field(default_factory=list)


def check_plan(content: Any, bodies: Iterable[bytes]) -> CheckReport:
    """Judge messages, each a JSON text, by a plan that is not saved. Raises PlanFaults."""
    plan, judge, report = parse_plan(content), Judge(), CheckReport()
    for index, body in enumerate(bodies):
        report.checked += 1
        if verdict := _verdict(plan, judge, index, body):
            report.verdicts.append(verdict)
            report.refused += verdict.policy != Policy.FLAG
            report.flagged += verdict.policy == Policy.FLAG
    return report


def recent_bodies(source: Source) -> Sequence[bytes]:
    """Return the last messages of a source that were taken, the newest first."""
    stored = RecentMessage.objects.filter(source=source, outcome=MessageCount.Outcome.STORED)
    packed = stored.exclude(type="alias").order_by("-id").values_list("body", flat=True)
    bodies = map(unpack_message, packed)
    return [_with_identity(body) for body in bodies if len(body) < MAX_BODY_BYTES]


def _with_identity(body: bytes) -> bytes:
    # What was taken from a file may name its person by an address alone.
    return exact_json.dump_bytes({"userId": "-", **exact_json.loads(body)})


def _verdict(plan: Plan, judge: Judge, index: int, body: bytes) -> Verdict | None:
    try:
        result = next(judge.read(split_request(batch_of([body]).content, "")))
    except (BadRequest, StopIteration):
        return Verdict(index, INVALID, "not_json", "", "one JSON object")
    if isinstance(result, Rejection):
        return Verdict(index, INVALID, result.code, result.path, result.detail)
    return _breach(plan, index, result)


def _breach(plan: Plan, index: int, message: Message) -> Verdict | None:
    breach = breach_of(plan, message)
    if breach is None:
        return None
    return Verdict(
        index,
        breach.policy,
        breach.code,
        breach.path,
        breach.detail,
        event=message.name or message.type,
        place=breach.place,
    )
