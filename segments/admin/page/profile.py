"""The tab Profile: what members are like, beside everybody else.

Invariant: only ordinary traits are counted, and for staff who may not see contact data only those
that somebody reviewed. A value that few people share is not shown.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from profiles.admin.kit.charts import Bar, bars
from profiles.admin.kit.masks import Mask
from profiles.models import TraitDefinition
from profiles.services import Category, load_categories
from segments.language import nodes
from segments.language.parser import readable_leaves
from segments.memberships.contrast import Contrast
from segments.memberships.sampled import (
    DID,
    SHARED_BY,
    contrast_of,
    event_counts,
    trait_values,
)
from segments.memberships.spread import spread_of
from segments.models import Segment
from segments.services import effective_definition

MAX_SHOWN = 15  # of those more, and of those less frequent
MAX_SPREADS = 8


class ContrastRow(NamedTuple):
    """A value with its shares in percent, and how sure it is that they differ."""

    subject: str
    value: str
    member_percent: float
    other_percent: float
    times: float | None
    certainty: str


class Spread(NamedTuple):
    """The spread of one trait or event that the definition asks for."""

    title: str
    drawing: Any
    bars: list[Any]


def load_profile(segment: Segment, mask: Mask) -> dict[str, Any]:
    """Return the contents of the tab. Takes five queries, and one for each spread."""
    categories = load_categories()
    definitions = {row.key: row for row in TraitDefinition.objects.order_by("key")}
    keys = [
        key
        for key in definitions
        if categories.of(key) == Category.ORDINARY and (mask.is_open or categories.is_shown(key))
    ]
    counted = contrast_of(segment, keys)
    labels = {key: str(row) for key, row in definitions.items()}
    contrasts = counted.contrasts if counted else []
    # A value of an ordinary trait may reveal somebody all the same.
    harmless = [
        each for each in contrasts if "@" not in each.value and mask.tree(each.value) == each.value
    ]
    return {
        "counted": counted,
        "over": [_row(each, labels) for each in harmless if each.difference > 0][:MAX_SHOWN],
        "under": [_row(each, labels) for each in harmless if each.difference < 0][:MAX_SHOWN],
        "spreads": list(_spreads(segment, set(keys), labels)),
        "shared_by": SHARED_BY,
    }


def _row(contrast: Contrast, labels: dict[str, str]) -> ContrastRow:
    is_event = contrast.key == DID
    return ContrastRow(
        _("did") if is_event else labels.get(contrast.key, contrast.key),
        _readable(contrast.value) if not is_event else contrast.value,
        round(100 * contrast.member_share, 1),
        round(100 * contrast.other_share, 1),
        contrast.times,
        _certainty(contrast.chance),
    )


def _readable(value: str) -> str:
    return {"true": _("yes"), "false": _("no")}.get(value, value)


def _certainty(chance: float) -> str:
    limits = (0.000_001, 0.001, 0.01)
    limit = next((limit for limit in limits if chance < limit), None)
    return f"p = {chance:.2g}" if limit is None else f"p < {limit:f}".rstrip("0")


def _spreads(segment: Segment, keys: set[str], labels: dict[str, str]) -> Iterator[Spread]:
    """Yield the spread of each trait and event that the definition asks for, once."""
    leaves = dict.fromkeys(
        subject
        for _path, leaf in readable_leaves(effective_definition(segment))
        if (subject := _subject(leaf)) is not None
    )
    for kind, name in list(leaves)[:MAX_SPREADS]:
        if kind == "trait":
            values = trait_values(segment, name) if name in keys else None
            title = labels.get(name, name)
        else:
            values, title = (
                event_counts(segment, name, kind),
                _("%(event)s, times") % {"event": name},
            )
        spread = spread_of(values or [], shared_by=SHARED_BY)
        if spread:
            drawn = bars([Bar(bar.label, bar.people) for bar in spread], title=title)
            yield Spread(title, drawn, spread)


def _subject(leaf: Any) -> tuple[str, str] | None:
    """Return the kind and the name of what a leaf asks for, None where nothing can be spread."""
    match leaf:
        case nodes.TraitLeaf(key=(name,)):
            return "trait", name
        case nodes.EventLeaf(name=name, kind=kind) if name != "*" and "@" not in name:
            return str(kind or nodes.Kind.TRACK), name
        case _:
            return None
