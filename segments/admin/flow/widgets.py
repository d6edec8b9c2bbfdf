"""The widgets of the fields that conditions do not have: choices, spans of time, texts of mails."""

from collections.abc import Iterator, Mapping
from typing import Any

from segments.admin.builder.labels import CHOICES, label_of
from segments.admin.builder.paths import split_path
from segments.admin.builder.tree import Choices, Field
from segments.admin.flow.labels import LEADS
from segments.automations.readers import UNITS
from segments.language.phrases import Language


def select(path: str, value: Any, words: Mapping[str, Any], *, op: str = "") -> Field:
    choices = [(str(name), label) for name, label in words.items()]
    return Field("select", path, str(value), choices=choices, op=op)


def row_choices(rows: Any, value: Any) -> Choices:
    """Return rows to choose from by their id; what is none of them stays chosen."""
    choices = [(str(row.pk), row.name) for row in rows]
    return choices if str(value) in dict(choices) else [(str(value), "–"), *choices]


def number(path: str, value: Any) -> Field:
    lead = LEADS.get(str(split_path(path)[-1]), "")
    return Field("number", path, value, lead, kind="number")


def span(path: str, value: Any) -> Field:
    unit, count = next(iter(value.items())) if isinstance(value, dict) and value else ("days", 1)
    units = [(name, label_of(CHOICES, name)) for name in UNITS]
    place = f"{path}.{unit}"
    how_many = Field("number", place, count, kind="number")
    return Field("duration", path, parts=[how_many, Field("unit", place, unit, choices=units)])


def mail_texts(path: str, value: Any) -> Iterator[Field]:
    for language, texts in value.items() if isinstance(value, dict) else ():
        holder = texts if isinstance(texts, dict) else {}
        parts = [
            Field(widget, f"{path}.{language}.{name}", holder.get(name, ""), LEADS[name])
            for name, widget in (("subject", "text"), ("text", "area"))
        ]
        made = Field("object", f"{path}.{language}", lead=language.upper(), parts=parts)
        made.is_optional = language != Language.ENGLISH
        yield made
