"""What the compiler needs to know of the database: live definitions, event names, the zone.

Invariant: refreshers read this after they hold their slots, so that no definition changes under them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from consent.services import PERMITTED
from profiles.models import EventName
from segments.compiler import Context, EventNameRef
from segments.language.nodes import Node
from segments.language.parser import parse
from segments.models import Segment


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """A segment whose memberships are kept, as they are kept now."""

    id: int
    key: str
    version: int
    node: Node
    evaluated_at: datetime


@dataclass(frozen=True, slots=True)
class Live:
    """All segments that have been built, in order of their ids, and what a `segment` leaf means, by key.

    A leaf means the definition that memberships answer; where there is none yet, the one that is saved.
    """

    segments: tuple[LiveSegment, ...]
    nodes: Mapping[str, Node]


def read_live() -> Live:
    """Everything that is live, in one read."""
    rows = list(Segment.objects.filter(status=Segment.Status.LIVE).order_by("id"))
    nodes = {row.key: parse(effective_definition(row)) for row in rows}
    built = (row for row in rows if row.live_version is not None)
    segments = (
        LiveSegment(row.pk, row.key, row.live_version, nodes[row.key], row.evaluated_at)
        for row in built
    )
    return Live(tuple(segments), nodes)


def effective_definition(segment: Segment) -> dict[str, Any]:
    """What others see of the segment."""
    return segment.definition if segment.live_definition is None else segment.live_definition


def context_of(segments: Mapping[str, Node], *, now: datetime, is_present: bool = True) -> Context:
    """A context at this instant, with today's event names."""
    return Context(
        now=now,
        zone=ZoneInfo(settings.TIME_ZONE),
        permitted=PERMITTED,
        names=_names(),
        segments=segments,
        is_present=is_present,
    )


def _names() -> dict[tuple[str, str], EventNameRef]:
    rows: Iterable[tuple[str, str, int, str]] = EventName.objects.values_list(
        "kind", "name", "id", "value_property"
    )
    return {(kind, name): EventNameRef(number, value) for kind, name, number, value in rows}
