"""Events that automations start by, wait for, or end with."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from profiles.models import EventName
from segments.automations import sql
from segments.automations.nodes import EventMatch
from segments.compiler import Context, Fragment, fill
from segments.compiler.fragments import TRUE
from segments.compiler.where import compile_where
from segments.definitions.live import make_context
from segments.language.nodes import Path


def condition(event: EventMatch, context: Context) -> Fragment:
    """Return the condition that an event `e` of its name passes."""
    return TRUE if event.where is None else compile_where(event.where, context)


def first_event(
    profile_id: int,
    event: EventMatch,
    *,
    since: datetime,
    until: datetime,
    same: tuple[Path, UUID | None] | None = None,
) -> datetime | None:
    """Return when the first such event came after `since` and up to `until`; None if none did.

    `same` is a property that it has in common with the event of that id, which was at `since`.
    """
    name = EventName.objects.filter(kind=EventName.Kind.TRACK, name=event.name).first()
    if name is None:
        return None
    statement = fill(
        sql.FIRST_EVENT,
        profile=profile_id,
        name=name.pk,
        since=since,
        until=until,
        where=condition(event, make_context({}, now=until)),
        same=TRUE if same is None else _same(profile_id, same, since),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        at: datetime | None = cursor.fetchone()[0]
        return at


def _same(profile_id: int, same: tuple[Path, UUID | None], at: datetime) -> Fragment:
    path, event = same
    return fill(sql.SAME, path=list(path), profile=profile_id, at=at, event=event)
