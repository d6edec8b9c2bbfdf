"""The programs that automations run, as far as they can be read."""

from contextlib import suppress
from dataclasses import dataclass

from segments.automations.nodes import Program
from segments.automations.parser import parse_automation
from segments.language.operands import DefinitionError
from segments.models import Automation, AutomationVersion


@dataclass(frozen=True, slots=True)
class LiveAutomation:
    """An automation that people may start, and its program."""

    row: Automation
    program: Program


def read_live_automations() -> list[LiveAutomation]:
    """Return the automations that start runs now, the first to start first; one query if none."""
    rows = list(
        Automation.objects.filter(status=Automation.Status.LIVE)
        .select_related("purpose")
        .order_by("priority", "id")
    )
    programs = _programs(rows)
    return [LiveAutomation(row, programs[row.pk]) for row in rows if row.pk in programs]


def read_program(automation_id: int, number: int) -> Program | None:
    """Return the program of a version; None where the language does not allow it any more."""
    version = AutomationVersion.objects.filter(automation_id=automation_id, number=number).first()
    if version is None:
        return None
    with suppress(DefinitionError):
        return parse_automation(version.definition)
    return None


def _programs(rows: list[Automation]) -> dict[int, Program]:
    if not rows:
        return {}
    numbers = {row.pk: row.version for row in rows}
    programs: dict[int, Program] = {}
    versions = AutomationVersion.objects.filter(automation__in=rows)
    for version in versions:
        if numbers[version.automation_id] == version.number:
            # Others were published by a former language, which allowed more.
            with suppress(DefinitionError):
                programs[version.automation_id] = parse_automation(version.definition)
    return programs
