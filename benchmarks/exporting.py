"""How fast members leave as a file, and in how much memory, beside COPY of the same columns.

Every fifth withdrew, so that the gate has something to do. COPY asks nobody.
"""

from collections import deque

from django.db import connection
from django.utils import timezone

from benchmarks import store
from benchmarks.base import write_base
from benchmarks.importing import forget_peak, make_purpose, peak_megabytes
from benchmarks.report import Measure
from consent.models import Purpose
from profiles.models import Profile, TraitDefinition
from segments.exports.columns import column_choices, read_columns
from segments.models import MemberExport, Segment
from segments.services import (
    ExportOrder,
    create_segment,
    order_export,
    rebuild,
    take_export,
    write_export,
)

COLUMNS = ("id", "entered_at", "trait.city", "identifier.user_id", "orders")
ROUNDS = 3

# Inserts a state for everybody, of whom every fifth withdrew. Not ORM: INSERT … SELECT.
PERMIT = """
INSERT INTO consent_consentstate
    (profile_id, purpose_id, state, version, decided_at, is_objected, updated_at)
SELECT p.id, %(purpose)s, CASE WHEN p.id %% 5 = 0 THEN 'withdrawn' ELSE 'given' END, 1, %(at)s,
    FALSE, %(at)s
FROM profiles_profile p
"""

# Writes the same columns of the same members, without asking what they permit.
COPY = """
COPY (
    SELECT p.uuid, m.entered_at, p.traits -> 'city',
        (SELECT string_agg(i.value, ', ') FROM profiles_identifier i
        WHERE i.profile_id = p.id AND i.namespace = 'user_id'),
        (SELECT sum(s.count) FROM profiles_eventstat s JOIN profiles_eventname n ON n.id = s.name_id
        WHERE s.profile_id = p.id AND n.name = 'Order Completed')
    FROM segments_membership m JOIN profiles_profile p ON p.id = m.profile_id
    ORDER BY p.id
) TO STDOUT (FORMAT csv)
"""


def measure_exports(*, is_quick: bool) -> list[Measure]:
    """Return the rows a second, and the peak of memory beside that of a tenth of the members."""
    people = 100_000 if is_quick else 1_000_000
    store.make_database()
    source, _ = store.make_source()
    write_base(source, people=people, events=people)
    make_purpose()
    purpose = Purpose.objects.get()
    with connection.cursor() as cursor:
        cursor.execute(PERMIT, {"purpose": purpose.pk, "at": timezone.now()})
        cursor.execute("ANALYZE consent_consentstate")
    TraitDefinition.objects.get_or_create(key="city", defaults={"type": "text"})
    everybody = _segment("everybody", {"type": "everyone"}, purpose)
    tenth = _segment("tenth", {"type": "bucket", "from": 0, "to": 10, "salt": "bench"}, purpose)
    rate = Measure(f"{people:,} members as a file", "COPY of the same columns", "rows/s", 0.05)
    memory = Measure("the same, memory at its peak", "for a tenth", "MB", 1.1, False)
    memory.floors.append(_peak_of(tenth))
    memory.values.append(_peak_of(everybody))
    for _ in range(ROUNDS):
        with store.timed() as timing:
            _write(everybody)
        rate.values.append(people / timing.seconds)
        with store.timed() as timing, connection.cursor() as cursor, cursor.copy(COPY) as copy:
            deque(copy, maxlen=0)
        rate.floors.append(people / timing.seconds)
    return [rate, memory]


def _segment(key: str, definition: dict[str, object], purpose: Purpose) -> Segment:
    segment = create_segment(
        key=key,
        name=key,
        definition=definition,
        purpose=purpose,
        status="live",
        actor=store.BENCHMARK,
    )
    rebuild([key])
    segment.refresh_from_db()
    return segment


def _peak_of(segment: Segment) -> float:
    forget_peak()
    _write(segment)
    return peak_megabytes()


def _write(segment: Segment) -> None:
    """Write the file to nowhere, and hold that everybody was looked at."""
    columns = read_columns(COLUMNS, column_choices())
    order = ExportOrder(segment=segment, purpose=None, columns=columns, format="csv")
    export = order_export(order, actor=store.BENCHMARK)
    take_export(export, actor=store.BENCHMARK)
    deque(write_export(export), maxlen=0)
    export = MemberExport.objects.get(pk=export.pk)
    left = Profile.objects.count() // 5 if segment.key == "everybody" else export.left_out_count
    if (export.read, export.left_out_count) != (segment.size, left):
        raise RuntimeError("the file is not whole")
