"""Exports that are asked for before they are fetched: who approves one, and by which link it goes.

Invariant: above `EXPORT_SECOND_PERSON_ABOVE` people nobody leaves by one member of staff alone. An
export is fetched once: whoever comes second, even at the same instant, gets nothing. Of a link the
digest is stored, and it works only as long as whoever made it may act.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from consent.models import Purpose
from profiles.lib.database import database_now
from profiles.lib.estimates import estimated_rows
from profiles.models import ActorKind
from profiles.services import Actor, SamePerson, are_one_person, audited, may_act_still
from segments.definitions.previews import preview
from segments.definitions.save import SegmentError
from segments.exports.columns import Column, UnknownColumns, column_choices, read_columns
from segments.exports.people import Closed, people_of
from segments.language.operands import DefinitionError
from segments.lib.failures import require_open
from segments.lib.sealing import fault_of_recipient
from segments.lists.people import people_on
from segments.memberships.pause import require_delivering
from segments.models import MemberExport, Segment, StaticList

Format, State = MemberExport.Format, MemberExport.State
# How long an export waits to be approved, and then to be fetched.
PATIENCE = timedelta(days=7)
DEFAULT_HOURS, MOST_HOURS = 24, 7 * 24


class ExportGone(Exception):
    """The export was fetched, has expired, or was withdrawn; or the link names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What is to be exported: whom, one of the three; for what; and as which file.

    Without a purpose that of the segment is meant. `name` is what whom a definition fits is called,
    and `reason` is for the second person.
    """

    segment: Segment | None = None
    list: StaticList | None = None
    definition: Mapping[str, Any] | None = None
    name: str = ""
    purpose: Purpose | None
    columns: Sequence[Column]
    format: str
    recipient: str = ""
    reason: str = ""
    is_masked: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Where an export is fetched, with a code that is shown once, and until when."""

    url: str
    code: str
    expires_at: datetime


def order_export(
    order: ExportOrder, *, actor: Actor, export_id: UUID | None = None
) -> MemberExport:
    """Ask for an export, to be fetched once within seven days. Nobody has left the system yet.

    One of many people that staff ask for waits for a second person first. Raises SegmentError where
    the order cannot be met, and SegmentFailed; for a definition DefinitionError.
    """
    purpose = order.purpose or (order.segment.purpose if order.segment else None)
    if purpose is None:
        raise SegmentError("purpose", "Nobody leaves without a purpose: name one.")
    if fault := order.recipient and fault_of_recipient(order.recipient):
        raise SegmentError("recipient", fault)
    name, members, at_most = _size_of(order)
    is_many = actor.kind == ActorKind.STAFF and at_most > settings.EXPORT_SECOND_PERSON_ABOVE
    if is_many and not order.reason.strip():
        raise SegmentError("reason", _("A second person approves so many: say what it is for."))
    with audited(actor, "export.ordered", reason=order.reason) as deed:
        # One statement: the form of a page may be sent twice at once.
        export, is_new = MemberExport.objects.get_or_create(
            id=export_id or uuid4(),
            defaults={
                "name": name,
                "segment": order.segment,
                "list": order.list,
                "definition": order.definition,
                "purpose": purpose,
                "actor": str(actor),
                "reason": order.reason,
                "format": order.format,
                "columns": [column.name for column in order.columns],
                "is_masked": order.is_masked,
                "recipient": order.recipient,
                "members": members,
                "state": State.WAITING if is_many else State.READY,
                "expires_at": database_now() + PATIENCE,
            },
        )
        if not is_new:
            raise SegmentError("id", "There is an export with this id.")
        deed.about("export", export.pk, **_contents(export))
    return export


def _size_of(order: ExportOrder) -> tuple[str, int, int]:
    """Return the name of whom an order is of, how many are looked at, and how many leave at most.

    Raises SegmentError, SegmentFailed and DefinitionError.
    """
    match order:
        case ExportOrder(segment=Segment() as segment):
            require_exportable(segment)
            return segment.name, segment.size, segment.size
        case ExportOrder(list=StaticList() as row):
            people = people_on(row)
            return row.name, people, people
        case ExportOrder(definition=dict() as definition):
            size = preview(definition)
            everybody = max(estimated_rows("profiles_profile") or 0, size.size)
            return order.name, everybody, size.interval[1] if size.interval else size.size
        case _:
            raise SegmentError("segment", "Name a segment or a list, or give a definition.")


def require_exportable(segment: Segment) -> None:
    """Raise SegmentError where a segment is not live or paused, and SegmentFailed."""
    require_open(segment)
    if segment.status != Segment.Status.LIVE:
        raise SegmentError("status", "Only a live segment has members.")
    require_delivering(segment)


