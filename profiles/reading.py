"""The log of reads: who of the staff looked at whom, when, on which page, and how much of it.

Invariant: it has no value of anybody. One page is one row for each person on it, or one for a list;
the same page opened again within ten minutes is no second look.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from profiles.audit import Actor, actor_names
from profiles.identity.engine import PROFILE
from profiles.lib.batches import batches
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile, StaffRead
from profiles.registry import Rows

Page, Depth = StaffRead.Page, StaffRead.Depth
ONE_LOOK = timedelta(minutes=10)
MOST_SHOWN = 50
_PRUNED_AT_ONCE = 10_000


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
    for read in StaffRead.objects.filter(person__in=list(holders)):
        looks = rows.setdefault(holders[read.person_id or 0] or 0, [])
        looks.append({"at": read.at, "page": read.page, "depth": read.depth})
    return rows


def looks_at(identifiers: Iterable[Identifier]) -> list[tuple[StaffRead, str]]:
    """Return the newest looks at the person with these identifiers, each with who it was."""
    persons = [each.pk for each in identifiers if each.namespace == PROFILE]
    reads = list(StaffRead.objects.filter(person__in=persons)[:MOST_SHOWN])
    names = actor_names({read.actor for read in reads}) if reads else {}
    return [(read, names[read.actor]) for read in reads]


def prune_reads() -> int:
    """Delete reads that are older than READ_LOG_DAYS, in parts; return how many."""
    oldest = database_now() - timedelta(days=settings.READ_LOG_DAYS)
    expired = list(StaffRead.objects.filter(at__lt=oldest).values_list("pk", flat=True))
    for ids in batches(expired, _PRUNED_AT_ONCE):
        StaffRead.objects.filter(pk__in=ids).delete()
    return len(expired)
