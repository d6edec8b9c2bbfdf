"""What the compiler needs from the database: the live definitions and the event names.

Invariant: refreshes read this while they hold their slots, so that no definition changes meanwhile.
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
    """A segment that has been built, with the version that its memberships are of."""

    id: int
    key: str
    version: int
    node: Node
    evaluated_at: datetime


@dataclass(frozen=True, slots=True)
class LiveDefinitions:
    """All segments that have been built, sorted by id, and the effective node of each live key.

    `nodes` also has the live segments that have not been built yet.
    """

    segments: tuple[LiveSegment, ...]
    nodes: Mapping[str, Node]


def read_live_definitions() -> LiveDefinitions:
    """Read all live segments in one query."""
    rows = list(Segment.objects.filter(status=Segment.Status.LIVE).order_by("id"))
    nodes = {row.key: parse(effective_definition(row)) for row in rows}
    segments = (
        LiveSegment(row.pk, row.key, row.live_version, nodes[row.key], row.evaluated_at)
        for row in rows
        # Both are set when a segment is first built.
        if row.live_version is not None and row.evaluated_at is not None
    )
    return LiveDefinitions(tuple(segments), nodes)


def effective_definition(segment: Segment) -> dict[str, Any]:
    """Return the definition that the memberships are of, or the saved one where none is built."""
    definition: dict[str, Any] = (
        segment.definition if segment.live_definition is None else segment.live_definition
    )
    return definition


def make_context(
    segments: Mapping[str, Node], *, now: datetime, is_present: bool = True
) -> Context:
    """Return a context for this time, with the event names known now."""
    return Context(
        now=now,
        zone=ZoneInfo(settings.TIME_ZONE),
        permitted=PERMITTED,
        names=_event_names(),
        segments=segments,
        is_present=is_present,
    )


def _event_names() -> dict[tuple[str, str], EventNameRef]:
    rows: Iterable[tuple[str, str, int, str]] = EventName.objects.values_list(
        "kind", "name", "id", "value_property"
    )
    return {
        (kind, name): EventNameRef(name_id, value_property)
        for kind, name, name_id, value_property in rows
    }
