"""A definition tried out before it is saved: how many and who, and what changes against the saved version.

Invariant: nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from profiles.lib import exact_json
from segments.language.operands import DefinitionError, Fault
from segments.models import Segment
from segments.services import Preview, preview


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """Either faults, or what came out; `entering` and `leaving` are None where there is nothing saved to compare with."""

    faults: list[Fault] = field(default_factory=list)
    found: Preview | None = None
    entering: Preview | None = None
    leaving: Preview | None = None

    @property
    def sample(self) -> tuple[UUID, ...]:
        return self.found.sample if self.found else ()


def preview_text(text: str, segment: Segment | None) -> PreviewResult:
    """Preview the definition that the text spells, as the next one of the segment."""
    try:
        definition: Any = exact_json.loads(text or "null")
    except ValueError as fault:
        return PreviewResult(faults=[Fault("", "json", f"This is not JSON: {fault}.")])
    key = segment.key if segment else ""
    try:
        found = preview(definition, key=key)
    except DefinitionError as error:
        return PreviewResult(faults=error.errors)
    if segment is None or definition == segment.definition:
        return PreviewResult(found=found)
    return PreviewResult(
        found=found,
        entering=difference(definition, segment.definition, key),
        leaving=difference(segment.definition, definition, key),
    )


def difference(wanted: Mapping[str, Any], unwanted: Mapping[str, Any], key: str) -> Preview | None:
    """Those in one and not in the other; None where both together are larger than a definition may be."""
    both = {"type": "and", "children": [wanted, {"type": "not", "child": unwanted}]}
    try:
        return preview(both, key=key)
    except DefinitionError:
        return None
