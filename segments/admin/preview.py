"""Previews of a definition before it is saved, compared with the saved one.

Invariant: nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from profiles.lib import exact_json
from profiles.services import Category
from segments.admin.forms import SENSITIVE
from segments.definitions.sensitivity import load_sensitivity
from segments.language.operands import DefinitionError, Fault
from segments.models import Segment
from segments.services import Preview, compare, effective_definition, preview, unknown_words


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """Either the faults of a definition or its preview, with the words that stand for nothing.

    `entering` and `leaving` compare it with the definition that the memberships are of. They are
    None if there is none, or if it is the same.
    """

    faults: Sequence[Fault] = ()
    warnings: Sequence[Fault] = ()
    preview: Preview | None = None
    entering: Preview | None = None
    leaving: Preview | None = None

    @property
    def sample(self) -> tuple[UUID, ...]:
        return self.preview.sample if self.preview else ()


def preview_text(text: str, segment: Segment | None, *, may_count_people: bool) -> PreviewResult:
    """Preview a definition in JSON text, as the next one of the segment if there is one."""
    try:
        definition: Any = exact_json.read((text or "null").encode(errors="replace"))
    except ValueError as error:
        return PreviewResult(faults=[Fault("", "json", f"This is not JSON: {error}.")])
    sensitivity = load_sensitivity()
    involved = [definition, *([segment.definition] if segment else [])]
    is_sensitive = any(sensitivity.of(tree) != Category.ORDINARY for tree in involved)
    if is_sensitive and not may_count_people:
        return PreviewResult(faults=[Fault("", "sensitive", SENSITIVE)])
    key = segment.key if segment else ""
    try:
        if segment is None or definition == effective_definition(segment):
            result, entering, leaving = preview(definition, key=key), None, None
        else:
            comparison = compare(segment, definition)
            result, entering, leaving = (
                comparison.preview,
                comparison.entering,
                comparison.leaving,
            )
    except DefinitionError as error:
        return PreviewResult(faults=error.errors)
    return PreviewResult(
        warnings=unknown_words(definition), preview=result, entering=entering, leaving=leaving
    )
