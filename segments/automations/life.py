"""Making, publishing, pausing and archiving automations.

Invariant: what was published never changes; a change is a new version. People on their way stay on
the version that they started with, unless whoever publishes moves them.
"""

from collections.abc import Mapping
from typing import Any

from consent.models import Purpose
from profiles.lib.change_queue import nudge
from profiles.lib.database import database_now
from profiles.services import Actor, audited, differences
from segments.automations.checks import check_automation
from segments.automations.nodes import Mail, Program, SetTrait
from segments.automations.parser import parse_automation
from segments.automations.start import ADVANCE
from segments.automations.traits import make_source
from segments.definitions.save import SegmentError
from segments.models import Automation, AutomationRun, AutomationVersion, MailTemplate

TYPE = "automation"
# These follow `/automations/` in routes of their own.
RESERVED_KEYS = ("install", "templates")
CHANGEABLE = ("name", "purpose", "priority", "definition")
Status = Automation.Status


def create_automation(
    *,
    key: str,
    name: str,
    purpose: Purpose,
    definition: Mapping[str, Any],
    priority: int = 100,
    actor: Actor,
) -> Automation:
    """Make a draft. Raises DefinitionError, and SegmentError where the key is taken."""
    parse_automation(definition)
    with audited(actor, "automation.created") as deed:
        if key in RESERVED_KEYS:
            raise SegmentError("key", f"Not allowed: {', '.join(RESERVED_KEYS)}.")
        if Automation.objects.filter(key=key).exists():
            raise SegmentError("key", "There is an automation with this key.")
        row = Automation(
            key=key, name=name, purpose=purpose, definition=dict(definition), priority=priority
        )
        row.save()
        deed.about(TYPE, key, **differences({}, _audited_state(row)))
        return row


def update_automation(row: Automation, *, actor: Actor, changes: Mapping[str, Any]) -> Automation:
    """Change what is saved. New runs follow it once it is published. Raises DefinitionError."""
    if "definition" in changes:
        parse_automation(changes["definition"])
    with audited(actor, "automation.changed") as deed:
        row = Automation.objects.select_for_update().get(pk=row.pk)
        _refuse_archived(row)
        before = _audited_state(row)
        for field in CHANGEABLE:
            setattr(row, field, changes.get(field, getattr(row, field)))
        row.save(update_fields=list(CHANGEABLE))
        deed.about(TYPE, row.key, **differences(before, _audited_state(row)))
        return row


def publish_automation(row: Automation, *, moves_people: bool = False, actor: Actor) -> Automation:
    """Let new runs follow what is saved. Raises DefinitionError.

    With `moves_people` those on their way follow it, too, as far as their step is in it still.
    """
    with audited(actor, "automation.published") as deed:
        row = Automation.objects.select_for_update().get(pk=row.pk)
        _refuse_archived(row)
        program, before = check_automation(row.definition), _audited_state(row)
        row.version += 1
        if any(isinstance(step, SetTrait) for step in program.steps.values()):
            make_source(actor=actor)
        AutomationVersion.objects.create(
            automation=row,
            number=row.version,
            definition=row.definition,
            templates=_template_versions(program),
            actor=str(actor),
        )
        if row.status == Status.DRAFT:
            row.status, row.live_since = Status.LIVE, database_now()
        row.save()
        moved = _move(row, program) if moves_people else 0
        changes = differences(before, _audited_state(row))
        deed.about(TYPE, row.key, **changes, **({"moved": [0, moved]} if moved else {}))
        return row


def _template_versions(program: Program) -> dict[str, int]:
    """Return the numbers of the mail templates that steps send, by key."""
    keys = {step.template for step in program.steps.values() if isinstance(step, Mail)}
    return dict(MailTemplate.objects.filter(key__in=keys).values_list("key", "version"))


def _move(row: Automation, program: Program) -> int:
    """Let people follow the new version whose step is of the same kind there."""
    former = {version.number: _steps(version.definition) for version in row.versions.all()}
    runs = AutomationRun.objects.select_for_update().filter(
        automation=row, state=AutomationRun.State.ACTIVE
    )
    moved = [
        run.pk
        for run in runs
        if run.step in program.steps
        and type(former[run.version].get(run.step)) is type(program.steps[run.step])
    ]
    # They look again: a wait may be over by the new version.
    count = AutomationRun.objects.filter(pk__in=moved).update(
        version=row.version, due_at=database_now()
    )
    nudge(ADVANCE)
    return count


def _steps(definition: object) -> Mapping[str, Any]:
    try:
        return parse_automation(definition).steps
    except ValueError:
        return {}


def pause_automation(row: Automation, *, actor: Actor) -> Automation:
    """Start nobody, and leave those on their way where they are."""
    return _set_status(row, Status.LIVE, Status.PAUSED, "automation.paused", actor)


def resume_automation(row: Automation, *, actor: Actor) -> Automation:
    """Go on: what was due meanwhile is done now, and what happened meanwhile starts nothing."""
    row = _set_status(row, Status.PAUSED, Status.LIVE, "automation.resumed", actor)
    nudge(ADVANCE)
    return row


def _set_status(row: Automation, origin: str, target: str, verb: str, actor: Actor) -> Automation:
    with audited(actor, verb) as deed:
        row = Automation.objects.select_for_update().get(pk=row.pk)
        if row.status != origin:
            raise SegmentError("status", f"It is {row.status}, not {origin}.")
        row.status = target
        if target == Status.LIVE:
            row.live_since = database_now()
        row.save(update_fields=["status", "live_since"])
        deed.about(TYPE, row.key, status=[str(origin), str(target)])
        return row


def archive_automation(row: Automation, *, actor: Actor) -> Automation:
    """End an automation for good, with all who are on their way."""
    with audited(actor, "automation.archived") as deed:
        row = Automation.objects.select_for_update().get(pk=row.pk)
        _refuse_archived(row)
        before, row.status = row.status, Status.ARCHIVED
        row.save(update_fields=["status"])
        AutomationRun.objects.filter(automation=row, state=AutomationRun.State.ACTIVE).update(
            state=AutomationRun.State.LEFT,
            reason=AutomationRun.Reason.STOPPED,
            ended_at=database_now(),
            listens=False,
        )
        deed.about(TYPE, row.key, status=[str(before), str(row.status)])
        return row


def _refuse_archived(row: Automation) -> None:
    if row.status == Status.ARCHIVED:
        raise SegmentError("status", "It is archived.")


def _audited_state(row: Automation) -> dict[str, Any]:
    return {
        "name": row.name,
        "purpose": row.purpose.key,
        "priority": row.priority,
        "status": str(row.status),
        "version": row.version,
        "definition": row.definition,
    }
