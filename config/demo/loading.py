"""Loading the demo: purposes, messages, then segments, which are built when everybody is there.

Invariant: what was loaded once is not loaded again, wherever a load is killed and started anew.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from config.demo.purposes import PURPOSES, define_purposes
from config.demo.segments import SEGMENTS
from config.demo.sending import Report, load_messages
from config.demo.wire import Days
from consent.models import NoticeVersion, Purpose
from profiles.lib.database import database_now
from profiles.models import Merge, Profile
from segments.models import Segment
from segments.services import create_segment, rebuild, refresh_changed, refresh_due

AUTHOR = "demo"
# Statistics that the planner needs at once; autovacuum would bring them in a minute or two.
ANALYSE = """
ANALYZE profiles_profile, profiles_identifier, profiles_identityfact, profiles_sourcerecord, profiles_event,
    profiles_eventstat, profiles_eventname, profiles_seenmessage, profiles_profilechange, consent_consentstate,
    consent_consentevent, segments_segment, segments_membership
"""


class Loaded(NamedTuple):
    """What there is after a load; `sizes` are of the demo's segments, by name, in their order."""

    messages: int
    people: int
    merges: int
    sizes: Sequence[tuple[str, int]]


def is_loaded() -> bool:
    """Whether a load has come to its end: every segment of the demo has been built, whatever became of it since."""
    return _built().count() == len(SEGMENTS)


def has_begun() -> bool:
    """Whether a load was ever started, whether or not it came to its end: its first step leaves words that nobody else shows."""
    first = PURPOSES[0]
    return NoticeVersion.objects.filter(key=first.key, content=first.notices["en"]).exists()


def load_demo(*, customers: int, now: datetime | None, report: Report) -> Loaded:
    """Load all that is not there yet. `now`, by default the database's, says which day was yesterday."""
    clock = database_now()
    zone = ZoneInfo(settings.TIME_ZONE)
    define_purposes(now=clock)
    days = Days((now or clock).astimezone(zone).date(), zone)
    messages = load_messages(customers=customers, days=days, report=report)
    # Nobody leans on these wake-ups: the segments below are built over everybody.
    refresh_changed()
    analyse()
    make_segments()
    refresh_changed()
    refresh_due()
    analyse()
    sizes = dict(_built().values_list("key", "size"))
    return Loaded(
        messages,
        Profile.objects.count(),
        Merge.objects.count(),
        [(segment.name, sizes[segment.key]) for segment in SEGMENTS],
    )


def make_segments() -> None:
    """Create the segments that are missing, and build those that are not built."""
    present = set(Segment.objects.values_list("key", flat=True))
    purposes = {purpose.key: purpose for purpose in Purpose.objects.all()}
    for key, name, description, definition, purpose in SEGMENTS:
        if key not in present:
            create_segment(
                key=key,
                name=name,
                description=description,
                definition=definition,
                purpose=purposes.get(purpose),
                status=Segment.Status.LIVE,
                author=AUTHOR,
            )
    built = set(_built().values_list("key", flat=True))
    rebuild([segment.key for segment in SEGMENTS if segment.key not in built])


def analyse() -> None:
    """Bring the planner's statistics up to date."""
    with connection.cursor() as cursor:
        cursor.execute(ANALYSE)


def _built() -> QuerySet[Segment]:
    keys = [segment.key for segment in SEGMENTS]
    return Segment.objects.filter(key__in=keys, refreshed_at__isnull=False)
