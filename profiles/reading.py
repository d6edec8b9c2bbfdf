"""The log of reads: who of the staff, or which service, read of whom, when, where and how much.

Invariant: it has no value of anybody. One page is one row for each person on it, or one for a list;
the same page opened again within ten minutes is no second look.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, Count, Func, Q, QuerySet, Sum
from django.db.models.functions import Now, TruncDate

from profiles.audit import Actor, actor_names, audited
from profiles.identity.engine import PROFILE
from profiles.lib.batches import batches
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile, StaffRead
from profiles.registry import Rows

Page, Depth = StaffRead.Page, StaffRead.Depth
ONE_LOOK = timedelta(minutes=10)
MOST_SHOWN = 50
_PRUNED_AT_ONCE = 10_000
# Adds the row of one answer, if any of the ids is a person's. One statement, since every answer of
# the API to a service waits for it; the ORM would take one to find the people and one to insert.
NOTE_SERVICE_READ = """
INSERT INTO profiles_staffread (actor, page, depth, people, persons)
SELECT %s, %s, %s, count(*), array_agg(id)
FROM profiles_identifier
WHERE namespace = %s AND value = ANY(%s) AND profile_id IS NOT NULL
HAVING count(*) > 0
"""


def persons_of(profiles: Collection[Profile]) -> list[int]:
    """Return the ids of the identifiers by which reads name these people."""
    uuids = [str(profile.uuid) for profile in profiles]
    persons = Identifier.objects.filter(namespace=PROFILE, value__in=uuids)
    return list(persons.values_list("pk", flat=True))


def note_reads(
    persons: Collection[int], page: StaffRead.Page, *, reader: Actor, is_open: bool
) -> None:
    """Note that somebody sees these people on a page; `is_open` with their contact data."""
    look = {"actor": str(reader), "page": page, "depth": Depth.OPEN if is_open else Depth.MASKED}
    recent = StaffRead.objects.filter(**look, person__in=list(persons), at__gte=Now() - ONE_LOOK)
    known = set(recent.values_list("person_id", flat=True))
    StaffRead.objects.bulk_create(
        StaffRead(**look, person_id=person) for person in persons if person not in known
    )


def note_service_read(uuids: Collection[str], *, reader: Actor) -> None:
    """Note that a service reads the people with these public UUIDs by one answer of the API."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_SERVICE_READ, [str(reader), Page.API, Depth.OPEN, PROFILE, list(uuids)])


def note_list(people: int, *, reader: Actor, is_open: bool) -> None:
    """Note that somebody sees a list of so many people."""
    if people:
        depth = Depth.OPEN if is_open else Depth.MASKED
        StaffRead.objects.create(actor=str(reader), page=Page.LIST, depth=depth, people=people)


def reads_of(profile_ids: Sequence[int]) -> Rows:
    """Return the newest looks at each person, as the person sees them: without who it was."""
    persons = Identifier.objects.filter(namespace=PROFILE, profile__in=profile_ids)
    holders = dict(persons.values_list("pk", "profile_id"))
    rows: dict[int, list[dict[str, object]]] = {}
    for read in _reads_of_persons(list(holders)):
        look = {"at": read.at, "page": read.page, "depth": read.depth}
        for person in holders.keys() & {read.person_id, *read.persons}:
            rows.setdefault(holders[person] or 0, []).append(look)
    return rows


def looks_at(identifiers: Iterable[Identifier]) -> list[tuple[StaffRead, str]]:
    """Return the newest looks at the person with these identifiers, each with who it was."""
    persons = [each.pk for each in identifiers if each.namespace == PROFILE]
    reads = list(_reads_of_persons(persons)[:MOST_SHOWN])
    names = actor_names({read.actor for read in reads}) if reads else {}
    return [(read, names[read.actor]) for read in reads]


def _reads_of_persons(persons: list[int]) -> QuerySet[StaffRead]:
    return StaffRead.objects.filter(Q(person__in=persons) | Q(persons__overlap=persons))


