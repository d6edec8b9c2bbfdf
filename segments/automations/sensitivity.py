"""Whether an automation tells by its numbers what few may see."""

from typing import Any

from profiles.services import Category
from segments.automations.checks import condition_trees, date_trees, segment_keys
from segments.definitions.sensitivity import load_sensitivity
from segments.models import Segment


def is_sensitive_automation(definition: Any) -> bool:
    """Whether a condition, or the segment that starts it, asks for contact or special data."""
    sensitivity = load_sensitivity()
    trees = [tree for _, tree in condition_trees(definition)]
    trees += date_trees(definition)
    if any(sensitivity.of(tree) != Category.ORDINARY for tree in trees):
        return True
    rows = Segment.objects.filter(key__in=segment_keys(definition))
    return any(map(sensitivity.is_sensitive, rows.exclude(status=Segment.Status.ARCHIVED)))
