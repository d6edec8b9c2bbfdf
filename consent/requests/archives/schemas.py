"""The JSON Schema of the files that a person gets, made from the declarations of personal data."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import reverse

from profiles.models import Party, SourceRecord, SpecialTrait
from profiles.registry import PersonalData, registry

_TEXT, _TIME = {"type": "string"}, {"type": "string", "format": "date-time"}
# The kinds of a field, of which the first that fits is taken.
_TYPES: tuple[tuple[type[Any], Mapping[str, Any]], ...] = (
    (models.DateTimeField, _TIME),
    (models.DateField, {"type": "string", "format": "date"}),
    (models.BooleanField, {"type": "boolean"}),
    (models.UUIDField, {"type": "string", "format": "uuid"}),
    (models.FloatField, {"type": "number"}),
    (models.CharField, _TEXT),
    (models.TextField, _TEXT),
    (ArrayField, {"type": "array"}),
)
_DATED = {
    "type": "object",
    "description": "Each trait with its value, the time that it is of, and whose data it is.",
    "additionalProperties": {
        "type": "object",
        "properties": {"value": {}, "at": _TIME, "party": {"enum": Party.values}},
        "required": ["value", "at", "party"],
    },
}


class SchemaName(StrEnum):
    """The files of an archive that have a schema."""

    DATA = "data"
    PORTABILITY = "portability"


def archive_schema(name: SchemaName) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a file."""
    is_portable = name == SchemaName.PORTABILITY
    head: dict[str, Any] = {"id": {"type": ["string", "null"], "format": "uuid"}}
    if not is_portable:
        head |= {"traits": {"type": "object"}, "consents": {"type": "object"}}
    sections = {data.title: _section(data, is_portable) for data in _shown()}
    person = _closed_object({**head, "sections": _closed_object(sections)})
    profiles = {"type": "array", "items": person}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": settings.PUBLIC_URL.rstrip("/") + reverse("privacy-schema", args=[name.value]),
        "title": f"{name.value}.json of an access archive",
        **_closed_object({"made_at": _TIME, "profiles": profiles}),
    }


def _shown() -> Iterator[PersonalData]:
    return (data for data in registry if data.overrides("read"))


def _section(data: PersonalData, is_portable: bool) -> dict[str, Any]:
    names = data.portable if is_portable else {*data.fields, *data.portable_names}
    properties = {name: _type_of(data, name) for name in sorted(names)}
    row: dict[str, Any] = {"type": "object", "properties": properties}
    if is_portable:
        # Rows of the whole copy have names of what lies beside the model, too.
        row["additionalProperties"] = False
    return {"type": "array", "items": row}


def _type_of(data: PersonalData, name: str) -> Mapping[str, Any]:
    if name == "traits" and data.model in (SourceRecord, SpecialTrait):
        return _DATED
    try:
        field = data.model._meta.get_field(name)
    except FieldDoesNotExist:
        return {}
    for kind, schema in _TYPES:
        if isinstance(field, kind):
            is_optional = getattr(field, "null", False)
            return {**schema, "type": [schema["type"], "null"]} if is_optional else schema
    return {}


def _closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
