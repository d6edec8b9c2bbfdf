"""Whether an automation tells by its numbers what few may see, or sends what names people."""

from typing import Any

from profiles.services import Category
from segments.automations.checks import condition_trees, date_trees, segment_keys
from segments.definitions.sensitivity import load_sensitivity
from segments.models import Segment


def names_destination(definition: Any) -> bool:
    """Whether a step, wherever it stands, hands people to a destination or takes them out."""
    if isinstance(definition, list):
        return any(map(names_destination, definition))
    if not isinstance(definition, dict):
        return False
    is_step = definition.get("type") == "destination"
    return is_step or any(map(names_destination, definition.values()))


def is_sensitive_automation(definition: Any) -> bool:
    """Whether a condition, or the segment that starts it, asks for contact or special data."""
    sensitivity = load_sensitivity()
    trees = [tree for _, tree in condition_trees(definition)]
    trees += date_trees(definition)
    if any(sensitivity.of(tree) != Category.ORDINARY for tree in trees):
        return True
    rows = Segment.objects.filter(key__in=segment_keys(definition))
    return any(map(sensitivity.is_sensitive, rows.exclude(status=Segment.Status.ARCHIVED)))
