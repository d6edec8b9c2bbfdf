"""The builder of computed traits: what is computed of which events, without JSON.

It is one card of the builder of automations. Nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from segments.admin.builder.labels import CHOICES
from segments.admin.builder.operations import Change, Operation
from segments.admin.builder.tree import Choices, Field, anchor_of
from segments.admin.builder.views import read_definition
from segments.admin.flow.cards import Card
from segments.admin.flow.labels import LEADS
from segments.admin.flow.operations import apply
from segments.admin.flow.outline import Drawing
from segments.admin.flow.widgets import select
from segments.admin.forms import formatted_definition
from segments.computed.definition import read_quantity
from segments.language.nodes import Aggregate
from segments.language.operands import DefinitionError, Fault
from segments.language.phrases import language_of
from segments.language.words import describe_quantity

EMPTY: dict[str, Any] = {"name": "", "aggregate": "count"}


@dataclass(frozen=True, slots=True)
class BuiltQuantity:
    """What the builder shows of a quantity. `others` are the faults that lie at no field."""

    text: str
    card: Card
    others: Sequence[Fault]
    change: Change

    @property
    def focus(self) -> str:
        return anchor_of(self.change.focus, "n")


def build(text: str, operation: Operation) -> BuiltQuantity:
    """Return what the builder shows of a quantity after an operation."""
    definition = read_definition(text)
    if definition is None:
        fault = Fault("", "json", _("This is not a definition in JSON; nothing was changed."))
        return BuiltQuantity(text, quantity_card(EMPTY), [fault], Change(EMPTY))
    change = apply(definition, operation)
    if not isinstance(change.definition, dict):
        change = Change(definition)
    card = quantity_card(change.definition, faults_of(change.definition))
    return BuiltQuantity(formatted_definition(change.definition), card, [], change)


def quantity_card(definition: Mapping[str, Any], faults: Sequence[Fault] = ()) -> Card:
    """Return what is shown of a computed trait: what is computed of which events."""
    drawing = Drawing(definition, faults)
    words = {**{str(each): CHOICES[each] for each in Aggregate}, "count": _("how many")}
    fields = [select("aggregate", definition.get("aggregate", "count"), words, op="compute")]
    for name, lead in (("property", _("of")), ("name", _("of"))):
        if name in definition:
            value = definition[name]
            fields.append(Field("text", name, value, lead, is_suggested=True))
    extras: Choices = [("where", LEADS["where"])]
    if "where" in definition:
        where = drawing.field("where", definition["where"])
        where.is_optional = True
        fields, extras = [*fields, where], []
    return Card("", "", fields, extras, faults=drawing.open_faults)


def faults_of(definition: Any) -> list[Fault]:
    """Return what keeps a quantity from being saved."""
    try:
        read_quantity(definition)
    except DefinitionError as error:
        return list(error.errors)
    return []


def words_of(definition: object) -> str:
    """Return what is computed, in the language of the reader. Raises DefinitionError."""
    return describe_quantity(read_quantity(definition), language_of(get_language()))


def tell(definition: object) -> dict[str, Any]:
    """Return the context in which a quantity is told in words, with what is wrong with it."""
    faults = faults_of(definition)
    return {"faults": faults, "sentence": "" if faults else words_of(definition)}