def approve_export(export: MemberExport, *, actor: Actor) -> None:
    """Let an export go that somebody else asked for. Raises SamePerson and ExportGone."""
    if are_one_person(Actor.parse(export.actor), actor):
        raise SamePerson(_("Somebody else has to approve it."))
    _decide(export, State.READY, "export.approved", actor)


def decline_export(export: MemberExport, *, actor: Actor) -> None:
    """Decline it; who asked for it may do so too. Raises ExportGone."""
    _decide(export, State.DECLINED, "export.declined", actor)


def withdraw_export(export: MemberExport, *, actor: Actor) -> None:
    """Have an export not fetched any more, nor its link work. Raises ExportGone."""
    with audited(actor, "export.withdrawn") as deed:
        _change(export, State.READY, state=State.WITHDRAWN, link_digest="")
        deed.about("export", export.pk, state=[State.READY, State.WITHDRAWN])


def make_link(export: MemberExport, *, hours: int, actor: Actor) -> Link:
    """Return the link by which anybody fetches an export, once; an earlier one ends.

    It works for 1 to 168 hours. Raises ExportGone, and ValueError for other hours.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise ValueError(f"Hours from 1 to {MOST_HOURS}.")
    code = secrets.token_urlsafe(32)
    expires_at = database_now() + timedelta(hours=hours)
    with audited(actor, "export.linked") as deed:
        _change(export, State.READY, link_digest=_digest(code), expires_at=expires_at)
        deed.about("export", export.pk, expires_at=[None, expires_at.isoformat()])
    # The fragment reaches no server, so that the code is in no log.
    return Link(f"{settings.PUBLIC_URL}/exports/#{code}", code, expires_at)


def find_by_code(code: str) -> MemberExport:
    """Return the export that a link leads to, to be taken next. Raises ExportGone."""
    linked = MemberExport.objects.filter(link_digest=_digest(code), state=State.READY)
    export = linked.filter(expires_at__gt=database_now()).first() if code else None
    if export is None or not may_act_still(Actor.parse(export.actor)):
        raise ExportGone
    return export


def take_export(export: MemberExport, *, actor: Actor) -> None:
    """Have an export begin, as fetched now; nobody fetches it again.

    Raises ExportGone, also where its list or a column is gone since, and as `order_export` does
    where its segment is closed.
    """
    if export.segment is not None:
        require_exportable(export.segment)
    try:
        people_of(export)
        read_columns(export.columns, column_choices())
    except (Closed, DefinitionError, UnknownColumns):
        raise ExportGone from None
    now = database_now()
    with audited(actor, _verb_of(export)) as deed:
        _change(export, State.READY, state=State.RUNNING, started_at=now, moved_at=now)
        deed.about(*_subject_of(export), export=[None, str(export.pk)], **_contents(export))


def waiting_exports() -> list[MemberExport]:
    """Return what waits for a second person, the oldest first."""
    waiting = MemberExport.objects.filter(state=State.WAITING, expires_at__gt=Now())
    return list(waiting.select_related("segment", "list").order_by("started_at"))


def expire_exports() -> int:
    """End the exports that nobody approved or fetched in time, and return how many."""
    late = MemberExport.objects.filter(
        state__in=(State.WAITING, State.READY), expires_at__lte=database_now()
    )
    return late.update(state=State.EXPIRED, link_digest="")


def _decide(export: MemberExport, state: str, verb: str, actor: Actor) -> None:
    now = database_now()
    with audited(actor, verb) as deed:
        _change(
            export,
            State.WAITING,
            state=state,
            decided_by=str(actor),
            decided_at=now,
            expires_at=now + PATIENCE,
        )
        deed.about("export", export.pk, state=[State.WAITING, state])


def _change(export: MemberExport, former: str, **changes: Any) -> None:
    """Write changes if the export is still in a state, in one statement. Raises ExportGone."""
    current = MemberExport.objects.filter(pk=export.pk, state=former, expires_at__gt=database_now())
    if current.update(**changes) != 1:
        raise ExportGone
    export.refresh_from_db()


def _subject_of(export: MemberExport) -> tuple[str, object]:
    if export.segment is not None:
        return "segment", export.segment.key
    return ("list", export.list.key) if export.list is not None else ("export", export.pk)


def _verb_of(export: MemberExport) -> str:
    return f"{_subject_of(export)[0]}.exported"


def _contents(export: MemberExport) -> dict[str, Any]:
    subject, key = _subject_of(export)
    return {
        "of": [None, f"{subject}:{key}" if subject != "export" else "definition"],
        "purpose": [None, export.purpose.key],
        "format": [None, export.format],
        "columns": [None, export.columns],
    }


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
