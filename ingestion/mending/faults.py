"""Rejected messages grouped by source and fault."""

import re
from typing import Any

from django.db.models import CharField, Count, F, Func, Max, Min, Q, QuerySet, Value

from ingestion.models import RejectedMessage

OPEN = Q(replayed_at=None)
_PLACE = r"\[\d+\]"


def with_fault_path(messages: QuerySet[RejectedMessage]) -> QuerySet[Any]:
    """Add `fault_path`: the path of the fault, with [*] for each place in a list."""
    arguments = (F("path"), Value(_PLACE), Value("[*]"), Value("g"))
    path = Func(*arguments, function="regexp_replace", output_field=CharField())
    return messages.annotate(fault_path=path)


def fault_path(path: str) -> str:
    """Return the path by which the group of a fault is named."""
    return re.sub(_PLACE, "[*]", path)


def fault_groups() -> QuerySet[Any, dict[str, Any]]:
    """Return each fault of each source with its numbers, as rows of `values()`."""
    messages = with_fault_path(RejectedMessage.objects.order_by())
    groups = messages.values("source__key", "source_id", "source__name", "code", "fault_path")
    counted: QuerySet[Any, dict[str, Any]] = groups.annotate(
        open=Count("pk", filter=OPEN),
        sent=Count("pk", filter=~OPEN),
        stored=Count("pk", filter=Q(outcome=RejectedMessage.Outcome.STORED)),
        first_rejected_at=Min("rejected_at"),
        last_rejected_at=Max("rejected_at"),
    )
    return counted
