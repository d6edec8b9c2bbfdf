"""The figures of the registry: how much came in the last days, and with what share.

Invariant: all figures are of the last `DAYS` days by day of receipt in UTC, but for first and last
seen. Shares are of the sampled messages.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Least

from profiles.models import (
    EventName,
    SchemaKey,
    SchemaKeyDay,
    SchemaPart,
    SchemaVolume,
    TraitDefinition,
)

DAYS = 30


class SourceOfKey(NamedTuple):
    """A source that sent a name, and in how many sampled messages."""

    key: str
    name: str
    seen: int


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """About how many messages had a name on each day, and from which sources."""

    days: dict[date, int]
    sources: list[SourceOfKey]


def with_figures(rows: QuerySet[SchemaKey], *, now: datetime) -> QuerySet[SchemaKey]:
    """Annotate `messages` (that may have it), `fill` (a share, null if none) and `volume`."""
    annotated: QuerySet[SchemaKey] = _with_shares(
        rows, key=OuterRef("pk"), part=OuterRef("part"), name=OuterRef("name"), now=now
    )
    return annotated


def with_trait_figures(
    rows: QuerySet[TraitDefinition], *, now: datetime
) -> QuerySet[TraitDefinition]:
    """Annotate the same, with `key_id`, `types`, `first_seen_at` and `last_seen_at`.

    They are null of a trait that no message had since the registry is kept.
    """
    keys = SchemaKey.objects.filter(part=SchemaPart.TRAIT, path=OuterRef("key"))
    of_key = {name: Subquery(keys.values(name)) for name in ("types", "first_seen_at")}
    described = rows.annotate(
        **of_key,
        last_seen_at=Subquery(keys.values("last_seen_at")),
        key_id=Subquery(keys.values("pk")),
    )
    annotated: QuerySet[TraitDefinition] = _with_shares(
        described, key=OuterRef("key_id"), part=Value(SchemaPart.TRAIT.value), name=None, now=now
    )
    return annotated


def _with_shares(rows: Any, *, key: OuterRef, part: Any, name: Any, now: datetime) -> Any:
    since = _since(now)
    volumes = SchemaVolume.objects.filter(part=part, day__gte=since)
    # A trait and a part of the context are of no event.
    if name is not None:
        volumes = volumes.filter(Q(name=name) | Q(name=None))
    sums = volumes.order_by().values("part")
    seen = SchemaKeyDay.objects.filter(key=key, day__gte=since).order_by().values("key")
    annotated = rows.annotate(
        messages=Coalesce(Subquery(sums.annotate(n=Sum("messages")).values("n")), 0),
        sampled=Coalesce(Subquery(sums.annotate(n=Sum("sampled")).values("n")), 0),
        seen=Coalesce(Subquery(seen.annotate(n=Sum("seen")).values("n")), 0),
    )
    share = Cast("seen", FloatField()) / Cast("sampled", FloatField())
    return annotated.annotate(
        fill=Case(When(sampled__gt=0, then=Least(share, Value(1.0)))),
    ).annotate(volume=Coalesce(F("fill") * F("messages"), 0.0))


def with_event_figures(rows: QuerySet[EventName], *, now: datetime) -> QuerySet[EventName]:
    """Annotate `messages`, `properties`, `unreviewed`, `first_seen_at` and `last_seen_at`."""
    volumes = SchemaVolume.objects.filter(
        part=SchemaPart.PROPERTY, name=OuterRef("pk"), day__gte=_since(now)
    )
    sums = volumes.order_by().values("name").annotate(n=Sum("messages")).values("n")
    days = SchemaVolume.objects.filter(part=SchemaPart.PROPERTY, name=OuterRef("pk"))
    ends = days.order_by().values("name")
    return rows.annotate(
        messages=Coalesce(Subquery(sums), 0),
        first_day=Subquery(ends.annotate(n=Min("day")).values("n")),
        last_day=Subquery(ends.annotate(n=Max("day")).values("n")),
        properties=Count("keys"),
        unreviewed=Count("keys", filter=Q(keys__is_reviewed=False)),
    )


def figures_of_key(key: SchemaKey, *, now: datetime) -> KeyFigures:
    """Return the days and sources of a name. On each day its share is of that day's sample."""
    since = _since(now)
    volumes = _sums(
        SchemaVolume.objects.filter(part=key.part, name=key.name_id, day__gte=since),
        "messages",
        "sampled",
    )
    seen = _sums(key.days.filter(day__gte=since), "seen")
    days = {
        day: round(messages * min(1, seen.get(day, (0,))[0] / sampled)) if sampled else 0
        for day, (messages, sampled) in volumes.items()
    }
    sources = key.days.order_by().values_list("source__key", "source__name")
    counted = sources.annotate(total=Sum("seen")).order_by("-total", "source__key")
    return KeyFigures(days, [SourceOfKey(*row) for row in counted])


def days_of_event(name: EventName, *, now: datetime) -> dict[date, int]:
    """Return how many messages of an event came on each of the last days."""
    rows = SchemaVolume.objects.filter(part=SchemaPart.PROPERTY, name=name, day__gte=_since(now))
    return {day: messages for day, (messages,) in _sums(rows, "messages").items()}


def sources_of_event(name: EventName) -> list[SourceOfKey]:
    """Return the sources of an event, with how many messages each sent."""
    rows = SchemaVolume.objects.filter(part=SchemaPart.PROPERTY, name=name).order_by()
    counted = rows.values_list("source__key", "source__name").annotate(total=Sum("messages"))
    return [SourceOfKey(*row) for row in counted.order_by("-total", "source__key")]


def last_days(now: datetime) -> list[date]:
    """Return the days of the figures, the oldest first."""
    return [_since(now) + timedelta(days=place) for place in range(DAYS)]


def _since(now: datetime) -> date:
    return now.astimezone(UTC).date() - timedelta(days=DAYS - 1)


def _sums(rows: QuerySet[Any], *fields: str) -> dict[date, tuple[int, ...]]:
    sums = [Sum(field) for field in fields]
    return {
        day: tuple(numbers) for day, *numbers in rows.order_by().values_list("day").annotate(*sums)
    }
