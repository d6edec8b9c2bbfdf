"""An automation as rows of words: its trigger, its steps with their numbers, and its rules.

Invariant: the words are in the language of the page, and each row has the path of its step.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from segments.automations.nodes import (
    AddToList,
    Ask,
    Call,
    Check,
    Choice,
    DateTrigger,
    EventMatch,
    EventTrigger,
    GiveCode,
    HandOver,
    ListTrigger,
    Mail,
    Program,
    SegmentTrigger,
    SetTrait,
    Split,
    Step,
    TakeBack,
    TakeOffList,
    Trigger,
    Wait,
    WaitEvent,
)
from segments.automations.numbers import StepNumbers
from segments.language.nodes import Node
from segments.language.phrases import language_of
from segments.language.words import describe
from segments.models import AutomationDecision, Destination, MailTemplate, Webhook


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the picture: how deep it stands, what it says, and the numbers of its step."""

    depth: int
    text: str
    path: str = ""
    is_branch: bool = False
    numbers: StepNumbers | None = None
    outcomes: Sequence[tuple[str, int]] = ()


def trigger_words(trigger: Trigger) -> str:
    """Return what starts an automation."""
    match trigger:
        case SegmentTrigger(segment, True):
            return _("When somebody enters the segment %(key)s") % {"key": segment}
        case SegmentTrigger(segment, _has_entered):
            return _("When somebody leaves the segment %(key)s") % {"key": segment}
        case EventTrigger(event):
            return _("When “%(event)s” happens") % {"event": _event_words(event)}
        case DateTrigger(key, days, is_yearly):
            return _date_words(key, days, is_yearly=is_yearly)
        case ListTrigger(key):
            return _("When somebody is put on the list %(key)s") % {"key": key}
        case _:
            assert_never(trigger)


def _date_words(key: str, days: int, *, is_yearly: bool) -> str:
    if days == 0:
        text = _("On the day of %(key)s")
    elif days > 0:
        text = ngettext("%(count)d day after %(key)s", "%(count)d days after %(key)s", days)
    else:
        text = ngettext("%(count)d day before %(key)s", "%(count)d days before %(key)s", -days)
    words = text % {"key": key, "count": abs(days)}
    return _("%(words)s, each year") % {"words": words} if is_yearly else words


def rules_words(program: Program) -> list[str]:
    """Return the rules that hold for all steps."""
    rules = [_again_words(program.again)]
    if program.goal:
        event = _event_words(program.goal)
        rules.append(_("“%(event)s” is the goal and ends it.") % {"event": event})
    if program.exit:
        rules.append(_("It ends once this holds: %(test)s.") % {"test": _tree(program.exit)})
    if program.hold_out:
        text = _("%(percent)d %% get nothing, to be compared.")
        rules.append(text % {"percent": program.hold_out})
    if program.cap:
        text = _("At most %(most)d messages in %(days)d days, of all automations.")
        rules.append(text % {"most": program.cap.most, "days": program.cap.days})
    if program.quiet:
        hours = {"from": f"{program.quiet.begins:%H:%M}", "until": f"{program.quiet.ends:%H:%M}"}
        text = _("No message from %(from)s until %(until)s by the person's clock.")
        rules.append(text % hours)
    return rules


def outline(
    definition: Mapping[str, Any], program: Program, numbers: Mapping[str, StepNumbers]
) -> list[Row]:
    """Return the steps of a definition as rows, in the order in which they stand there."""
    return list(_rows(definition["steps"], "steps", 0, program, numbers))


def sentence(definition: Mapping[str, Any], program: Program) -> str:
    """Return a definition in one sentence."""
    steps = [row.text for row in outline(definition, program, {}) if not row.is_branch]
    return f"{trigger_words(program.trigger)}: {', '.join(steps) or '–'}."


