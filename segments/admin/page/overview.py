"""The tab Overview: how large a segment is, who comes and goes and why, and what they are worth."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from profiles.admin.kit.flows import Flow, FlowDay, flow_bars
from profiles.admin.kit.formatting import day_text
from profiles.admin.kit.masks import Mask
from profiles.services import amount_text, currencies_of
from segments.admin import segment_page
from segments.admin.builder.views import sentence_of
from segments.memberships.figures import figures
from segments.memberships.worth import (
    LIVELY_DAYS,
    Worth,
    order_names,
    reach_of,
    worth_of,
    worth_of_everybody,
)
from segments.models import MembershipChange, Segment

FLOW_DAYS = 90
Reason = MembershipChange.Reason
# Each reason has a colour of its own.
PLACES = {str(reason): place for place, reason in enumerate(Reason)}


class Figure(NamedTuple):
    """One figure of the members, and the same of everybody."""

    title: str
    value: str
    everybody: str = ""


class FlowReason(NamedTuple):
    """How many came and left for one reason. `place` chooses its colour."""

    title: Any
    place: int
    entered: int
    left: int


def load_overview(
    segment: Segment, mask: Mask, now: datetime, *, with_past: bool
) -> dict[str, Any]:
    """Return the contents of the tab. Takes some twenty queries.

    Without `with_past` nothing says who came and went, or how many.
    """
    span = figures(segment, since=now - timedelta(days=FLOW_DAYS), until=now, now=now)
    flows = span.flows if with_past else []
    currencies = currencies_of(order_names())
    return {
        "curve": segment_page.size_curve(segment, now) if with_past else "",
        "flags": span.flags,
        "flows": flow_bars(
            _flow_days(flows), title=_("Who entered, above, and who left, below, by day")
        ),
        "reasons": _reasons(flows),
        "flow_days": FLOW_DAYS,
        "has_hidden_past": not with_past,
        "figures": _figures(worth_of(segment, now), worth_of_everybody(now), currencies),
        "mixed": currencies if len(currencies) > 1 else [],
        "reach": reach_of(segment, now),
        "changes": segment_page.latest_changes(segment, mask) if with_past else [],
        "sentence": sentence_of(segment.definition),
    }


def _flow_days(flows: Any) -> list[FlowDay]:
    by_day: dict[Any, list[Flow]] = defaultdict(list)
    for flow in flows:
        label = str(Reason(flow.reason).label)
        part = Flow(PLACES[flow.reason], label, flow.people, up=flow.has_entered)
        by_day[flow.day].append(part)
    return [FlowDay(day_text(day), parts) for day, parts in sorted(by_day.items())]


def _reasons(flows: Any) -> list[FlowReason]:
    """Return the sums over all days of the reasons for which anybody came or left."""
    sums = {str(reason): [0, 0] for reason in Reason}
    for flow in flows:
        sums[flow.reason][0 if flow.has_entered else 1] += flow.people
    return [
        FlowReason(Reason(reason).label, PLACES[reason], entered, left)
        for reason, (entered, left) in sums.items()
        if entered or left
    ]


def _figures(
    members: Worth | None, everybody: Worth | None, currencies: Sequence[str]
) -> list[Figure]:
    if members is None:
        return []
    return [
        Figure(title, value, other)
        for (title, value), (_same, other) in zip(
            _rows(members, currencies), _rows(everybody or members, currencies), strict=True
        )
    ]


def _rows(worth: Worth, currencies: Sequence[str]) -> list[tuple[str, str]]:
    def amount(value: Any) -> str:
        return "–" if value is None else amount_text(value, currencies)

    return [
        (_("Bought ever"), _share(worth.buyer_share)),
        (_("Orders"), _number(worth.orders)),
        (_("Refunded"), amount(worth.refunded)),
        (_("Revenue, less refunds"), amount(worth.revenue)),
        (_("Average basket"), amount(worth.basket)),
        (_("Revenue a person"), amount(worth.revenue_each)),
        (_("Seen in %(days)s days") % {"days": LIVELY_DAYS}, _share(worth.lively_share)),
    ]


def _number(value: Any, *, places: int = 0) -> str:
    if value is None:
        return "–"
    return number_format(value, places, use_l10n=True, force_grouping=True)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{_number(100 * share, places=1)} %"
