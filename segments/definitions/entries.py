"""Asking at an instant in the past who had entered a segment lately.

The history of a segment begins with its first build: what was before, nobody knows.
"""

from datetime import datetime

from django.db.models import Min

from segments.compiler import Context, expanded_leaves
from segments.language.nodes import Node, SegmentLeaf
from segments.lib.moments import MomentError
from segments.models import Segment, SegmentSize


def refuse_before_first_build(node: Node, context: Context, at: datetime | None) -> None:
    """Raise MomentError if a definition asks for entries into a segment before its first build."""
    if at is None:
        return
    keys = {
        leaf.key
        for leaf in expanded_leaves(node, context)
        if isinstance(leaf, SegmentLeaf) and leaf.entered_within is not None
    }
    sizes = SegmentSize.objects.filter(segment__status=Segment.Status.LIVE, segment__key__in=keys)
    first_built = dict(sizes.values_list("segment__key").annotate(Min("measured_at")))
    for key in sorted(keys):
        if key not in first_built or at < first_built[key]:
            earliest = (
                f"; the earliest is {first_built[key].isoformat()}" if key in first_built else ""
            )
            raise MomentError(f"Nobody knows who had entered {key} by then{earliest}.")