def _rows(
    steps: Sequence[Mapping[str, Any]],
    path: str,
    depth: int,
    program: Program,
    numbers: Mapping[str, StepNumbers],
) -> Iterator[Row]:
    for place, raw in enumerate(steps):
        here = f"{path}[{place}]"
        own = numbers.get(here, StepNumbers())
        labels = _labels(raw)
        outcomes = [(labels.get(word, word), count) for word, count in own.outcomes.items()]
        if own.clicked:
            outcomes.append((_("clicked"), own.clicked))
        words = step_words(program.steps[here])
        yield Row(depth, words, here, numbers=own, outcomes=outcomes)
        for name, title in (("then", _("if so")), ("else", _("if not"))):
            if raw.get(name):
                yield Row(depth + 1, title, is_branch=True)
                yield from _rows(raw[name], f"{here}.{name}", depth + 1, program, numbers)
        for number, branch in enumerate(raw.get("branches", ())):
            yield Row(depth + 1, f"{branch['percent']} %", is_branch=True)
            inner = f"{here}.branches[{number}].steps"
            yield from _rows(branch.get("steps", ()), inner, depth + 1, program, numbers)


def _labels(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the words for what became of people at a step."""
    choices = (*AutomationDecision.Outcome.choices, *AutomationDecision.MailState.choices)
    labels = {str(value): str(label) for value, label in choices}
    labels |= {"then": _("if so"), "else": _("if not")}
    branches = enumerate(raw.get("branches", ()))
    return labels | {str(number): f"{branch['percent']} %" for number, branch in branches}


def step_words(step: Step) -> str:
    """Return what a step does."""
    match step:
        case Wait(_id, _next, span, until):
            parts = [_("wait %(span)s") % {"span": _span_words(span)}] if span else []
            if until is not None:
                parts.append(_("wait until %(hour)s") % {"hour": f"{until:%H:%M}"})
            return ", ".join(parts)
        case WaitEvent(_id, event, same, at_most):
            words = {"event": _event_words(event), "span": _span_words(at_most)}
            text = _("wait for “%(event)s”, at most %(span)s") % words
            if same is not None:
                text += _(", with the same %(property)s") % {"property": ".".join(same)}
            return text
        case Check(_id, _next, Ask.MEMBER):
            return _("go on with those still in the segment")
        case Check(_id, _next, Ask.PERMITTED):
            return _("go on with those who permit it")
        case Check(_id, _next, test):
            return _("go on if: %(test)s") % {"test": _tree(test)}
        case Choice(_id, test):
            return _("whether %(test)s") % {"test": _tree(test)}
        case Split():
            return _("split by chance")
        case TakeOffList(_id, _next, key):
            return _("take them off the list %(key)s") % {"key": key}
        case SetTrait(_id, _next, key, value):
            return _("set the trait %(key)s to %(value)s") % {"key": key, "value": value}
        case GiveCode(_id, _next, key):
            return _("give them a code of the pool %(key)s") % {"key": key}
        case Mail(_id, _next, _texts, template) if template:
            name = MailTemplate.objects.filter(key=template).values_list("name", flat=True).first()
            return _("send the mail “%(subject)s”") % {"subject": name or template}
        case Mail(_id, _next, texts):
            return _("send the mail “%(subject)s”") % {"subject": _subject(texts)}
        case Call(_id, _next, pk):
            webhook = Webhook.objects.filter(pk=pk).first()
            return _("tell the webhook %(name)s") % {"name": webhook or "–"}
        case HandOver(_id, _next, pk):
            destination = Destination.objects.filter(pk=pk).first()
            return _("hand them to the destination %(name)s") % {"name": destination or "–"}
        case TakeBack(_id, _next, pk):
            destination = Destination.objects.filter(pk=pk).first()
            return _("take them out of the destination %(name)s") % {"name": destination or "–"}
        case AddToList(_id, _next, key):
            return _("put them on the list %(key)s") % {"key": key}
        case _:
            assert_never(step)


def _subject(texts: Mapping[str, Any]) -> str:
    text = texts.get(language_of(get_language()), texts["en"])
    return str(text.subject)


def _tree(node: Any) -> str:
    tree: Node = node
    return describe(tree, language_of(get_language()))


def _event_words(event: EventMatch) -> str:
    return event.name if event.where is None else f"{event.name} …"


def _again_words(again: timedelta | None) -> str:
    if again is None:
        return _("Nobody comes again.")
    if not again:
        return _("People may come again once they are through.")
    return _("People may come again after %(span)s.") % {"span": _span_words(again)}


def _span_words(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes % 1440 == 0:
        days = minutes // 1440
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if minutes % 60 == 0:
        hours = minutes // 60
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
