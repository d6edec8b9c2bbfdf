"""Audit entries as staff read them: who changed what, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.models import AuditEntry
from profiles.services import PROFILE, Actor, actor_names

MAX_VALUE_LENGTH = 200  # characters of one value, on a page


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One change. `reason` is empty for users who may not see contact data."""

    at: datetime
    who: str
    verb: str
    object: str
    changes: Sequence[str]
    reason: str


def history_lines(request: HttpRequest, entries: Iterable[AuditEntry]) -> list[HistoryLine]:
    """Return the entries, which have their bodies loaded, in words. Takes two queries."""
    rows = list(entries)
    actors = [str(Actor.of(entry)) for entry in rows]
    names = actor_names(actors)
    # Staff write reasons, and they may name people.
    can_see_reasons = request.user.has_perm(SEE_CONTACTS)
    return [
        HistoryLine(
            at=entry.at,
            who=names[actor],
            verb=entry.verb.partition(".")[2].replace("_", " "),
            object=object_name(entry),
            changes=change_lines(entry),
            reason=entry.body.reason if can_see_reasons and hasattr(entry, "body") else "",
        )
        for entry, actor in zip(rows, actors, strict=True)
    ]


def object_name(entry: AuditEntry) -> str:
    """Return the type and the key of what was changed."""
    key = entry.object_key or (entry.body.object_key if hasattr(entry, "body") else "")
    return f"{entry.object_type.replace('_', ' ')} {key}".strip()


def change_lines(entry: AuditEntry) -> list[str]:
    """Return what changed: the former and the new value, and of people only the names."""
    if entry.object_type == PROFILE:
        return [f"{name}: {', '.join(changed)}" for name, changed in entry.changes.items()]
    return [
        f"{name.replace('_', ' ')}: {_text(before)} → {_text(after)}"
        if before is not None
        else f"{name.replace('_', ' ')}: {_text(after)}"
        for name, (before, after) in entry.changes.items()
    ]


def _text(value: Any) -> str:
    match value:
        case None | "" | [] | {}:
            return "–"
        case list():
            text = ", ".join(str(item) for item in value)
        case _:
            text = str(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"
