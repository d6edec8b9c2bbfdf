"""Who would enter and leave a segment by another definition. Nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segments.definitions.live import effective_definition
from segments.definitions.previews import Preview, preview
from segments.language.operands import DefinitionError
from segments.models import Segment


@dataclass(frozen=True, slots=True)
class Comparison:
    """A preview of the new definition, and of those who would come and go by it.

    `entering` and `leaving` are None where both definitions together are too large to evaluate.
    """

    preview: Preview
    entering: Preview | None
    leaving: Preview | None


def compare(segment: Segment, definition: Mapping[str, Any]) -> Comparison:
    """Compare a definition with the one that the segment's memberships are of.

    Raises DefinitionError.
    """
    present = effective_definition(segment)
    result = preview(definition, key=segment.key)
    return Comparison(
        result,
        entering=_preview_difference(definition, present, segment.key),
        leaving=_preview_difference(present, definition, segment.key),
    )


def _preview_difference(
    included: Mapping[str, Any], excluded: Mapping[str, Any], key: str
) -> Preview | None:
    """Preview the people who match the first definition and not the second."""
    both = {"type": "and", "children": [included, {"type": "not", "child": excluded}]}
    try:
        return preview(both, key=key)
    except DefinitionError:
        return None
