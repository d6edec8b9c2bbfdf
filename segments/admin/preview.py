"""Previews of a definition before it is saved, compared with the saved one.

Invariant: nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from profiles.lib import exact_json
from profiles.services import Category
from segments.admin.builder.paths import look_up
from segments.admin.builder.tree import anchor_of
from segments.admin.builder.views import read_definition, sentence_of
from segments.admin.forms import SENSITIVE
from segments.definitions.sensitivity import load_sensitivity
from segments.language.operands import DefinitionError, Fault
from segments.models import Segment
from segments.services import (
    Preview,
    Step,
    compare,
    effective_definition,
    funnel,
    preview,
    unknown_words,
)


@dataclass(frozen=True, slots=True)
class PartCount:
    """A part of the outermost group: its words, where it stands, and its counts."""

    words: str
    anchor: str
    step: Step
    share: float
    is_strongest: bool
    is_idle: bool
    has_order: bool


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """Either the faults of a definition or its preview, with the words that stand for nothing.

    `entering` and `leaving` compare it with the definition that the memberships are of. They are
    None if there is none, or if it is the same. `reach` counts those who permit the purpose, None
    without one. `steps` are the parts of the outermost group.
    """

    faults: Sequence[Fault] = ()
    warnings: Sequence[Fault] = ()
    preview: Preview | None = None
    entering: Preview | None = None
    leaving: Preview | None = None
    reach: Preview | None = None
    steps: Sequence[PartCount] = ()

    @property
    def sample(self) -> tuple[UUID, ...]:
        return self.preview.sample if self.preview else ()


@dataclass(frozen=True, slots=True)
class DecidingPart:
    """A condition that only one of two definitions has, and how many it alone moves."""

    words: str
    is_new: bool
    entering: int | None
    leaving: int | None


def deciding_parts(
    text: str, segment: Segment, *, may_count_people: bool
) -> list[DecidingPart] | None:
    """Return which conditions let people enter and leave; None where that cannot be told."""
    definition, present = read_definition(text), effective_definition(segment)
    sensitivity = load_sensitivity()
    is_sensitive = any(sensitivity.of(tree) != Category.ORDINARY for tree in (definition, present))
    if definition is None or (is_sensitive and not may_count_people):
        return None
    try:
        leaves = compare(segment, definition, with_leaves=True).leaves
    except DefinitionError:
        return None
    return [
        DecidingPart(
            sentence_of(look_up(definition if leaf.is_new else present, leaf.path)),
            leaf.is_new,
            leaf.entering,
            leaf.leaving,
        )
        for leaf in leaves
    ]


def preview_text(
    text: str, segment: Segment | None, *, may_count_people: bool, purpose: str = ""
) -> PreviewResult:
    """Preview a definition in JSON text, as the next one of the segment if there is one."""
    try:
        definition: Any = exact_json.read((text or "null").encode(errors="replace"))
    except ValueError as error:
        return PreviewResult(
            faults=[Fault("", "json", _("This is not JSON: %(fault)s.") % {"fault": error})]
        )
    sensitivity = load_sensitivity()
    involved = [definition, *([segment.definition] if segment else [])]
    is_sensitive = any(sensitivity.of(tree) != Category.ORDINARY for tree in involved)
    if is_sensitive and not may_count_people:
        return PreviewResult(faults=[Fault("", "sensitive", str(SENSITIVE))])
    return _preview(definition, segment, purpose)


def _preview(definition: Any, segment: Segment | None, purpose: str) -> PreviewResult:
    key = segment.key if segment else ""
    entering = leaving = reach = None
    try:
        if segment is None or definition == effective_definition(segment):
            result = preview(definition, key=key)
        else:
            comparison = compare(segment, definition)
            result = comparison.preview
            entering, leaving = comparison.entering, comparison.leaving
        if purpose:
            permits = {"type": "consent", "purpose": purpose, "permitted": True}
            reach = preview({"type": "and", "children": [definition, permits]}, key=key)
        steps = part_counts(definition, funnel(definition, key=key))
    except DefinitionError as error:
        return PreviewResult(faults=error.errors)
    warnings = unknown_words(definition)
    return PreviewResult((), warnings, result, entering, leaving, reach, steps)


def part_counts(definition: Any, steps: Sequence[Step]) -> list[PartCount]:
    """Put each step of a funnel into words, and say which keeps most out, and which nobody."""
    if not steps:
        return []
    has_order = definition["type"] == "and"
    most = max(step.kept_out for step in steps)
    largest = max(step.alone for step in steps) or 1
    return [
        PartCount(
            words=sentence_of(child),
            anchor=anchor_of(f"children[{place}]", "n"),
            step=step,
            share=round(100 * (step.left if has_order else step.alone) / largest, 1),
            is_strongest=has_order and len(steps) > 1 and 0 < step.kept_out == most,
            is_idle=has_order and len(steps) > 1 and step.kept_out == 0,
            has_order=has_order,
        )
        for place, (child, step) in enumerate(zip(definition["children"], steps, strict=True))
    ]
