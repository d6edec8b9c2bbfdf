"""Advancing runs: each step that is due is decided once, with its effect.

A worker takes the next run that is due, decides step after step until the run waits or ends, and
commits decisions and effects together. Killed at any line before, it leaves the run as it was.
What leaves the store is written here as waiting: a mail in its decision, a call in the outbox.

Invariant: the people lock is taken before any row, so that nobody is erased or absorbed while
something is decided about them, and no erasure waits for a worker that waits for it.
"""

from datetime import datetime

from django.db import connection, transaction

from profiles.lib.change_queue import nudge
from profiles.lib.checkpoints import reach
from profiles.lib.database import database_now
from profiles.lib.faults import fault_of
from profiles.lib.people_lock import people_lock
from profiles.models import Profile
from segments.activation.handing import hand_over, take_back
from segments.activation.outbox import DELIVER, tell_step
from segments.automations import checkpoints, sql
from segments.automations.events import first_event
from segments.automations.facts import Moment, holds, read_facts, zone_of
from segments.automations.live import read_program
from segments.automations.nodes import (
    AddToList,
    Call,
    Check,
    Choice,
    GiveCode,
    HandOver,
    Mail,
    Outcome,
    SetTrait,
    Split,
    Step,
    TakeBack,
    TakeOffList,
    Wait,
    WaitEvent,
)
from segments.automations.steps import Go, Stay, decide, wait_end
from segments.automations.traits import state_trait
from segments.lib.people_by_key import keys_of_people, person_of
from segments.lists.people import put_on_list, take_off_list
from segments.models import (
    AutomationDecision,
    AutomationRun,
    Destination,
    StaticList,
    Webhook,
)

SEND = "segments.send_automation_mails"
AT_ONCE = 1000
KINDS: dict[type, str] = {
    Wait: "wait",
    WaitEvent: "wait_event",
    Check: "check",
    Choice: "if",
    Split: "split",
    Mail: "mail",
    Call: "webhook",
    AddToList: "add_to_list",
    GiveCode: "code",
    SetTrait: "set_trait",
    TakeOffList: "take_off_list",
    HandOver: "destination",
    TakeBack: "destination",
}
State, Reason = AutomationRun.State, AutomationRun.Reason


class Busy(Exception):
    """Another worker has a run of the same person: this one is left for later."""


def advance(*, now: datetime | None = None, limit: int = AT_ONCE) -> int:
    """Advance the runs that are due; return how many were."""
    failed: list[int] = []
    count = 0
    while count < limit and _advance_next(now, failed):
        count += 1
    return count


def _advance_next(now: datetime | None, failed: list[int]) -> bool:
    """Advance one run; return whether there was one. One that fails ends, the others go on."""
    moment = database_now() if now is None else now
    with transaction.atomic():
        people_lock(shared=True)
        run = _claim(moment, failed)
        if run is None:
            return False
        reach(checkpoints.CLAIMED, run)
        try:
            with transaction.atomic():
                advance_run(run, moment)
        except Busy:
            failed.append(run.pk)
        except Exception as error:
            # Any fault of a definition; an outage is raised again.
            fault_of(error)
            failed.append(run.pk)
            end(run, State.LEFT, moment, Reason.FAULT)
        reach(checkpoints.DECIDED, run)
        return True


def _claim(now: datetime, failed: list[int]) -> AutomationRun | None:
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM_RUN, [now, failed])
        row = cursor.fetchone()
    if row is None:
        return None
    return AutomationRun.objects.select_related("automation__purpose").get(pk=row[0])


def advance_run(run: AutomationRun, now: datetime, *, permits: bool | None = None) -> None:
    """Decide step after step, until the run waits or ends."""
    person, program = person_of(run.key), read_program(run.automation_id, run.version)
    if person is None or person.is_restricted:
        # A restricted person is in no outlet; what would have been is not made up for later.
        return end(run, State.LEFT, now, Reason.GONE)
    if program is None:
        return end(run, State.LEFT, now, Reason.FAULT)
    if not _is_furthest(run, person, now):
        return end(run, State.LEFT, now, Reason.MERGE)
    moment = Moment(run, person, program, run.automation.purpose.key, now, permits)
    if _is_over(moment):
        return None
    while run.step:
        step = program.steps[run.step]
        decision = decide(step, read_facts(step, moment), program.quiet)
        match decision:
            case Stay(until):
                return _wait(moment, step, until)
            case Go(_, None):
                _write(moment, step, decision)
                return end(run, State.LEFT, now, Reason.CHECK)
            case Go(_, following):
                _write(moment, step, decision)
                run.step, run.entered_at = following or "", _left_at(moment, step)
    return end(run, State.DONE, now)


