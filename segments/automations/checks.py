"""The check that an automation may be published: what it names is there, and is right.

Invariant: all faults are said at once, each with its path.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from profiles.models import TraitDefinition
from profiles.services import Category, load_categories
from segments.automations.nodes import (
    AddToList,
    Call,
    DateTrigger,
    GiveCode,
    HandOver,
    ListTrigger,
    Mail,
    Program,
    SegmentTrigger,
    SetTrait,
    TakeBack,
    TakeOffList,
)
from segments.automations.parser import parse_automation
from segments.definitions.dependencies import check_definition
from segments.language.operands import DefinitionError, Fault
from segments.lib.nearest import nearest
from segments.mail.life import nearest_key
from segments.models import (
    CodePool,
    Destination,
    MailTemplate,
    Segment,
    StaticList,
    Webhook,
    WebhookEvent,
)


def check_automation(definition: object) -> Program:
    """Return the program of a definition that may be published. Raises DefinitionError."""
    program = parse_automation(definition)
    faults = [*_trigger_faults(program), *_step_faults(program)]
    for path, tree in condition_trees(definition):
        try:
            check_definition(tree)
        except DefinitionError as error:
            faults += [Fault(f"{path}.{at}".rstrip("."), *rest) for at, *rest in error.errors]
    if faults:
        raise DefinitionError(faults)
    return program


def _trigger_faults(program: Program) -> Iterator[Fault]:
    match program.trigger:
        case SegmentTrigger(key):
            live = Segment.objects.filter(status=Segment.Status.LIVE)
            if not live.filter(key=key).exists():
                yield Fault("trigger.segment", "unknown", "No live segment has this key.")
        case ListTrigger(key):
            yield from _list_faults(key, "trigger.list")
        case DateTrigger(key):
            yield from _date_faults(key)


def _date_faults(key: str) -> Iterator[Fault]:
    dates = TraitDefinition.objects.filter(type=TraitDefinition.Type.DATE)
    keys = list(dates.values_list("key", flat=True))
    if key not in keys:
        detail = f"No trait that is a date has this key.{nearest(key, keys)}"
        yield Fault("trigger.trait", "unknown", detail)


def _step_faults(program: Program) -> Iterator[Fault]:
    for step in program.steps.values():
        match step:
            case AddToList(path, _, key) | TakeOffList(path, _, key):
                yield from _list_faults(key, f"{path}.list")
            case SetTrait(path, _, key):
                if load_categories().of(key) != Category.ORDINARY:
                    detail = "Automations state no contact and no special data."
                    yield Fault(f"{path}.key", "refused", detail)
            case GiveCode(path, _, key):
                if not CodePool.objects.filter(key=key).exists():
                    yield Fault(f"{path}.pool", "unknown", "No pool of codes has this key.")
            case Mail(path, _, _, template) if template:
                if not MailTemplate.objects.filter(key=template).exists():
                    yield Fault(f"{path}.template", "unknown", nearest_key(template))
            case HandOver(path, _, pk) | TakeBack(path, _, pk):
                if not Destination.objects.filter(pk=pk).exists():
                    detail = "No destination has this id."
                    yield Fault(f"{path}.destination", "unknown", detail)
            case Call(path, _, pk):
                webhook = Webhook.objects.filter(pk=pk).first()
                if webhook is None or WebhookEvent.AUTOMATION_REACHED not in webhook.events:
                    detail = "No webhook that hears of automation.reached has this id."
                    yield Fault(f"{path}.webhook", "unknown", detail)


def _list_faults(key: str, path: str) -> Iterator[Fault]:
    if not StaticList.objects.filter(key=key).exists():
        yield Fault(path, "unknown", "No list has this key.")


def condition_trees(value: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the conditions on people inside a definition, each with its path."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from condition_trees(each, f"{path}[{place}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            here = f"{path}.{name}".lstrip(".")
            if name in ("test", "exit") and isinstance(each, dict):
                yield here, each
            elif name in ("steps", "then", "else", "branches"):
                yield from condition_trees(each, here)


def segment_keys(definition: Any) -> list[str]:
    """Return the key of the segment whose members start, where a definition names one."""
    trigger = definition.get("trigger") if isinstance(definition, dict) else None
    key = trigger.get("segment") if isinstance(trigger, dict) else None
    return [key] if isinstance(key, str) else []


def date_trees(definition: Any) -> list[Mapping[str, Any]]:
    """Return the trait whose date starts, as a condition, where a definition names one."""
    trigger = definition.get("trigger") if isinstance(definition, dict) else None
    key = trigger.get("trait") if isinstance(trigger, dict) else None
    return [{"type": "trait", "key": key, "operator": "exists"}] if isinstance(key, str) else []
