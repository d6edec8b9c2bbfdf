"""What the compiler needs from the database: the live definitions and the event names.

Invariant: refreshes read this while they hold their slots, so that no definition changes meanwhile.
A stored definition that cannot be read does not keep the others from being read.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import connection
from django.db.models import Q

from consent.services import PERMITTED
from profiles.models import EventName, Source
from profiles.services import load_parties
from segments.compiler import Context, EventNameRef, PartiesOfData
from segments.definitions import sql
from segments.definitions.boundaries import read_models, with_boundaries
from segments.definitions.membership import base_key, better_segments, membership_nodes
from segments.definitions.references import referenced_segments
from segments.language.nodes import Node, Party
from segments.language.parser import DefinitionError, parse
from segments.models import Segment, StaticList

# Minutes.
DEFAULT_GAP = 30


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """A segment that has been built, with the version and inputs that its memberships are of."""

    id: int
    key: str
    version: int
    node: Node
    evaluated_at: datetime
    built_with: str


@dataclass(frozen=True, slots=True)
class LiveDefinitions:
    """All segments that have been built and can be read, sorted by id.

    `nodes` has who is a member of each live key, also of those not built yet. `failed` has the
    ids of the segments that are set apart, `unreadable` of those that have to be.
    """

    segments: tuple[LiveSegment, ...]
    nodes: Mapping[str, Node]
    failed: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()


def read_live_definitions() -> LiveDefinitions:
    """Read all live segments, and the models that they read, in two queries."""
    rows = list(Segment.objects.filter(status=Segment.Status.LIVE).order_by("id"))
    models = read_models()
    built = {row.key for row in rows if row.live_version is not None}
    definitions = {row.key: effective_definition(row) for row in rows}
    readable = readable_nodes(membership_nodes(parsed_nodes(definitions), rows, ranked=built))
    boundaries = {row.key: row.boundaries for row in rows}
    nodes = {
        name: with_boundaries(node, boundaries[base_key(name)], models)
        for name, node in readable.items()
    }
    segments = (
        LiveSegment(
            row.pk, row.key, row.live_version, nodes[row.key], row.evaluated_at, row.built_with
        )
        for row in rows
        # Both are set when a segment is first built.
        if row.live_version is not None and row.evaluated_at is not None
        if row.key in nodes and row.failed_at is None
    )
    return LiveDefinitions(
        tuple(segments),
        nodes,
        failed=tuple(row.pk for row in rows if row.failed_at is not None),
        unreadable=tuple(row.pk for row in rows if row.failed_at is None and row.key not in nodes),
    )


def member_node(tree: Node, key: str) -> Node:
    """Return who would be a member of a segment whose definition has this tree.

    That is the tree alone for a segment that is not saved.
    """
    segment = Segment.objects.exclude(status=Segment.Status.ARCHIVED).filter(key=key).first()
    if segment is None or not (segment.has_overrides or segment.group_id):
        return tree
    members = [*_built_rivals(segment), segment]
    # Of the others only their places matter: they stand for themselves by their names.
    trees = {row.key: tree for row in members}
    return membership_nodes(trees, members, ranked=trees.keys())[key]


def rivals_of(segment: Segment) -> Iterator[tuple[str, Node]]:
    """Yield the other segments of its group, each with the condition that it has the person first.

    Only those that are built take part.
    """
    yield from better_segments(segment, _built_rivals(segment))


def _built_rivals(segment: Segment) -> list[Segment]:
    if segment.group_id is None:
        return []
    built = Segment.objects.filter(status=Segment.Status.LIVE, live_version__isnull=False)
    return list(built.filter(group=segment.group_id).exclude(pk=segment.pk))


def parsed_nodes(definitions: Mapping[str, object]) -> dict[str, Node]:
    """Return the node of each stored definition that can be parsed, by key."""
    nodes: dict[str, Node] = {}
    for key, definition in definitions.items():
        # Others were stored by a former version, whose language allowed more.
        with suppress(DefinitionError):
            nodes[key] = parse(definition)
    return nodes


def readable_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Return the nodes that can be evaluated, by key.

    One that refers to another which cannot be parsed is left out with it.
    """
    nodes = dict(nodes)
    while broken := [key for key in nodes if not referenced_segments(nodes[key]) <= nodes.keys()]:
        for key in broken:
            del nodes[key]
    return nodes


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
        # In UTC: Python adds durations to a local time by its wall clock.
        now=now.astimezone(UTC),
        zone=ZoneInfo(settings.TIME_ZONE),
        permitted=PERMITTED,
        names=_event_names(),
        segments=segments,
        is_present=is_present,
        week_start=settings.WEEK_STARTS_ON,
        zones=_known_zones(),
        session_gaps=_session_gaps(),
        list_revisions=dict(StaticList.objects.values_list("key", "revision")),
        parties=_parties(),
    )


@cache
def _known_zones() -> tuple[str, ...]:
    """Return the names of zones that both the database and Python know.

    Those without a region are left out, except UTC: the database takes some for an abbreviation of
    a fixed offset.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.ZONE_NAMES)
        names = {name for (name,) in cursor.fetchall()} & available_timezones()
    return tuple(sorted(name for name in names if "/" in name or name == "UTC"))


def _session_gaps() -> dict[int, int]:
    """Return the minutes that end a session, by the id of each source that makes any.

    Unless it says otherwise, a source does whose messages come from browsers and apps.
    """
    is_public = Q(session_minutes=None, write_keys__kind="public")
    sources = Source.objects.filter(is_public | Q(session_minutes__gt=0)).distinct()
    rows = sources.values_list("pk", "session_minutes")
    return {pk: DEFAULT_GAP if minutes is None else minutes for pk, minutes in rows}


def _parties() -> PartiesOfData:
    parties = load_parties()
    return PartiesOfData(
        {pk: Party(party) for pk, party in parties.by_source.items()},
        {key: Party(party) for key, party in parties.by_trait.items()},
    )


def _event_names() -> dict[tuple[str, str], EventNameRef]:
    rows: Iterable[tuple[str, str, int, str, str]] = EventName.objects.values_list(
        "kind", "name", "id", "value_property", "reduces"
    )
    return {
        (kind, name): EventNameRef(name_id, value_property, reduces)
        for kind, name, name_id, value_property, reduces in rows
    }
