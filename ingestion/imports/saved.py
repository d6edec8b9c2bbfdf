"""Mappings that are saved under a name, and those that are proposed."""

from collections.abc import Mapping
from typing import Any

from ingestion.imports.inspect import Inspection
from ingestion.imports.job import known_purposes
from ingestion.imports.mapping import parse_mapping
from ingestion.imports.proposals import propose_mapping
from ingestion.models import FileImport, SavedMapping
from profiles.services import Actor, delete_audited, save_audited


def proposed_mapping(file_import: FileImport, inspection: Inspection) -> dict[str, Any]:
    """Return a mapping that is likely meant, by the names and cells of the columns."""
    return propose_mapping(inspection.columns, known_purposes(file_import.source_id))


def save_mapping(
    key: str, mapping: Mapping[str, Any], *, actor: Actor, reading: Mapping[str, Any] | None = None
) -> SavedMapping:
    """Save a mapping under a name, in place of the one that has it. Raises MappingFaults."""
    parse_mapping(mapping)
    saved = SavedMapping.objects.filter(key=key).first() or SavedMapping(key=key)
    saved.mapping, saved.reading = dict(mapping), dict(reading or {})
    save_audited(saved, actor=actor, noun="import_mapping", key=key)
    return saved


def delete_mapping(saved: SavedMapping, *, actor: Actor) -> None:
    """Delete a saved mapping. Imports that used it have it still."""
    delete_audited(saved, actor=actor, noun="import_mapping", key=saved.key)
