"""Starting runs, in the transaction that evaluates somebody, and waking those that wait.

A refresh says whom it evaluated and what changed. An entry into a segment starts a run where the
person did something or time passed, an event where it came live and is not old, a list where
somebody put the person on it by name. Imports, replays, rebuilds, and what automations write
themselves start nothing.

Invariant: the caller has locked the slots of the people, so that nobody is started twice at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection

from profiles.lib.calendar import time_of
from profiles.lib.change_queue import nudge
from profiles.models import EventName, Profile, ProfileChange
from segments.activation.outbox import Change, Evaluated
from segments.automations import sql
from segments.automations.events import condition
from segments.automations.live import LiveAutomation, read_live_automations
from segments.automations.nodes import (
    DateTrigger,
    EntryReason,
    EventTrigger,
    ListTrigger,
    SegmentTrigger,
)
from segments.compiler import fill
from segments.compiler.places import bucket_place
from segments.definitions.live import make_context
from segments.language.nodes import BucketLeaf
from segments.lib.people_by_key import keys_of_people
from segments.models import Automation, AutomationRun, MembershipChange, Segment

ADVANCE = "segments.advance_automations"
Kind = ProfileChange.Kind


@dataclass(frozen=True, slots=True)
class Start:
    """A run that is due to start: of whom, why, and by which event."""

    profile_id: int
    cause: str
    since: datetime
    event: UUID | None = None


def start_runs(batch: Evaluated, changes: Sequence[Change]) -> int:
    """Start what the evaluation of some people lets start; return how many runs there are."""
    automations = read_live_automations()
    _wake_waiting(batch)
    if not automations:
        return 0
    started = 0
    # One after another: what one starts counts for the next.
    for automation in automations:
        starts = _starts(automation, batch, changes)
        if starts:
            started += write_runs(automation, starts, batch.now)
    if started:
        nudge(ADVANCE)
    return started


def _wake_waiting(batch: Evaluated) -> None:
    """Let runs look again that wait for an event of these people."""
    waiting = AutomationRun.objects.filter(state=AutomationRun.State.ACTIVE, listens=True)
    if not waiting.exists():
        return
    keys = {key for held in keys_of_people(batch.ids).values() for key in held}
    if waiting.filter(key__in=keys, due_at__gt=batch.now).update(due_at=batch.now):
        nudge(ADVANCE)


def _starts(automation: LiveAutomation, batch: Evaluated, changes: Sequence[Change]) -> list[Start]:
    match automation.program.trigger:
        case SegmentTrigger() as trigger:
            return _by_segment(trigger, batch, changes)
        case EventTrigger() as trigger:
            return _by_event(trigger, automation.row, batch, changes)
        case DateTrigger():
            # Nobody does anything: a task looks for the day.
            return []
        case ListTrigger(key):
            return [
                Start(each.profile_id, f"list:{key}:{batch.now.isoformat()}", batch.now)
                for each in dict.fromkeys(changes)
                if each.kind == Kind.LIST and each.reference == key
            ]


def _by_segment(
    trigger: SegmentTrigger, batch: Evaluated, changes: Iterable[Change]
) -> list[Start]:
    segment = Segment.objects.filter(key=trigger.segment, status=Segment.Status.LIVE).first()
    if segment is None or segment.paused_at is not None or segment.failed_at is not None:
        return []
    kinds: dict[int, set[str]] = defaultdict(set)
    for each in changes:
        kinds[each.profile_id].add(each.kind)
    moved = MembershipChange.objects.filter(
        profile_id__in=list(batch.ids),
        segment=segment,
        changed_at=batch.now,
        has_entered=trigger.has_entered,
        reason__in=(MembershipChange.Reason.CHANGE, MembershipChange.Reason.TIME),
    ).values_list("profile_id", "reason")
    return [
        Start(pk, f"segment:{segment.pk}:{batch.now.isoformat()}", batch.now)
        for pk, reason in moved
        if entry_reason(reason, kinds[pk]) in trigger.reasons
    ]


def entry_reason(reason: str, kinds: Collection[str]) -> EntryReason:
    """Return why somebody entered or left, by what changed about them.

    What the person did comes before all else. A consent from a file comes with a plain change.
    """
    if reason == MembershipChange.Reason.TIME:
        return EntryReason.TIME
    if Kind.LIVE in kinds or Kind.LIST in kinds:
        return EntryReason.CHANGE
    if Kind.MERGE in kinds or Kind.UNMERGE in kinds:
        return EntryReason.MERGE
    is_consent = Kind.CONSENT in kinds and Kind.PLAIN not in kinds
    return EntryReason.CHANGE if is_consent else EntryReason.IMPORT


def _by_event(
    trigger: EventTrigger, row: Automation, batch: Evaluated, changes: Iterable[Change]
) -> list[Start]:
    arrived = sorted(arrivals(changes))
    name = EventName.objects.filter(kind=EventName.Kind.TRACK, name=trigger.event.name).first()
    if not arrived or name is None:
        return []
    oldest = batch.now - timedelta(hours=settings.AUTOMATION_EVENT_HOURS)
    context = make_context({}, now=batch.now)
    statement = fill(
        sql.LIVE_EVENTS,
        ids=[pk for pk, _ in arrived],
        received=[at for _, at in arrived],
        name=name.pk,
        since=max(oldest, row.live_since or oldest),
        now=batch.now,
        where=condition(trigger.event, context),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return [Start(pk, f"event:{event}", at, event) for pk, event, at in cursor.fetchall()]


def arrivals(changes: Iterable[Change]) -> set[tuple[int, datetime]]:
    """Return of whom live events came, with the times at which they arrived."""
    live = (each for each in changes if each.kind == Kind.LIVE)
    return {(each.profile_id, time_of(int(each.reference))) for each in live}


def write_runs(automation: LiveAutomation, starts: Sequence[Start], now: datetime) -> int:
    """Write down the runs that may start: by the rule of coming again, and not too many a day."""
    ids = {each.profile_id for each in starts}
    people = Profile.objects.filter(pk__in=ids, is_restricted=False).only("uuid").in_bulk()
    keys = keys_of_people(people)
    busy = _busy(automation, keys, now)
    runs = []
    for each in starts:
        if each.profile_id in people and each.profile_id not in busy:
            # One at a time, also of two events at once.
            busy.add(each.profile_id)
            runs.append(_run(automation, each, people[each.profile_id], now))
    _hold_out(automation, runs)
    AutomationRun.objects.bulk_create(runs, ignore_conflicts=True)
    return len(runs)


def _hold_out(automation: LiveAutomation, runs: Sequence[AutomationRun]) -> None:
    """Mark the runs of those who get nothing: the same people whenever they come."""
    percent = automation.program.hold_out
    if not percent or not runs:
        return
    salt = f"{automation.row.pk}:hold_out"
    place = bucket_place(BucketLeaf(salt, Decimal(0), Decimal(100)))
    statement = fill(sql.PLACES, place=place, keys=[run.key for run in runs])
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        places = dict(cursor.fetchall())
    for run in runs:
        run.is_held_out = places[run.key] < percent


def _busy(automation: LiveAutomation, keys: Mapping[int, set[UUID]], now: datetime) -> set[int]:
    """Return who may not start: on the way, or too soon after, or started too much in a day."""
    holder = {key: pk for pk, held in keys.items() for key in held}
    own = AutomationRun.objects.filter(automation=automation.row, key__in=holder)
    again = automation.program.again
    busy = {
        holder[key]
        for key, state, started_at in own.values_list("key", "state", "started_at")
        if state == AutomationRun.State.ACTIVE or again is None or started_at + again > now
    }
    counts: dict[int, int] = defaultdict(int)
    today = AutomationRun.objects.filter(
        key__in=holder, started_at__gt=now - timedelta(days=1)
    ).values_list("key", flat=True)
    for key in today:
        counts[holder[key]] += 1
    most = settings.AUTOMATION_STARTS_PER_DAY
    return busy | {pk for pk, count in counts.items() if count >= most}


def _run(automation: LiveAutomation, start: Start, person: Profile, now: datetime) -> AutomationRun:
    return AutomationRun(
        automation=automation.row,
        version=automation.row.version,
        key=person.uuid,
        cause=start.cause,
        event=start.event,
        since=start.since,
        started_at=now,
        step=automation.program.first,
        entered_at=now,
        due_at=now,
    )
