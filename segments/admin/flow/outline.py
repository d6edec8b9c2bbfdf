"""An automation as what is shown of it: its trigger, its steps with their ways, and its rules.

Invariant: a definition with faults is shown as far as it goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from segments.admin.builder import outline as conditions
from segments.admin.builder.labels import TYPES
from segments.admin.builder.paths import join_steps, split_path
from segments.admin.builder.tree import Choices, Field, Node
from segments.admin.flow.cards import Card, Flow, Way
from segments.admin.flow.forms import MAILS, RULES, STEPS, TRIGGERS, Form
from segments.admin.flow.labels import (
    AGAIN_WORDS,
    ASKS,
    HANDINGS,
    LATER_WAYS,
    LEADS,
    MAIL_FORMS,
    ON_EMPTY,
    REASONS,
    RULE_TITLES,
    WAYS,
)
from segments.admin.flow.places import Condition
from segments.admin.flow.widgets import mail_texts, number, row_choices, select, span
from segments.language.operands import Fault
from segments.language.phrases import Language
from segments.models import Destination, Webhook

SUGGESTED = ("segment", "list", "pool", "template", "name", "same", "trait", "key")
HOURS = ("until", "from")


def make_flow(definition: Mapping[str, Any], faults: Sequence[Fault] = ()) -> Flow:
    """Return what is shown of a definition, with each fault at the innermost place it lies in."""
    drawing = Drawing(definition, faults)
    flow = Flow(
        trigger=drawing.trigger(),
        steps=Way("steps", "", drawing.cards("steps", definition.get("steps"))),
        rules=[drawing.rule(name) for name in RULES if name in definition],
        open_rules=[(name, RULE_TITLES[name]) for name in RULES if name not in definition],
        palette=[(kind, form.title) for kind, form in STEPS.items()],
        others=[],
    )
    by_depth = sorted(flow.walk(), key=lambda card: -len(split_path(card.path)))
    for fault in drawing.open_faults:
        steps = split_path(fault.path)
        paths = ((card, split_path(card.path)) for card in by_depth)
        at = next((card.faults for card, path in paths if steps[: len(path)] == path), flow.others)
        at.append(fault)
    return flow


class Drawing:
    """Makes the cards of one definition; conditions take the faults inside of them."""

    def __init__(self, definition: Mapping[str, Any], faults: Sequence[Fault]) -> None:
        self.definition = definition
        self.open_faults = list(faults)

    def trigger(self) -> Card:
        value = self.definition.get("trigger")
        holder = value if isinstance(value, dict) else {}
        kind = str(holder.get("type", ""))
        choices = [(name, form.title) for name, form in TRIGGERS.items()]
        chosen = Field("select", "trigger", kind, choices=choices, op="become")
        form = TRIGGERS.get(kind)
        return Card(
            "trigger",
            _("Starts when"),
            [chosen, *self.fields(holder, "trigger", form)],
            self.extras(holder, "trigger", form),
        )

    def cards(self, path: str, steps: Any) -> list[Card]:
        items = steps if isinstance(steps, list) else []
        return [self.step(f"{path}[{place}]", step) for place, step in enumerate(items)]

    def step(self, path: str, value: Any) -> Card:
        step = value if isinstance(value, dict) else {}
        kind = str(step.get("type", ""))
        form = STEPS.get(kind)
        card = Card(path, form.title if form else kind, is_removable=True)
        card.fields = [*self.forms(step, path, kind), *self.fields(step, path, form)]
        card.extras = self.extras(step, path, form)
        card.ways = list(self.ways(step, path, kind))
        card.branches = f"{path}.branches" if kind == "split" else ""
        return card

    def ways(self, step: Mapping[str, Any], path: str, kind: str) -> Iterator[Way]:
        words = {"if": WAYS, "wait_event": LATER_WAYS}.get(kind, {})
        for name, label in words.items():
            yield Way(f"{path}.{name}", label, self.cards(f"{path}.{name}", step.get(name)))
        branches = step.get("branches") if kind == "split" else ()
        for place, branch in enumerate(branches if isinstance(branches, list) else ()):
            here = f"{path}.branches[{place}]"
            inner = branch if isinstance(branch, dict) else {}
            percent = number(f"{here}.percent", inner.get("percent", ""))
            yield Way(
                f"{here}.steps",
                "",
                self.cards(f"{here}.steps", inner.get("steps")),
                [percent],
                here if isinstance(branches, list) and len(branches) > 2 else "",
            )

    def rule(self, name: str) -> Card:
        value = self.definition[name]
        match name:
            case "again":
                word = value if value in ("never", "always") else "after"
                chosen = select(name, word, AGAIN_WORDS, op="again")
                fields = [chosen, *([span(name, value)] if word == "after" else [])]
            case "goal":
                fields = [self.event(name, value)]
            case "exit":
                fields = [self.condition(Condition(name, is_event=False), name)]
            case "hold_out":
                fields = [number(name, value)]
            case _:
                holder = value if isinstance(value, dict) else {}
                places = {each: f"{name}.{each}" for each in RULES[name] if each in holder}
                fields = [self.field(place, holder[each]) for each, place in places.items()]
        return Card(name, RULE_TITLES[name], fields, is_removable=True)

    def forms(self, step: Mapping[str, Any], path: str, kind: str) -> Iterator[Field]:
        """Yield the choice between the forms that a step may have."""
        if kind == "mail":
            form = next((name for name in MAILS if name in step), "")
            yield select(path, form, MAIL_FORMS, op="mail_by")
        elif kind == "check":
            yield select(path, step.get("is", "test"), ASKS, op="ask")

    def fields(self, holder: Mapping[str, Any], path: str, form: Form | None) -> Iterator[Field]:
        order = [*form.blank, *form.optional] if form else []
        names = sorted(holder, key=lambda name: order.index(name) if name in order else len(order))
        for name in names:
            if name in ("type", "is", "then", "else", "branches"):
                continue
            if name == "texts":
                yield from mail_texts(f"{path}.texts", holder[name])
                continue
            made = self.field(f"{path}.{name}", holder[name])
            made.is_optional = form is not None and name in form.optional
            # A wait has one of both at least.
            made.is_optional &= name != "for" or "until" in holder
            yield made

    def field(self, path: str, value: Any) -> Field:
        """Return the widget of one field of a step, of the trigger or of a rule, by its name."""
        name = str(split_path(path)[-1])
        made = self._widget(name, path, value)
        made.lead = LEADS.get(path, LEADS.get(name, ""))
        return made

    def _widget(self, name: str, path: str, value: Any) -> Field:
        match name:
            case "test":
                return self.condition(Condition(path, is_event=False), path)
            case "where":
                holder = join_steps(split_path(path)[:-1])
                return self.condition(Condition(holder, is_event=True), path)
            case "event":
                return self.event(path, value)
            case "for" | "at_most":
                return span(path, value)
            case "days" | "most":
                return number(path, value)
            case "yearly":
                return Field("flag", path, value, kind="flag")
            case "empty":
                return select(path, value, ON_EMPTY)
            case "reasons":
                chosen = value if isinstance(value, list) else []
                choices = [(str(each), (label, each in chosen)) for each, label in REASONS.items()]
                return Field("toggles", path, choices=choices)
            case "do":
                return select(path, value, HANDINGS)
            case "destination":
                receivers = Destination.objects.order_by("name")
                return Field("select", path, str(value), choices=row_choices(receivers, value))
            case "webhook":
                rows = Webhook.objects.filter(destination=None).order_by("name")
                return Field("select", path, str(value), choices=row_choices(rows, value))
            case "value" if not isinstance(value, str):
                kind = "flag" if isinstance(value, bool) else "number"
                return Field(kind, path, value, kind=kind, choices=list(TYPES.items()))
            case "value":
                return Field("text", path, value, choices=list(TYPES.items()))
            case _ if name in HOURS:
                return Field("time", path, value)
        return Field("text", path, value, is_suggested=name in SUGGESTED)

    def event(self, path: str, value: Any) -> Field:
        holder = value if isinstance(value, dict) else {}
        parts = [self.field(f"{path}.{name}", inner) for name, inner in holder.items()]
        for part in parts:
            part.is_optional = split_path(part.path)[-1] == "where"
        extras = [] if "where" in holder else [(f"{path}.where", LEADS["where"])]
        return Field("object", path, parts=parts, choices=extras)

    def extras(self, holder: Mapping[str, Any], path: str, form: Form | None) -> Choices:
        names = [name for name in (form.optional if form else ()) if name not in holder]
        extras = [(f"{path}.{name}", LEADS.get(name, name)) for name in names]
        if isinstance(texts := holder.get("texts"), dict):
            missing = [each for each in Language if each not in texts]
            extras += [(f"{path}.texts.{each}", each.upper()) for each in missing]
        return extras

    def condition(self, condition: Condition, path: str) -> Field:
        """Return a condition as the segments' builder shows it, with the faults inside of it."""
        root = split_path(path)
        own = [fault for fault in self.open_faults if split_path(fault.path)[: len(root)] == root]
        self.open_faults = [fault for fault in self.open_faults if fault not in own]
        inside = [Fault(condition.inside(at), code, detail) for at, code, detail in own]
        try:
            whole = conditions.outline(condition.of(self.definition), inside)
        except LookupError:
            # Something else stands there, which the faults say.
            whole = conditions.outline({}, inside)
        node = whole
        if condition.is_event:
            made = next((each.node for each in whole.fields if each.path == "where"), None)
            node = made or whole
        _set_outside(node, condition)
        return Field("tree", path, node=node)


def _set_outside(node: Node, condition: Condition) -> None:
    """Give what lies in a condition its places in the automation."""
    for each in node.walk():
        each.path, each.inside = condition.outside(each.path), condition.outside(each.inside)
        each.domain = condition.outside(each.domain)
        each.extras = [(condition.outside(place), label) for place, label in each.extras]
        for inner in each.fields:
            _set_field_outside(inner, condition)


def _set_field_outside(made: Field, condition: Condition) -> None:
    made.path = condition.outside(made.path)
    if made.widget == "object":
        made.choices = [(condition.outside(place), label) for place, label in made.choices]
    for part in made.parts:
        _set_field_outside(part, condition)