def _left_at(moment: Moment, step: Step) -> datetime:
    """Return when the next step begins: a late worker must not make later waits longer."""
    match step:
        case Wait():
            return wait_end(step, moment.run.entered_at, zone_of(moment.person.traits))
        case WaitEvent(_, event, same, at_most):
            until = min(moment.now, moment.run.entered_at + at_most)
            named = None if same is None else (same, moment.run.event)
            since = moment.run.since
            at = first_event(moment.person.pk, event, since=since, until=until, same=named)
            return until if at is None else max(at, moment.run.entered_at)
        case _:
            return moment.run.entered_at


def _is_furthest(run: AutomationRun, person: Profile, now: datetime) -> bool:
    """Whether no other run of the same person in this automation is further; those behind end."""
    keys = keys_of_people([person.pk])[person.pk]
    rivals = AutomationRun.objects.filter(
        automation=run.automation_id, key__in=keys - {run.key}, state=State.ACTIVE
    )
    free = list(rivals.select_for_update(skip_locked=True).order_by("id"))
    if len(free) < rivals.count():
        # Waiting for the other worker, who may wait for this run, would be a deadlock.
        raise Busy
    for rival in free:
        if _place(rival) > _place(run):
            return False
        end(rival, State.LEFT, now, Reason.MERGE)
    return True


def _place(run: AutomationRun) -> tuple[int, int]:
    """Return how far a run is: by the steps that it passed, then the older one."""
    return run.decisions.count(), -run.pk


def _is_over(moment: Moment) -> bool:
    """End the run where its goal is reached or an exit rule holds; return whether it was."""
    run, program = moment.run, moment.program
    if program.goal is not None and first_event(
        moment.person.pk, program.goal, since=run.since, until=moment.now
    ):
        end(run, State.GOAL, moment.now)
        return True
    if program.exit is not None and holds(program.exit, moment.person.pk, moment.now):
        end(run, State.LEFT, moment.now, Reason.EXIT)
        return True
    return False


def _wait(moment: Moment, step: Step, until: datetime) -> None:
    run = moment.run
    run.due_at = until
    if isinstance(step, Mail | Call):
        # What follows a message is counted from when it may leave.
        run.entered_at = until
    run.listens = isinstance(step, WaitEvent) or moment.program.goal is not None
    run.save(update_fields=["step", "entered_at", "due_at", "listens"])


def end(run: AutomationRun, state: str, now: datetime, reason: str = "") -> None:
    """End a run. What it was, it stays."""
    run.state, run.reason, run.ended_at, run.listens = state, reason, now, False
    run.save(update_fields=["state", "reason", "ended_at", "listens", "step", "entered_at"])


def _write(moment: Moment, step: Step, go: Go) -> None:
    """Write down a decision, with its effect."""
    decision = AutomationDecision.objects.create(
        run=moment.run,
        step=step.id,
        kind=KINDS[type(step)],
        outcome=go.outcome,
        branch=go.branch,
        decided_at=moment.now,
    )
    if go.outcome == Outcome.ACTED:
        _act(moment, step, decision)


def _act(moment: Moment, step: Step, decision: AutomationDecision) -> None:
    match step:
        case Mail():
            decision.mail_state = AutomationDecision.MailState.PENDING
            decision.save(update_fields=["mail_state"])
            nudge(SEND)
        case Call(_, _, webhook_id):
            if (webhook := Webhook.objects.filter(pk=webhook_id).first()) is not None:
                body = {
                    "profile": str(moment.person.uuid),
                    "automation": moment.run.automation.key,
                    "step": step.id,
                    "purpose": moment.purpose,
                }
                tell_step(webhook, moment.person, decision.message, body, moment.now)
                nudge(DELIVER)
        case HandOver(_, _, pk):
            if (destination := Destination.objects.filter(pk=pk).first()) is not None:
                purpose = moment.run.automation.purpose
                hand_over(destination, moment.person, purpose=purpose, now=moment.now)
        case TakeBack(_, _, pk):
            if (destination := Destination.objects.filter(pk=pk).first()) is not None:
                take_back(destination, moment.person)
        case SetTrait(_, _, key, value):
            state_trait(moment.person, key, value, now=moment.now)
        case TakeOffList(_, _, key):
            if (row := StaticList.objects.filter(key=key).first()) is not None:
                take_off_list(row, moment.person.pk)
        case AddToList(_, _, key):
            if (row := StaticList.objects.filter(key=key).first()) is not None:
                put_on_list(row, moment.person.pk)
