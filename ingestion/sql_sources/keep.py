"""Keeping SQL sources: making, changing, pausing and deleting them.

Invariant: what is kept was judged, and its address is sealed. A source that is read otherwise from
now on is read again from the start, which changes nothing for rows that are as they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from sqlalchemy.engine import URL

from ingestion.imports.job import known_purposes
from ingestion.imports.mapping import RowMapping, check_purposes
from ingestion.models import SqlRow, SqlSource
from ingestion.sql_sources.addresses import open_url, read_url, seal_url
from ingestion.sql_sources.columns import mapping_of
from ingestion.sql_sources.faults import WrongSqlSource
from ingestion.sql_sources.outcomes import close_open_run
from ingestion.sql_sources.queries import checked_query
from profiles.lib.databases.dialects import place_of
from profiles.models import Source
from profiles.services import Actor, audited, differences

STAFF, CHANGED = "staff", "changed"
MAX_MINUTES = 60 * 24 * 366
State = SqlSource.State
# Where one of these changes, what was read before says nothing of what is read now.
_MEANING = ("url", "query", "cursor_column", "mapping", "source")


@dataclass(frozen=True, slots=True)
class SqlSourceDraft:
    """A SQL source as somebody wants to have it."""

    name: str
    source: Source
    url: str = field(repr=False)
    query: str
    mapping: Mapping[str, Any]
    cursor_column: str = ""
    look_back_minutes: int = 60
    interval_minutes: int = 60


@dataclass(frozen=True, slots=True)
class JudgedDraft:
    """A draft that may be kept, read."""

    draft: SqlSourceDraft
    url: URL
    mapping: RowMapping


def judge(draft: SqlSourceDraft) -> JudgedDraft:
    """Read a draft. Raises WrongSqlSource and MappingFaults."""
    url = read_url(draft.url)
    query = checked_query(draft.query)
    draft = replace(draft, cursor_column=draft.cursor_column.strip())
    for name, least in (("look_back_minutes", 0), ("interval_minutes", 1)):
        if not least <= getattr(draft, name) <= MAX_MINUTES:
            raise WrongSqlSource(name, "out_of_range", f"{least} to {MAX_MINUTES}")
    # Judged alone; each reading parses it with its own time.
    mapping = mapping_of(draft.mapping, draft.cursor_column, datetime.now(UTC))
    check_purposes(mapping, known_purposes(draft.source.pk))
    return JudgedDraft(replace(draft, query=query), url, mapping)


def draft_of(sql_source: SqlSource) -> SqlSourceDraft:
    """Return a SQL source as a draft, for changing it. Raises WrongSqlSource."""
    names = [each.name for each in fields(SqlSourceDraft) if each.name != "url"]
    url = open_url(sql_source.sealed_url).render_as_string(hide_password=False)
    return SqlSourceDraft(url=url, **{name: getattr(sql_source, name) for name in names})


def create_sql_source(draft: SqlSourceDraft, *, actor: Actor) -> SqlSource:
    """Keep a new SQL source, which is due at once. Raises WrongSqlSource and MappingFaults."""
    judged = judge(draft)
    with audited(actor, "sql_source.created") as deed:
        sql_source = SqlSource(**_columns(judged))
        _save(sql_source)
        deed.about("sql_source", sql_source.uuid, **differences({}, _shown(judged)))
    return sql_source


def update_sql_source(
    sql_source: SqlSource, *, actor: Actor, changes: Mapping[str, Any], now: datetime
) -> SqlSource:
    """Change a SQL source. Raises WrongSqlSource and MappingFaults.

    Where the address is no longer permitted, a new one must be among the changes.
    """
    with audited(actor, "sql_source.changed") as deed:
        locked = SqlSource.objects.select_for_update().select_related("source")
        row = locked.get(pk=sql_source.pk)
        before = _stored_draft(row, changes)
        after = judge(replace(before, **changes))
        if differences_of := _differences(before, after):
            for name, value in _columns(after).items():
                setattr(row, name, value)
            if not differences_of.keys().isdisjoint(_MEANING):
                close_open_run(row, CHANGED, now=now)
                row.position, row.next_at = None, now
                SqlRow.objects.filter(sql_source=row).delete()
            # Whoever reads it now reads no further.
            row.lease = row.leased_until = None
            _save(row)
            deed.about("sql_source", row.uuid, **differences_of)
    return row


def delete_sql_source(sql_source: SqlSource, *, actor: Actor, now: datetime) -> None:
    """Delete a SQL source. Rows that were read take effect all the same, and stay."""
    with audited(actor, "sql_source.deleted") as deed:
        row = SqlSource.objects.select_for_update().get(pk=sql_source.pk)
        close_open_run(row, CHANGED, now=now)
        deed.about("sql_source", row.uuid, name=[row.name, None], place=[row.place, None])
        row.delete()


def pause_sql_source(sql_source: SqlSource, *, actor: Actor) -> None:
    """Read no more of a source until it is resumed. Nothing is lost meanwhile."""
    paused = {"state": State.PAUSED, "pause_reason": STAFF, "lease": None, "leased_until": None}
    _switch(sql_source, "sql_source.paused", State.ACTIVE, paused, actor)


def resume_sql_source(sql_source: SqlSource, *, actor: Actor, now: datetime) -> None:
    """Read a paused source again, at once and from where it was left."""
    resumed = {"state": State.ACTIVE, "pause_reason": "", "failures": 0, "next_at": now}
    _switch(sql_source, "sql_source.resumed", State.PAUSED, resumed, actor)


def run_sql_source(sql_source: SqlSource, *, actor: Actor, now: datetime) -> bool:
    """Let an active source be due now; return whether it is active."""
    with audited(actor, "sql_source.run") as deed:
        active = SqlSource.objects.filter(pk=sql_source.pk, state=State.ACTIVE)
        is_active = bool(active.update(next_at=now))
        if is_active:
            deed.about("sql_source", sql_source.uuid)
    return is_active


def _switch(
    sql_source: SqlSource, verb: str, state: State, changes: Mapping[str, Any], actor: Actor
) -> None:
    with audited(actor, verb) as deed:
        if SqlSource.objects.filter(pk=sql_source.pk, state=state).update(**changes):
            deed.about("sql_source", sql_source.uuid, state=[state, changes["state"]])


def _stored_draft(row: SqlSource, changes: Mapping[str, Any]) -> SqlSourceDraft:
    """Return what is stored; an address that is replaced is not read."""
    if "url" not in changes:
        return draft_of(row)
    names = [each.name for each in fields(SqlSourceDraft) if each.name != "url"]
    return SqlSourceDraft(url="", **{name: getattr(row, name) for name in names})


def _columns(judged: JudgedDraft) -> dict[str, Any]:
    columns = {each.name: getattr(judged.draft, each.name) for each in fields(SqlSourceDraft)}
    del columns["url"]
    columns["mapping"] = dict(judged.draft.mapping)
    return columns | {"sealed_url": seal_url(judged.url), "place": place_of(judged.url)}


def _shown(judged: JudgedDraft) -> dict[str, Any]:
    """Return what of a source is written down: everything but the secrets of its address."""
    kept = {name: value for name, value in _columns(judged).items() if name != "sealed_url"}
    return kept | {"source": judged.draft.source.key}


def _differences(before: SqlSourceDraft, after: JudgedDraft) -> dict[str, list[Any]]:
    former, wanted = (
        {each.name: getattr(draft, each.name) for each in fields(SqlSourceDraft)}
        for draft in (before, after.draft)
    )
    changed = differences(former, wanted)
    if "url" in changed:
        changed["url"] = [None, place_of(after.url)]
    if "source" in changed:
        changed["source"] = [before.source.key, after.draft.source.key]
    return changed


def _save(sql_source: SqlSource) -> None:
    try:
        sql_source.full_clean(exclude=["sealed_url", "mapping"])
    except ValidationError as error:
        name, faults = next(iter(error.message_dict.items()))
        raise WrongSqlSource(name, "invalid", str(faults[0])) from None
    sql_source.save()


def failing_sql_sources() -> list[SqlSource]:
    """Return the sources that fail or were paused by themselves, for the home page."""
    failing = SqlSource.objects.exclude(fault="") | SqlSource.objects.filter(state=State.PAUSED)
    return list(failing.exclude(pause_reason=STAFF).order_by("name"))
