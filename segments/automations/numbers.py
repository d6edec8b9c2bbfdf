"""The live numbers of an automation: who waits where, who passed, and who was left out and why."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Count

from segments.models import Automation, AutomationDecision, AutomationRun

MailState = AutomationDecision.MailState
# What became of a mail, where that says more than the decision.
_MAIL = (MailState.SENT, MailState.WITHHELD, MailState.UNKNOWN)


@dataclass(slots=True)
class StepNumbers:
    """How many wait at a step, how many passed it, and how many by what became of it.

    `clicked` counts mails of which a link was clicked, where that is counted.
    """

    waiting: int = 0
    passed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    clicked: int = 0


@dataclass(slots=True)
class GroupNumbers:
    """How many runs a group has, and how many of them reached the goal."""

    runs: int = 0
    goal: int = 0


def step_numbers(row: Automation) -> dict[str, StepNumbers]:
    """Return the numbers of each step that anybody came to, in two queries."""
    numbers: dict[str, StepNumbers] = defaultdict(StepNumbers)
    active = AutomationRun.objects.filter(automation=row, state=AutomationRun.State.ACTIVE)
    for step, count in active.values_list("step").annotate(count=Count("pk")).order_by("step"):
        numbers[step].waiting = count
    decided = AutomationDecision.objects.filter(run__automation=row)
    counted = decided.values_list("step", "outcome", "branch", "mail_state")
    grouped = counted.annotate(count=Count("pk"), clicked=Count("clicked_at"))
    for step, outcome, branch, mail_state, count, clicked in grouped.order_by(
        "step", "outcome", "branch", "mail_state"
    ):
        each = numbers[step]
        word = mail_state if mail_state in _MAIL else branch or outcome
        each.passed += count
        each.clicked += clicked
        each.outcomes[word] = each.outcomes.get(word, 0) + count
    return dict(numbers)


def group_numbers(row: Automation) -> dict[str, GroupNumbers]:
    """Return the numbers of those who get what it does, and of those who get nothing."""
    groups = {"treated": GroupNumbers(), "held_out": GroupNumbers()}
    runs = AutomationRun.objects.filter(automation=row).values_list("is_held_out", "state")
    for is_held_out, state, count in runs.annotate(count=Count("pk")).order_by("state"):
        group = groups["held_out" if is_held_out else "treated"]
        group.runs += count
        group.goal += count if state == AutomationRun.State.GOAL else 0
    return groups


def run_numbers(row: Automation) -> dict[str, int]:
    """Return how many runs are in each state."""
    runs = AutomationRun.objects.filter(automation=row)
    return dict(runs.values_list("state").annotate(count=Count("pk")).order_by("state"))
