"""The tab Overlap: which members are in other segments too, and the start of a segment of them.

Invariant: a segment that is hidden from the user cannot be chosen.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import OperationalError
from django.http import QueryDict
from django.utils.translation import gettext as _

from profiles.admin.kit.formatting import number
from profiles.admin.kit.upset import Meeting, Set, upset
from profiles.lib.faults import fault_of
from segments.admin.new_segment import save_url
from segments.memberships.figures import MAX_COMBINATIONS, MAX_OVERLAPPING, Combination
from segments.models import Segment
from segments.services import overlap

MAX_DRAWN = 24  # columns
USUAL_OTHERS = 4


class Pair(NamedTuple):
    """The segment and another one: how many are in both and in either alone, with addresses."""

    other: Segment
    both: int
    only_this: int
    only_that: int
    both_url: str
    only_this_url: str
    only_that_url: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the tab shows. `drawing` is None where counting takes too long."""

    choices: list[Segment]
    chosen: list[Segment]
    drawing: Any = None
    pairs: Sequence[Pair] = ()
    is_cut: bool = False


def load_overlap(
    segment: Segment, query: QueryDict, is_hidden: Callable[[Segment], bool]
) -> Overlap:
    """Return the overlap with the segments that a query names, the largest ones by default."""
    live = Segment.objects.filter(status=Segment.Status.LIVE).order_by("-size", "key")
    choices = [row for row in live.exclude(pk=segment.pk) if not is_hidden(row)]
    keys = set(query.getlist("with"))
    chosen = [row for row in choices if row.key in keys][: MAX_OVERLAPPING - 1]
    if "with" not in query:
        chosen = choices[:USUAL_OTHERS]
    if segment.status != Segment.Status.LIVE:
        return Overlap(choices, chosen)
    try:
        combinations = overlap([segment, *chosen])
    except OperationalError as error:
        fault_of(error)
        return Overlap(choices, chosen)
    return Overlap(
        choices,
        chosen,
        _draw([segment, *chosen], combinations),
        [_pair(segment, other, combinations) for other in chosen],
        is_cut=len(combinations) > MAX_DRAWN or len(combinations) == MAX_COMBINATIONS,
    )


def _draw(segments: Sequence[Segment], combinations: Sequence[Combination]) -> Any:
    names, save = {row.key: row.name for row in segments}, _("Save as a segment")
    meetings = [
        Meeting(
            frozenset(keys),
            size,
            f"{' ∩ '.join(names[key] for key in keys)}: {number(size)}. {save}",
            save_url(keys, names.keys() - set(keys)),
        )
        for keys, size in combinations[:MAX_DRAWN]
    ]
    sets = [Set(row.key, row.name, row.size) for row in segments]
    return upset(sets, meetings, title=_("How many people are in which of these segments"))


def _pair(this: Segment, that: Segment, combinations: Iterable[Combination]) -> Pair:
    sums = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for keys, size in combinations:
        sums[this.key in keys, that.key in keys] += size
    return Pair(
        that,
        sums[True, True],
        sums[True, False],
        sums[False, True],
        save_url([this.key, that.key], []),
        save_url([this.key], [that.key]),
        save_url([that.key], [this.key]),
    )
