"""Loading the demo: purposes, then messages, then segments.

Invariant: a load that was killed at any line can be started again, and loads nothing twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from config.demo.actor import DEMO
from config.demo.purposes import PURPOSES, define_purposes
from config.demo.segments import FAMILIES, SEGMENTS
from config.demo.sending import Report, load_messages
from config.demo.traits import compute_traits, define_traits
from config.demo.wire import Days
from consent.models import NoticeVersion, Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.models import Merge, Profile
from profiles.services import measure_health
from segments.models import Segment, SegmentFamily
from segments.services import (
    create_family,
    create_segment,
    rebuild,
    recompute_family,
    refresh_changed,
    refresh_due,
)

# The task that compares people with one another, which takes a worker of its queue.
PROPOSE = "matching.propose"
# Updates the planner's statistics of the tables that a load fills. The ORM has no ANALYZE, and
# autovacuum would come a minute or two too late for building the segments.
ANALYSE = """
ANALYZE
    profiles_profile,
    profiles_identifier,
    profiles_identityfact,
    profiles_sourcerecord,
    profiles_event,
    profiles_eventstat,
    profiles_eventname,
    profiles_seenmessage,
    profiles_profilechange,
    consent_consentstate,
    consent_consentevent,
    segments_segment,
    segments_membership
"""


class Loaded(NamedTuple):
    """What a load brought. `sizes` has the (name, size) of each segment of the demo, in order."""

    messages: int
    people: int
    merges: int
    sizes: Sequence[tuple[str, int]]


def is_loaded() -> bool:
    """Return whether a load was ever completed.

    Its last step builds the segments. What became of them since does not matter.
    """
    return _built_segments().count() == len(SEGMENTS)


def has_begun() -> bool:
    """Return whether a load was ever started.

    Its first step adds a notice with a text that no other store has.
    """
    first = PURPOSES[0]
    return NoticeVersion.objects.filter(key=first.key, content=first.notices["en"]).exists()


def load_demo(*, customers: int, now: datetime | None, report: Report) -> Loaded:
    """Load everything that is not there yet.

    The last day of the demo is the day before `now`, which is by default the database's time.
    """
    actual_now = database_now()
    zone = ZoneInfo(settings.TIME_ZONE)
    # Not at `now`, which may lie in the past: a notice is shown from the time of loading on.
    define_purposes(now=actual_now)
    define_traits()
    days = Days((now or actual_now).astimezone(zone).date(), zone)
    messages = load_messages(customers=customers, days=days, report=report)
    compute_traits()
    # Empties the queue of changes. No segment needs them, as those below are built over everybody.
    refresh_changed()
    update_statistics()
    make_families()
    make_segments()
    refresh_changed()
    refresh_due()
    update_statistics()
    # What beat would do within a day, and within an hour.
    measure_health()
    nudge(PROPOSE)
    sizes = dict(_built_segments().values_list("key", "size"))
    return Loaded(
        messages,
        Profile.objects.count(),
        Merge.objects.standing().count(),
        [(segment.name, sizes[segment.key]) for segment in SEGMENTS],
    )


def make_families() -> None:
    """Create the RFM model and the life-cycle of the buyers, and compute those never computed."""
    for fields in FAMILIES:
        family = SegmentFamily.objects.filter(key=fields["key"]).first()
        if family is None:
            family = create_family(**fields, actor=DEMO)
        if family.segments.filter(refreshed_at=None).exists():
            recompute_family(family)


def make_segments() -> None:
    """Create the segments that are missing, and build those that were never built."""
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
                actor=DEMO,
            )
    built = set(_built_segments().values_list("key", flat=True))
    rebuild([segment.key for segment in SEGMENTS if segment.key not in built])


def update_statistics() -> None:
    """Update the planner's statistics of the tables that a load fills."""
    with connection.cursor() as cursor:
        cursor.execute(ANALYSE)


def _built_segments() -> QuerySet[Segment]:
    keys = [segment.key for segment in SEGMENTS]
    return Segment.objects.filter(key__in=keys, refreshed_at__isnull=False)
