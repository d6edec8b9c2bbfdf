"""Creating, changing and archiving segments.

Invariant: a saved definition can be parsed, refers only to live segments and existing purposes, and
does not refer to its own segment, not even through others. Definition, version and author are
written in one transaction.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import connection, transaction

from consent.models import Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from segments.compiler import expanded_leaves
from segments.definitions.live import effective_definition, make_context
from segments.language.nodes import ConsentLeaf, Node, SegmentLeaf
from segments.language.parser import DefinitionError, Fault, parse, parse_with_paths
from segments.memberships import sql
from segments.memberships.locks import lock_all_slots, lock_definitions
from segments.memberships.rebuild import referenced_segments
from segments.models import Segment, SegmentVersion

# A segment is evaluated with the leaves of all segments that it refers to.
MAX_EXPANDED_LEAVES = 2000
# These follow `/segments/` in routes of their own.
RESERVED_KEYS = ("overlap", "preview", "schema")
CHANGEABLE_FIELDS = ("name", "description", "purpose")
Status = Segment.Status
logger = logging.getLogger(__name__)


class SegmentError(ValueError):
    """The segment does not allow this value of a field."""

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
    """Save a new segment; a worker builds a live one. Raises DefinitionError and SegmentError."""
    lock_definitions()
    if status == Status.ARCHIVED:
        raise SegmentError("status", "A new segment is a draft or live.")
    if key in RESERVED_KEYS:
        raise SegmentError("key", f"Not allowed: {', '.join(RESERVED_KEYS)}.")
    if Segment.objects.filter(key=key).exists():
        raise SegmentError("key", "There is a segment with this key.")
    check_definition(definition, key=key)
    segment = Segment(key=key, name=name, description=description, purpose=purpose, status=status)
    segment.definition = dict(definition)
    segment.full_clean(exclude=["purpose"])
    segment.save()
    _write_version(segment, author)
    return _request_build(segment)


@transaction.atomic
def update_segment(segment: Segment, *, author: str, changes: Mapping[str, Any]) -> Segment:
    """Change the name, description, purpose, definition or status of a segment.

    A changed definition is a new version. The memberships of a live segment stay those of the old
    version until the new one is built. Raises DefinitionError and SegmentError.
    """
    lock_definitions()
    segment = Segment.objects.select_for_update().get(pk=segment.pk)
    if segment.status == Status.ARCHIVED:
        raise SegmentError("status", "An archived segment does not change.")
    for field in CHANGEABLE_FIELDS:
        setattr(segment, field, changes.get(field, getattr(segment, field)))
    _set_status(segment, changes.get("status", segment.status))
    definition = changes.get("definition", segment.definition)
    # Checked even if it is the same: a segment or purpose that it refers to may be gone.
    check_definition(definition, key=segment.key)
    if definition != segment.definition:
        segment.definition = dict(definition)
        segment.version += 1
        _write_version(segment, author)
    segment.full_clean(exclude=["purpose"])
    segment.save()
    return _request_build(segment)


def archive_segment(segment: Segment, *, author: str) -> Segment:
    """End a segment: its members leave it, and its history stays.

    Raises SegmentError if a live segment refers to it.
    """
    with transaction.atomic():
        lock_definitions()
        lock_all_slots()
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if keys := dependants(segment.key):
            raise SegmentError("key", f"Live segments lean on it: {', '.join(keys)}.")
        with connection.cursor() as cursor:
            cursor.execute(sql.CLOSE_ALL, {"segment": segment.pk, "now": database_now()})
        segment.status, segment.size = Status.ARCHIVED, 0
        segment.live_version = segment.live_definition = segment.evaluated_at = None
        segment.save()
    logger.info("Segment %s was archived by %s.", segment.key, author)
    return segment


def dependants(key: str) -> list[str]:
    """Return the keys of the live segments whose saved or live definition refers to this one."""
    return sorted(
        row.key
        for row in Segment.objects.filter(status=Status.LIVE).exclude(key=key)
        if key in referenced_segments(parse(row.definition))
        or key in referenced_segments(parse(effective_definition(row)))
    )


def check_definition(definition: object, *, key: str = "") -> Node:
    """Return the root node of a definition if the segment with this key may have it.

    Raises DefinitionError with the path of each fault.
    """
    node, placed_leaves = parse_with_paths(definition)
    rows = Segment.objects.filter(status=Status.LIVE).exclude(key=key)
    saved = {row.key: parse(row.definition) for row in rows}
    live = {row.key: parse(effective_definition(row)) for row in rows}
    purposes = set(Purpose.objects.values_list("key", flat=True))
    faults = [
        fault
        for path, leaf in placed_leaves
        for fault in _leaf_faults(path, leaf, key, (saved, live), purposes)
    ]
    if faults:
        raise DefinitionError(faults)
    # Only now: with a cycle the expansion would not end.
    count = sum(1 for _ in expanded_leaves(node, make_context(saved, now=database_now())))
    if count > MAX_EXPANDED_LEAVES:
        detail = (
            f"With the segments that it leans on it has {count} leaves; "
            f"at most {MAX_EXPANDED_LEAVES}."
        )
        raise DefinitionError([Fault("", "limit", detail)])
    return node


def _leaf_faults(
    path: str,
    leaf: object,
    key: str,
    definitions: Iterable[Mapping[str, Node]],
    purposes: set[str],
) -> Iterator[Fault]:
    """Yield the faults of a leaf, which must be correct by the saved and the live definitions.

    Memberships follow the live ones until the saved ones are built, so both are evaluated.
    """
    match leaf:
        case ConsentLeaf(purpose) if purpose not in purposes:
            detail = (
                f"There is no such purpose; there are: {', '.join(sorted(purposes)) or 'none'}."
            )
            yield Fault(f"{path}.purpose".lstrip("."), "unknown", detail)
        case SegmentLeaf(other):
            key_path = f"{path}.key".lstrip(".")
            if other == key or any(key in _all_references(other, nodes) for nodes in definitions):
                yield Fault(key_path, "cycle", "The segment would lean on itself.")
            elif any(other not in nodes for nodes in definitions):
                detail = (
                    "There is no live segment with this key; drafts and archived ones are refused."
                )
                yield Fault(key_path, "unknown", detail)


def _all_references(key: str, nodes: Mapping[str, Node]) -> set[str]:
    """Return the keys that a segment refers to, directly or through others."""
    reached: set[str] = set()
    pending = [key]
    while pending:
        node = nodes.get(pending.pop())
        for other in referenced_segments(node) if node is not None else ():
            if other not in reached:
                reached.add(other)
                pending.append(other)
    return reached


def _set_status(segment: Segment, status: str) -> None:
    if status != segment.status and (segment.status, status) != (Status.DRAFT, Status.LIVE):
        detail = "A draft can go live; to end a segment, delete it."
        raise SegmentError("status", detail)
    segment.status = Status(status)


def _write_version(segment: Segment, author: str) -> None:
    SegmentVersion.objects.create(
        segment=segment, number=segment.version, definition=segment.definition, author=author
    )


def _request_build(segment: Segment) -> Segment:
    """Wake a worker where the segment is live and its saved version is not built yet."""
    if segment.status == Status.LIVE and segment.live_version != segment.version:
        nudge("segments.resume_rebuilds")
    return segment
