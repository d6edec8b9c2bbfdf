"""What the builder of automations shows, suggests and tells of a definition. Nothing is written."""

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from segments import services
from segments.admin.automation_outline import outline, rules_words, trigger_words
from segments.admin.builder import suggestions
from segments.admin.builder.operations import Change, Operation
from segments.admin.builder.paths import look_up, parent_of
from segments.admin.builder.suggestions import Search, Suggestion
from segments.admin.builder.tree import anchor_of
from segments.admin.builder.views import read_definition
from segments.admin.flow.cards import Flow
from segments.admin.flow.operations import apply
from segments.admin.flow.outline import make_flow
from segments.admin.flow.places import condition_at
from segments.admin.forms import SENSITIVE, formatted_definition
from segments.automations.checks import check_automation
from segments.language.operands import DefinitionError, Fault
from segments.models import CodePool, MailTemplate

EMPTY: dict[str, Any] = {"trigger": {"type": "event", "name": ""}, "steps": []}
# As which field of which leaf a segment asks for what these fields name.
LEAVES = {
    "segment": ("segment", "key"),
    "list": ("list", "key"),
    "trait": ("trait", "key"),
    "key": ("trait", "key"),
    "name": ("event", "name"),
    "same": ("event", "property"),
}
MODELS: dict[str, Any] = {"template": MailTemplate, "pool": CodePool}


@dataclass(frozen=True, slots=True)
class Built:
    """What the builder shows of an automation."""

    text: str
    flow: Flow
    change: Change

    @property
    def focus(self) -> str:
        return anchor_of(self.change.focus, "n")


def build(text: str, operation: Operation) -> Built:
    """Return what the builder shows of a definition after an operation."""
    definition = read_definition(text)
    if definition is None:
        fault = Fault("", "json", _("This is not a definition in JSON; nothing was changed."))
        return Built(text, make_flow(EMPTY, [fault]), Change(EMPTY))
    change = apply(definition, operation)
    faults = faults_of(change.definition)
    return Built(
        formatted_definition(change.definition), make_flow(change.definition, faults), change
    )


def faults_of(definition: Any) -> list[Fault]:
    """Return what keeps a definition from being published."""
    try:
        check_automation(definition)
    except DefinitionError as error:
        return list(error.errors)
    return []


def suggest(search: Search) -> list[Suggestion]:
    """Return what the store has for a field of an automation."""
    condition = condition_at(search.path)
    if condition is not None:
        try:
            inner = condition.of(search.definition)
        except LookupError:
            return []
        path = condition.inside(search.path)
        return suggestions.suggest(replace(search, definition=inner, path=path)) if path else []
    field = search.field
    if search.path == "property":
        # Of a computed trait, whose definition is that of an event.
        leaf = {**search.definition, "type": "event"}
        return suggestions.suggest(replace(search, definition=leaf))
    if field in MODELS:
        rows = MODELS[field].objects.filter(
            Q(key__icontains=search.query) | Q(name__icontains=search.query)
        )
        return [Suggestion(row.key, row.name) for row in rows.order_by("key")[: suggestions.LIMIT]]
    if field not in LEAVES:
        return []
    kind, name = LEAVES[field]
    leaf = {"type": kind, name: "", "name": _event_at(search)}
    return suggestions.suggest(Search(leaf, name, search.query, search.mask))


def _event_at(search: Search) -> str:
    """Return the name of the event that a step waits for, whose properties are suggested."""
    step = look_up(search.definition, parent_of(search.path)[0])
    event = step.get("event") if isinstance(step, dict) else None
    return str(event.get("name", "")) if isinstance(event, dict) else ""


def tell(definition: Any, *, may_see: bool) -> dict[str, Any]:
    """Return the context in which an automation is told in words, with what it still lacks."""
    faults = faults_of(definition)
    try:
        program = services.parse_automation(definition)
    except DefinitionError:
        return {"faults": faults}
    if not may_see and services.is_sensitive_automation(definition):
        return {"faults": [Fault("", "sensitive", str(SENSITIVE))]}
    return {
        "faults": faults,
        "trigger": trigger_words(program.trigger),
        "rows": outline(definition, program, {}),
        "rules": rules_words(program),
    }
