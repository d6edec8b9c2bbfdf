"""Starting runs by dates: so many days before or after the day that a trait names.

A task looks each hour, and takes yesterday too, where no worker was there. The cause of a run is
the day that the trait names, so that nobody starts twice for it, whoever looks.

Invariant: a run is written under the slot locks of its people, as all starts are.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from profiles.lib.batches import batches
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.lib.days import store_day
from segments.automations import sql
from segments.automations.live import LiveAutomation, read_live_automations
from segments.automations.nodes import DateTrigger
from segments.automations.start import ADVANCE, Start, write_runs
from segments.lib.locks import lock_slots, slots_of
from segments.lib.people_by_key import keys_of_people
from segments.models import AutomationRun

_BATCH = 1000


class Due(NamedTuple):
    """A person, and the day on which the trigger starts them."""

    profile_id: int
    day: date


def start_by_date(*, now: datetime | None = None) -> int:
    """Start the people whose day it is, or was yesterday; return how many."""
    moment = database_now() if now is None else now
    started = 0
    for automation in read_live_automations():
        if isinstance(automation.program.trigger, DateTrigger):
            started += _start(automation, automation.program.trigger, moment)
    if started:
        nudge(ADVANCE)
    return started


def due_by_date(trigger: DateTrigger, first: date, last: date) -> list[Due]:
    """Return who starts on which of these days, which are fewer than a year."""
    parameters: dict[str, Any] = {
        "trait": trigger.trait,
        "days": trigger.days,
        "is_yearly": trigger.is_yearly,
        "first": first,
        "last": last,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.DUE_BY_DATE, parameters)
        return [Due(*row) for row in cursor.fetchall()]


def _start(automation: LiveAutomation, trigger: DateTrigger, now: datetime) -> int:
    today, since = store_day(now), automation.row.live_since
    # What was before it went live, or while it was paused, is not made up for.
    first = max(today - timedelta(days=1), store_day(since) if since else today)
    due = due_by_date(trigger, first, today)
    return sum(_start_batch(automation, trigger, part, now) for part in batches(due, _BATCH))


def _start_batch(
    automation: LiveAutomation, trigger: DateTrigger, due: Sequence[Due], now: datetime
) -> int:
    with transaction.atomic():
        lock_slots(slots_of(each.profile_id for each in due))
        starts = [Start(each.profile_id, _cause(trigger, each.day), now) for each in due]
        taken = _taken(automation, starts)
        fresh = [each for each in starts if (each.profile_id, each.cause) not in taken]
        return write_runs(automation, fresh, now) if fresh else 0


def _cause(trigger: DateTrigger, day: date) -> str:
    day_of_trait = day - timedelta(days=trigger.days)
    return f"date:{day_of_trait.isoformat()}:{trigger.trait}"[:120]


def _taken(automation: LiveAutomation, starts: Sequence[Start]) -> set[tuple[int, str]]:
    """Return which people started for which day already, also before they were merged."""
    keys = keys_of_people([each.profile_id for each in starts])
    holder = {key: pk for pk, held in keys.items() for key in held}
    runs = AutomationRun.objects.filter(
        automation=automation.row, key__in=holder, cause__in={each.cause for each in starts}
    )
    return {(holder[key], cause) for key, cause in runs.values_list("key", "cause")}