def prune_reads() -> int:
    """Delete reads that are older than READ_LOG_DAYS, in parts; return how many."""
    oldest = database_now() - timedelta(days=settings.READ_LOG_DAYS)
    expired = list(StaffRead.objects.filter(at__lt=oldest).values_list("pk", flat=True))
    for ids in batches(expired, _PRUNED_AT_ONCE):
        StaffRead.objects.filter(pk__in=ids).delete()
    return len(expired)


class ReadDay(NamedTuple):
    """One day of somebody's reads: how many pages of people, how many lists, and how many rows."""

    day: date
    pages: int
    lists: int
    listed: int


class ReadScope(NamedTuple):
    """What one actor saw from a time to another.

    `people` were opened by name; `listed` is how many rows lists had, who may be the same people.
    `open_people` are those of `people` whose contact data were shown.
    """

    people: int
    open_people: int
    listed: int
    open_listed: int
    pages: Mapping[str, int]
    days: Sequence[ReadDay]


def readers() -> dict[str, str]:
    """Return who is in the log of reads, by name."""
    actors = StaffRead.objects.order_by("actor").values_list("actor", flat=True).distinct()
    return actor_names(list(actors))


def scope_of_reads(reader: str, *, since: datetime, until: datetime, actor: Actor) -> ReadScope:
    """Return what somebody saw in a span of time, as after a breach; that is written down too."""
    reads = _reads_between(reader, since, until)
    opened = reads.exclude(page=Page.LIST)
    lists = reads.filter(page=Page.LIST)
    is_open = {"depth": Depth.OPEN}
    scope = ReadScope(
        people=_count_people(opened),
        open_people=_count_people(opened.filter(**is_open)),
        listed=_sum_listed(lists),
        open_listed=_sum_listed(lists.filter(**is_open)),
        pages=dict(Counter(reads.order_by().values_list("page", flat=True))),
        days=_days_of(reads),
    )
    with audited(actor, "read_scope.drawn") as deed:
        deed.about("read_scope", reader, people=[None, scope.people], listed=[None, scope.listed])
    return scope


def people_read(reader: str, *, since: datetime, until: datetime, actor: Actor) -> list[str]:
    """Return the public UUIDs of those whom somebody opened by name, and write down that it was.

    Who was erased since is not among them.
    """
    ids = [pk for (pk,) in _people_of(_reads_between(reader, since, until))]
    uuids = list(
        Identifier.objects.filter(pk__in=ids).order_by("pk").values_list("value", flat=True)
    )
    with audited(actor, "read_scope.exported") as deed:
        deed.about("read_scope", reader, people=[None, len(uuids)])
    return uuids


def _reads_between(reader: str, since: datetime, until: datetime) -> QuerySet[StaffRead]:
    return StaffRead.objects.filter(actor=reader, at__gte=since, at__lt=until)


def _count_people(reads: QuerySet[StaffRead]) -> int:
    return _people_of(reads).count()


def _people_of(reads: QuerySet[StaffRead]) -> QuerySet[StaffRead, tuple[int]]:
    """Return the ids by which reads name people, each once."""
    one = reads.order_by().exclude(person=None).values_list("person_id")
    each = Func("persons", function="unnest", output_field=BigIntegerField())
    return one.union(reads.order_by().values_list(each))


def _sum_listed(lists: QuerySet[StaffRead]) -> int:
    return lists.order_by().aggregate(listed=Sum("people"))["listed"] or 0


def _days_of(reads: QuerySet[StaffRead]) -> list[ReadDay]:
    is_list = Q(page=Page.LIST)
    days = (
        reads.order_by()
        .annotate(day=TruncDate("at"))
        .values("day")
        .annotate(
            pages=Count("pk", filter=~is_list),
            lists=Count("pk", filter=is_list),
            listed=Sum("people", filter=is_list, default=0),
        )
    )
    return [ReadDay(**row) for row in days.order_by("day")]
