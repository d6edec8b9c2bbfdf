"""Creating and changing segments.

Invariant: a saved definition can be parsed, refers only to live segments and existing purposes, and
does not refer to its own segment, not even through others. Definition, version and author are
written in one transaction.
"""

from collections.abc import Mapping
from typing import Any

from consent.models import Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.services import Actor, audited, differences
from segments.definitions.dependencies import check_definition
from segments.lib.locks import lock_definitions
from segments.models import Segment, SegmentVersion

# These follow `/segments/` in routes of their own.
RESERVED_KEYS = ("overlap", "parts", "preview", "schema")
CHANGEABLE_FIELDS = ("name", "description", "folder", "tags", "owner", "purpose")
# Rows that were read a moment ago.
UNCHECKED = ["purpose", "owner"]
Status = Segment.Status


class SegmentError(ValueError):
    """The segment does not allow this value of a field."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


def create_segment(
    *,
    key: str,
    name: str,
    definition: Mapping[str, Any],
    actor: Actor,
    purpose: Purpose | None = None,
    status: str = Status.DRAFT,
    **labels: Any,
) -> Segment:
    """Save a new segment; a worker builds a live one. Raises DefinitionError and SegmentError.

    `labels` are its description, folder, tags and owner.
    """
    with audited(actor, "segment.created") as deed:
        lock_definitions()
        if status == Status.ARCHIVED:
            raise SegmentError("status", "A new segment is a draft or live.")
        if key in RESERVED_KEYS:
            raise SegmentError("key", f"Not allowed: {', '.join(RESERVED_KEYS)}.")
        if Segment.objects.filter(key=key).exclude(status=Status.ARCHIVED).exists():
            raise SegmentError("key", "There is a segment with this key.")
        check_definition(definition, key=key)
        segment = Segment(key=key, name=name, purpose=purpose, status=status, **labels)
        segment.definition = dict(definition)
        segment.full_clean(exclude=UNCHECKED)
        segment.save()
        _write_version(segment, actor)
        deed.about("segment", key, **differences({}, audited_state(segment)))
        return _request_build(segment)


def update_segment(segment: Segment, *, actor: Actor, changes: Mapping[str, Any]) -> Segment:
    """Change the name, description, purpose, definition or status of a segment.

    A changed definition is a new version. The memberships of a live segment stay those of the old
    version until the new one is built. Raises DefinitionError and SegmentError.
    """
    with audited(actor, "segment.changed") as deed:
        lock_definitions()
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
        if segment.status == Status.ARCHIVED:
            raise SegmentError("status", "An archived segment does not change.")
        before = audited_state(segment)
        for field in CHANGEABLE_FIELDS:
            setattr(segment, field, changes.get(field, getattr(segment, field)))
        _set_status(segment, changes.get("status", segment.status))
        definition = changes.get("definition", segment.definition)
        if segment.family_id is not None and definition != segment.definition:
            raise SegmentError("definition", "It is that of a group, and cannot be edited.")
        # Checked even if it is the same: a segment or purpose that it refers to may be gone.
        check_definition(definition, key=segment.key)
        if definition != segment.definition:
            segment.definition = dict(definition)
            segment.version += 1
            if segment.failed_at is not None:
                # A mended definition need not wait; the segment stays closed until it is built.
                segment.failures, segment.retry_at = 0, database_now()
            _write_version(segment, actor)
        segment.full_clean(exclude=UNCHECKED)
        segment.save()
        if audited_state(segment)["purpose"] != before["purpose"]:
            # Others permit it than did: what webhooks were told is compared again.
            segment.subscriptions.update(derive_after=0, derive_reason="catch_up")
        deed.about("segment", segment.key, **differences(before, audited_state(segment)))
        return _request_build(segment)


def _set_status(segment: Segment, status: str) -> None:
    if status != segment.status and (segment.status, status) != (Status.DRAFT, Status.LIVE):
        detail = "A draft can go live; to end a segment, delete it."
        raise SegmentError("status", detail)
    segment.status = Status(status)


def _write_version(segment: Segment, actor: Actor) -> None:
    SegmentVersion.objects.create(
        segment=segment, number=segment.version, definition=segment.definition, author=str(actor)
    )


def audited_state(segment: Segment) -> dict[str, Any]:
    """Return what audit entries show of a segment.

    Of the definition only the version, since it can contain personal data.
    """
    return {
        "name": segment.name,
        "description": segment.description,
        "folder": segment.folder,
        "tags": list(segment.tags),
        "owner": f"staff:{segment.owner_id}" if segment.owner_id else None,
        "purpose": segment.purpose.key if segment.purpose else None,
        "status": str(segment.status),
        "version": segment.version,
    }


def _request_build(segment: Segment) -> Segment:
    """Wake a worker where the segment is live and its saved version is not built yet."""
    if segment.status == Status.LIVE and segment.live_version != segment.version:
        nudge("segments.resume_rebuilds")
    return segment
