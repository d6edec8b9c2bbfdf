"""Templates: definitions to start from, what each needs of the store, and whether it is there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from consent.models import Purpose
from profiles.models import EventName, TraitDefinition
from segments.language import nodes
from segments.language.filters import event_filters
from segments.language.parser import parse, readable_leaves
from segments.language.phrases import language_of
from segments.language.words import describe

FILE = Path(__file__).with_name("templates.yaml")
KINDS: Mapping[str, Any] = {
    "demographic": _("demographic"),
    "geographic": _("geographic"),
    "psychographic": _("psychographic"),
    "behavioural": _("behavioural"),
    "transactional": _("transactional"),
    "life-cycle": _("life-cycle"),
    "product use": _("product use"),
    "technographic": _("technographic"),
    "intention": _("intention"),
    "contextual": _("contextual"),
    "channel": _("preferred channel"),
    "value": _("value"),
}


class Need(NamedTuple):
    """Something that a template names, and whether the store has it."""

    kind: Any
    name: str
    is_there: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A definition to start from, in the user's language."""

    key: str
    kind: str
    name: str
    sentence: str
    definition: Mapping[str, Any]
    needs: tuple[Need, ...] = ()

    @property
    def kind_label(self) -> Any:
        return KINDS[self.kind]

    @property
    def is_ready(self) -> bool:
        return all(need.is_there for need in self.needs)


@cache
def entries() -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of the file by key."""
    return {entry["key"]: entry for entry in yaml.safe_load(FILE.read_text())}


def find_template(key: str) -> Template | None:
    entry = entries().get(key)
    return None if entry is None else _template(entry, ())


def find_templates(query: str = "", kind: str = "") -> list[Template]:
    """Return the templates with all words of a query, those first that the store is ready for.

    Takes three queries of the database.
    """
    there = {
        "event": set(EventName.objects.values_list("name", flat=True)),
        "trait": set(TraitDefinition.objects.values_list("key", flat=True)),
        "purpose": set(Purpose.objects.values_list("key", flat=True)),
    }
    templates = [
        _template(entry, tuple(_needs(entry["definition"], there)))
        for entry in entries().values()
        if kind in ("", entry["kind"])
    ]
    wanted = query.casefold().split()
    matching = [each for each in templates if all(word in _text_of(each) for word in wanted)]
    return sorted(matching, key=lambda each: not each.is_ready)


def _text_of(template: Template) -> str:
    entry = entries()[template.key]
    words = (entry["en"], entry["fr"], template.kind, str(template.kind_label), template.sentence)
    return " ".join(words).casefold()


def _template(entry: Mapping[str, Any], needs: tuple[Need, ...]) -> Template:
    language = language_of(get_language())
    definition = entry["definition"]
    sentence = describe(parse(definition), language)
    return Template(entry["key"], entry["kind"], entry[language], sentence, definition, needs)


def _needs(definition: Any, there: Mapping[str, set[str]]) -> Iterator[Need]:
    """Yield each event, trait and purpose that a definition names, once."""
    names = dict.fromkeys(
        pair for _path, leaf in readable_leaves(definition) for pair in _named_by(leaf)
    )
    labels = {"event": _("event"), "trait": _("trait"), "purpose": _("purpose")}
    for kind, name in names:
        yield Need(labels[kind], name, name in there[kind])


def _named_by(leaf: Any) -> Iterator[tuple[str, str]]:
    match leaf:
        case nodes.TraitLeaf(key) | nodes.GeoLeaf(key):
            yield "trait", key[0]
        case nodes.StatedLeaf(key=str() as name):
            yield "trait", name
        case nodes.ConsentLeaf(purpose):
            yield "purpose", purpose
        case nodes.EventLeaf() | nodes.RegularLeaf() | nodes.SequenceLeaf():
            for _place, events in event_filters(leaf):
                if events.name != "*":
                    yield "event", events.name
