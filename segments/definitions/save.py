"""Segments made, changed and archived: the definition, its version and who wrote it in one transaction.

Invariant: what is saved parses, leans only on live segments, closes no circle and names only purposes that exist.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import connection, transaction

from consent.models import Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from segments.compiler import expanded_leaves
from segments.definitions.live import context_of, effective_definition
from segments.language.nodes import ConsentLeaf, Node, SegmentLeaf
from segments.language.parser import DefinitionError, Fault, parse, parse_placed
from segments.memberships import sql
from segments.memberships.locks import lock_all_slots, lock_definitions
from segments.memberships.rebuild import references
from segments.models import Segment, SegmentVersion

# A segment that leans on others is evaluated with all of their leaves.
LARGEST_EXPANDED = 2000
# Words that follow `/segments/` in routes of their own.
RESERVED = ("overlap", "preview", "schema")
CHANGEABLE = ("name", "description", "purpose")
Status = Segment.Status
logger = logging.getLogger(__name__)


class SegmentError(ValueError):
    """A change that the segment does not allow; the field and why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


@transaction.atomic
def create_segment(
    *,
    key: str,
    name: str,
    definition: Mapping[str, Any],
    author: str,
    purpose: Purpose | None = None,
    status: str = Status.DRAFT,
    description: str = "",
) -> Segment:
    """Save a new segment; a live one is built by a worker at once. Raises DefinitionError, SegmentError."""
    lock_definitions()
    if status == Status.ARCHIVED:
        raise SegmentError("status", "A new segment is a draft or live.")
    if key in RESERVED:
        raise SegmentError("key", f"Not allowed: {', '.join(RESERVED)}.")
    if Segment.objects.filter(key=key).exists():
        raise SegmentError("key", "There is a segment with this key.")
    check_definition(definition, key=key)
    segment = Segment(key=key, name=name, description=description, purpose=purpose, status=status)
    segment.definition = dict(definition)
    segment.full_clean(exclude=["purpose"])
    segment.save()
    _write_version(segment, author)
    return _announced(segment)


@transaction.atomic
def update_segment(segment: Segment, *, author: str, changes: Mapping[str, Any]) -> Segment:
    """Change name, description, purpose, definition or status. A new definition is a new version; of a live segment the old one
    answers until the new one is built. Raises DefinitionError, SegmentError."""
    lock_definitions()
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    if segment.status == Status.ARCHIVED:
        raise SegmentError("status", "An archived segment does not change.")
    for field in CHANGEABLE:
        setattr(segment, field, changes.get(field, getattr(segment, field)))
    _move(segment, changes.get("status", segment.status))
    definition = changes.get("definition", segment.definition)
    check_definition(definition, key=segment.key)
    if definition != segment.definition:
        segment.definition = dict(definition)
        segment.version += 1
        _write_version(segment, author)
    segment.full_clean(exclude=["purpose"])
    segment.save()
    return _announced(segment)


def archive_segment(segment: Segment, *, author: str) -> Segment:
    """End a segment: its memberships are closed, its history stays. Raises SegmentError where a live one leans on it."""
    with transaction.atomic():
        lock_definitions()
        lock_all_slots()
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if leaning := dependants(segment.key):
            raise SegmentError("key", f"Live segments lean on it: {', '.join(leaning)}.")
        with connection.cursor() as cursor:
            cursor.execute(sql.CLOSE_ALL, {"segment": segment.pk, "now": database_now()})
        segment.status, segment.size = Status.ARCHIVED, 0
        segment.live_version = segment.live_definition = segment.evaluated_at = None
        segment.save()
    logger.info("Segment %s was archived by %s.", segment.key, author)
    return segment


def dependants(key: str) -> list[str]:
    """The keys of the live segments whose saved or live definition names this one."""
    return sorted(
        row.key
        for row in Segment.objects.filter(status=Status.LIVE).exclude(key=key)
        if key in references(parse(row.definition)) | references(parse(effective_definition(row)))
    )


def check_definition(definition: object, *, key: str = "") -> Node:
    """The nodes of a definition that the segment with this key may have. Raises DefinitionError with the path of each fault."""
    node, placed = parse_placed(definition)
    rows = Segment.objects.filter(status=Status.LIVE).exclude(key=key)
    saved = {row.key: parse(row.definition) for row in rows}
    live = {row.key: parse(effective_definition(row)) for row in rows}
    purposes = set(Purpose.objects.values_list("key", flat=True))
    faults = [
        fault
        for path, leaf in placed
        for fault in _leaf_faults(path, leaf, key, (saved, live), purposes)
    ]
    if faults:
        raise DefinitionError(faults)
    count = sum(1 for _ in expanded_leaves(node, context_of(saved, now=database_now())))
    if count > LARGEST_EXPANDED:
        detail = (
            f"With the segments that it leans on it has {count} leaves; at most {LARGEST_EXPANDED}."
        )
        raise DefinitionError([Fault("", "limit", detail)])
    return node


def _leaf_faults(
    path: str,
    leaf: object,
    key: str,
    known: Iterable[Mapping[str, Node]],
    purposes: set[str],
) -> Iterator[Fault]:
    match leaf:
        case ConsentLeaf(purpose) if purpose not in purposes:
            detail = (
                f"There is no such purpose; there are: {', '.join(sorted(purposes)) or 'none'}."
            )
            yield Fault(f"{path}.purpose".lstrip("."), "unknown", detail)
        case SegmentLeaf(other):
            place = f"{path}.key".lstrip(".")
            if other == key or any(key in _reached(other, nodes) for nodes in known):
                yield Fault(place, "cycle", "The segment would lean on itself.")
            elif any(other not in nodes for nodes in known):
                detail = (
                    "There is no live segment with this key; drafts and archived ones are refused."
                )
                yield Fault(place, "unknown", detail)


def _reached(key: str, nodes: Mapping[str, Node]) -> set[str]:
    """The keys that a segment leans on, directly or through others."""
    reached: set[str] = set()
    waiting = [key]
    while waiting:
        for other in references(nodes[found]) if (found := waiting.pop()) in nodes else ():
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


def _move(segment: Segment, status: str) -> None:
    if status != segment.status and (segment.status, status) != (Status.DRAFT, Status.LIVE):
        detail = "A draft can go live; to end a segment, delete it."
        raise SegmentError("status", detail)
    segment.status = Status(status)


def _write_version(segment: Segment, author: str) -> None:
    SegmentVersion.objects.create(
        segment=segment, number=segment.version, definition=segment.definition, author=author
    )


def _announced(segment: Segment) -> Segment:
    """Have a worker build what is live and not yet built."""
    if segment.status == Status.LIVE and segment.live_version != segment.version:
        nudge("segments.resume_rebuilds")
    return segment
