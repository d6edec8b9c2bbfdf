"""What the store suggests for a field of a leaf: names, and frequent values with their counts.

Invariant: every look is bounded in rows and time. Values are suggested of ordinary data alone and
where enough people share them; to staff who may not see contact data, of reviewed traits only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import OperationalError, connection
from django.db.models import Q
from django.utils.translation import ngettext

from consent.models import Purpose
from profiles.admin.kit.formatting import number, percent
from profiles.admin.kit.masks import Mask
from profiles.lib import exact_json
from profiles.lib.database import time_limit
from profiles.lib.estimates import estimated_rows
from profiles.lib.faults import fault_of
from profiles.models import Account, EventName, Source, TraitDefinition
from profiles.services import Category, load_categories
from segments.admin.builder import sql
from segments.admin.builder.paths import look_up, parent_of, split_path
from segments.language.operands import DefinitionError, read_key
from segments.models import Segment, StaticList

LIMIT = 20
SECONDS = 1.0
SAMPLED_PROFILES = 20_000
# Fewer could be known by the value.
SHARED_BY = 10
NAMESPACES = ("email", "phone", "user_id", "anonymous_id", "device_id")


class Suggestion(NamedTuple):
    """A value as JSON would have it, what is beside it, and as what kind of value it is read."""

    value: str
    note: str = ""
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Search:
    """What is suggested for: the leaf, the field, what was typed, and who asks."""

    definition: Any
    path: str
    query: str
    mask: Mask

    @property
    def field(self) -> str:
        # An item of a list stands for the list.
        names = [step for step in split_path(self.path) if isinstance(step, str)]
        return names[-1] if names else ""

    @property
    def pattern(self) -> str:
        plain = self.query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{plain}%"

    def holders(self) -> list[Mapping[str, Any]]:
        """Return the objects that the field is in, the innermost first."""
        holders: list[Mapping[str, Any]] = []
        path = self.path
        while path:
            path = parent_of(path)[0]
            holder = look_up(self.definition, path) if path else self.definition
            if isinstance(holder, dict):
                holders.append(holder)
        return holders


def suggest(search: Search) -> list[Suggestion]:
    """Return what the store has for a field, the most frequent first."""
    holders = search.holders()
    holder = holders[0] if holders else {}
    kind = str(holder.get("type", ""))
    if any(one.get("type") == "account" for one in holders):
        return _of_accounts(search, kind)
    match kind, search.field:
        case ("trait" | "geo" | "stated", "key") | (_, "trait"):
            return _traits(search)
        case "trait", "value":
            return _trait_values(search, str(holder.get("key", "")))
        case _, "name":
            return _events(search)
        case ("property" | "context" | "any", "key") | (_, "property" | "of_first"):
            return _event_keys(search, holders)
        case ("property" | "context" | "event", "value"):
            return _event_values(search, holders)
        case "segment", "key":
            return _segments(search)
        case "consent", "purpose":
            rows = Purpose.objects.filter(key__icontains=search.query)
            return [Suggestion(row.key) for row in rows.order_by("key")[:LIMIT]]
        case "source", "key":
            sources = Source.objects.filter(Q(key__icontains=search.query)).order_by("key")
            return [Suggestion(row.key, row.name) for row in sources[:LIMIT]]
        case "list", "key":
            lists = StaticList.objects.filter(Q(key__icontains=search.query)).order_by("key")
            return [Suggestion(row.key, row.name) for row in lists[:LIMIT]]
        case "identifier", "namespace":
            return [Suggestion(name) for name in NAMESPACES if search.query in name]
        case _:
            return []


def _traits(search: Search) -> list[Suggestion]:
    """Return traits by name, with how many of the people have each."""
    rows = TraitDefinition.objects.filter(
        Q(key__icontains=search.query) | Q(label__icontains=search.query)
    )
    counts: dict[str | None, int] = dict(_rows(sql.TRAIT_FILL, **_sample()))
    total = counts.get(None, 0)
    ranked = sorted(rows[:500], key=lambda row: (-counts.get(row.key, 0), row.key))
    categories = load_categories()
    return [
        Suggestion(row.key.replace(".", "\\."), _trait_note(row, counts, total, categories))
        for row in ranked[:LIMIT]
    ]


def _of_accounts(search: Search, kind: str) -> list[Suggestion]:
    """Return traits of accounts by name, with how many of a sample have each, or keys of some."""
    match kind, search.field:
        case ("trait", "key") | (_, "trait"):
            rows = _rows(sql.ACCOUNT_TRAITS, pattern=search.pattern, limit=LIMIT)
            return [Suggestion(key.replace(".", "\\."), number(count)) for key, count in rows]
        case "key", "value":
            keys = Account.objects.filter(key__icontains=search.query).order_by("key")
            # A key that reveals somebody is not suggested to who may not see it.
            return [
                Suggestion(key)
                for key in keys.values_list("key", flat=True)[:LIMIT]
                if search.mask.tree(key) == key
            ]
        case _:
            return []


def _trait_note(
    row: TraitDefinition, counts: Mapping[str | None, int], total: int, categories: Any
) -> str:
    share = percent(counts.get(row.key, 0) / total) if total else ""
    category = categories.of(row.key)
    sensitive = "" if category == Category.ORDINARY else str(Category(category).label)
    return " · ".join(filter(None, (row.label, str(row.get_type_display()), share, sensitive)))


def _trait_values(search: Search, key: str) -> list[Suggestion]:
    steps = _steps_of(key)
    categories = load_categories()
    if not steps or any(categories.of(step) != Category.ORDINARY for step in steps):
        return []
    if not search.mask.is_open and not search.mask.categories.is_shown(steps[0]):
        return []
    rows = _rows(
        sql.TRAIT_VALUES,
        **_sample(),
        path=_json_path(steps),
        pattern=search.pattern,
        shared_by=1 if search.mask.is_open else SHARED_BY,
        limit=LIMIT,
    )
    return _values(rows, search.mask)


def _events(search: Search) -> list[Suggestion]:
    holder = search.holders()[0]
    kind = holder.get("kind", "track")
    rows = list(
        EventName.objects.filter(kind=kind, name__icontains=search.query)
        # A name can contain an address that somebody was invited by.
        .exclude(name__contains="@")
        .order_by("name")[:500]
    )
    counts = dict(_rows(sql.PEOPLE_BY_EVENT, names=[row.pk for row in rows]))
    ranked = sorted(rows, key=lambda row: (-counts.get(row.pk, 0), row.name))
    return [Suggestion(row.name, _people(counts.get(row.pk, 0))) for row in ranked[:LIMIT]]


def _event_keys(search: Search, holders: list[Mapping[str, Any]]) -> list[Suggestion]:
    parts = _place_of(holders if search.field != "key" else holders[1:], holders[0])
    rows = _rows(
        sql.EVENT_KEYS,
        names=_event_ids(holders),
        path=_json_path(parts),
        pattern=search.pattern,
        limit=LIMIT,
    )
    return [Suggestion(key.replace(".", "\\."), number(count)) for key, count in rows]


def _event_values(search: Search, holders: list[Mapping[str, Any]]) -> list[Suggestion]:
    leaf = holders[0]
    steps = _steps_of(str(leaf.get("property" if leaf.get("type") == "event" else "key", "")))
    categories = load_categories()
    if not steps or any(categories.of_property(step) != Category.ORDINARY for step in steps):
        return []
    rows = _rows(
        sql.EVENT_VALUES,
        names=_event_ids(holders),
        path=_json_path([*_place_of(holders[1:], leaf), *steps]),
        pattern=search.pattern,
        shared_by=2 if search.mask.is_open else SHARED_BY,
        limit=LIMIT,
    )
    return _values(rows, search.mask)


def _place_of(holders: Iterable[Mapping[str, Any]], leaf: Mapping[str, Any]) -> list[str]:
    """Return the path to the object whose keys a leaf names: the event's, or an item's in it."""
    root = "context" if leaf.get("type") == "context" else "properties"
    lists = [_steps_of(str(one.get("key", ""))) for one in holders if one.get("type") == "any"]
    return [root, *(step for steps in reversed(lists) for step in steps)]


def _event_ids(holders: Iterable[Mapping[str, Any]]) -> list[int]:
    event = next((one for one in holders if "name" in one), {})
    rows = EventName.objects.all()
    # Before the event is named, whatever any event has is suggested.
    if (name := event.get("name", "*")) not in ("", "*"):
        rows = rows.filter(name=name, kind=event.get("kind", "track"))
    return list(rows.values_list("pk", flat=True)[:500])


def _segments(search: Search) -> list[Suggestion]:
    live = Segment.objects.filter(status=Segment.Status.LIVE)
    rows = live.filter(Q(key__icontains=search.query) | Q(name__icontains=search.query))
    return [Suggestion(row.key, row.name) for row in rows.order_by("-size", "name")[:LIMIT]]


def _values(rows: Iterable[tuple[str, int]], mask: Mask) -> list[Suggestion]:
    suggestions = []
    for text, count in rows:
        value = exact_json.loads(text)
        is_text = isinstance(value, str)
        # What reveals somebody inside of an ordinary value is not suggested either.
        if is_text and ("@" in value or mask.tree(value) != value):
            continue
        kind = "text" if is_text else "number"
        suggestions.append(Suggestion(value if is_text else text, number(count), kind))
    return suggestions


def _people(count: int) -> str:
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": number(count)}


def _steps_of(key: str) -> list[str]:
    try:
        return list(read_key(key, ""))
    except DefinitionError:
        return []


def _json_path(steps: Iterable[str]) -> str:
    """Return a path for `jsonb_path_query`; in its lax mode lists on the way are taken apart."""
    return "$" + "".join(f".{exact_json.dumps(step)}" for step in steps) + "[*]"


def _sample() -> dict[str, float]:
    total = estimated_rows("profiles_profile") or 0
    percent = min(100.0, 100 * SAMPLED_PROFILES / max(total, 1))
    return {"percent": percent, "most": SAMPLED_PROFILES}


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement; none where it takes too long."""
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
    except OperationalError as error:
        fault_of(error)
        return []


def trait_type(key: str) -> str:
    """Return the type of a trait by its definition, empty if there is none."""
    steps = _steps_of(key)
    row = TraitDefinition.objects.filter(key=steps[0]).first() if len(steps) == 1 else None
    return str(row.type) if row else ""
