"""Trying an automation with a person who is made up, through the very code that runs it.

Invariant: nothing stays. All of it happens in a transaction that is rolled back, and mails and
calls are only written down there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from uuid_utils.compat import uuid7

from profiles.models import Identifier, Profile
from profiles.services import Actor
from segments.automations.checks import check_automation
from segments.automations.nodes import Program
from segments.automations.run import advance_run
from segments.automations.traits import make_source
from segments.models import Automation, AutomationRun, AutomationVersion

# More than any definition has steps that wait.
MOST_WAKEUPS = 200


@dataclass(frozen=True, slots=True)
class TrialStep:
    """What was decided at a step, and when."""

    step: str
    kind: str
    outcome: str
    branch: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """The way of a made-up person, and how it ended."""

    steps: Sequence[TrialStep]
    state: str
    reason: str


class _Undo(Exception):
    """Leaves the transaction of a trial."""


def try_automation(
    row: Automation, *, traits: Mapping[str, Any], is_permitted: bool, now: datetime
) -> Trial:
    """Let somebody with these traits run through what is saved, in a time that is made to pass.

    Raises DefinitionError.
    """
    program = check_automation(row.definition)
    trial = None
    try:
        with transaction.atomic():
            make_source(actor=Actor.system("automations"))
            run = _made_run(row, program, traits, now)
            trial = _passed(run, is_permitted=is_permitted, now=now)
            raise _Undo
    except _Undo:
        pass
    assert trial is not None  # noqa: S101  # whatever else ends the transaction is raised
    return trial


def _made_run(
    saved: Automation, program: Program, traits: Mapping[str, Any], now: datetime
) -> AutomationRun:
    person = Profile.objects.create(
        uuid=uuid7(), traits=dict(traits), first_seen_at=now, last_seen_at=now
    )
    Identifier.objects.create(
        namespace="profile",
        value=str(person.uuid),
        profile=person,
        since=now.date(),
        first_seen_on=now.date(),
        last_seen_on=now.date(),
        component=0,
    )
    row = Automation.objects.create(
        key=f"trial-{person.uuid}",
        name=saved.name,
        purpose=saved.purpose,
        definition=saved.definition,
        version=1,
    )
    AutomationVersion.objects.create(
        automation=row, number=1, definition=saved.definition, actor=""
    )
    return AutomationRun.objects.create(
        automation=row,
        version=1,
        key=person.uuid,
        cause="trial",
        since=now,
        started_at=now,
        step=program.first,
        entered_at=now,
        due_at=now,
    )


def _passed(run: AutomationRun, *, is_permitted: bool, now: datetime) -> Trial:
    moment = now
    for _ in range(MOST_WAKEUPS):
        advance_run(run, moment, permits=is_permitted)
        if run.state != AutomationRun.State.ACTIVE:
            break
        moment = max(run.due_at, moment + timedelta(microseconds=1))
    steps = [
        TrialStep(each.step, each.kind, each.outcome, each.branch, each.decided_at)
        for each in run.decisions.order_by("decided_at", "id")
    ]
    return Trial(steps, run.state, run.reason)
