"""The explanation of a membership: a tree of plain sentences, each with what it rests on.

Invariant: all evidence goes through the user's mask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import readable
from segments.admin.builder.paths import look_up
from segments.definitions.behind import CountedEvent
from segments.language.operands import join_path
from segments.services import Why

# How the quantities of leaves are put into words; `why` names them so.
PHRASES = {
    "count": lambda value: _("%(count)s so far") % {"count": value},
    "sum": lambda value: _("%(sum)s in sum") % {"sum": value},
    "net": lambda value: _("%(net)s net") % {"net": value},
    "avg": lambda value: _("%(value)s on average") % {"value": value},
    "min": lambda value: _("%(value)s at least") % {"value": value},
    "max": lambda value: _("%(value)s at most") % {"value": value},
    "distinct": lambda value: _("%(count)s different ones") % {"count": value},
    "first_at": lambda value: _("first on %(at)s") % {"at": value},
    "last_at": lambda value: _("last on %(at)s") % {"at": value},
    "value": lambda value: _("it is %(value)s") % {"value": value},
    "other": lambda value: _("the other is %(value)s") % {"value": value},
    "entered_at": lambda value: _("since %(at)s") % {"at": value},
    "periods": lambda value: _("in %(count)s of the periods") % {"count": value},
    "identifiers": lambda value: _("%(count)s of them") % {"count": value},
    "percent": lambda value: _("at %(value)s %%") % {"value": value},
    "km": lambda value: _("%(value)s km away") % {"value": value},
    "boundary": lambda value: _("the boundary is %(value)s") % {"value": value},
}


@dataclass(frozen=True, slots=True)
class Branch:
    """One node: its sentence, whether it holds, its evidence, and its children."""

    title: str
    holds: bool
    evidence: str
    events: Sequence[CountedEvent]
    children: tuple["Branch", ...]


@dataclass(frozen=True, slots=True)
class NearlyIn:
    """The one condition that keeps somebody out, and how far they are from it, if it is far."""

    title: str
    by: Any


def make_branch(
    node: Mapping[str, Any],
    mask: Mask,
    events: Mapping[str, Sequence[CountedEvent]],
    path: str = "",
) -> Branch:
    """Return the branch of an annotated definition, as `segments.services.why` returns it.

    What stands alone in a `not` is one branch with it: that it fails is what is wanted.
    """
    if node["type"] == "not" and not _children(node["child"]):
        inner = join_path(path, "child")
        return Branch(
            str(node["words"]),
            bool(node["holds"]),
            _evidence(node["child"], mask),
            events.get(inner, ()),
            (),
        )
    children = _children(node)
    return Branch(
        _title(node) if children else str(node["words"]),
        bool(node["holds"]),
        "" if children else _evidence(node, mask),
        events.get(path, ()),
        tuple(make_branch(child, mask, events, join_path(path, step)) for step, child in children),
    )


def _children(node: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    if "child" in node:
        return [("child", node["child"])]
    return [(f"children[{place}]", child) for place, child in enumerate(node.get("children", ()))]


def _title(node: Mapping[str, Any]) -> str:
    counts = {"holding": node["evidence"]["holding"], "of": node["evidence"]["of"]}
    match node["type"]:
        case "and":
            return _("All of these must hold: %(holding)s of %(of)s do") % counts
        case "or":
            return _("One of these must hold: %(holding)s of %(of)s do") % counts
        case "not":
            return _("This must not hold")
        case _:
            counts["count"] = node["count"]
            return _("At least %(count)s of these must hold: %(holding)s of %(of)s do") % counts


def _evidence(node: Mapping[str, Any], mask: Mask) -> str:
    evidence: Mapping[str, Any] = node.get("evidence") or {}
    trait = str(node["key"]) if node["type"] == "trait" else ""
    masked = {
        name: mask.trait(trait, value) if trait else mask.tree(value)
        for name, value in evidence.items()
    }
    return "; ".join(_phrase(name, value) for name, value in masked.items()) or _(
        "nothing is known"
    )


def _phrase(name: str, value: Any) -> str:
    match name, value:
        case "permitted", bool():
            return _("it is permitted") if value else _("it is not permitted")
        case "member", bool():
            return _("they are in it") if value else _("they are not in it")
    text = _local(value) if name.endswith("_at") else readable(value)
    return PHRASES[name](text) if name in PHRASES else f"{name}: {text}"


def _local(value: Any) -> str:
    moment = parse_datetime(str(value))
    return date_format(localtime(moment), "j M Y H:i") if moment else str(value)


def nearly_in(explanation: Why) -> list[NearlyIn]:
    """Return the conditions each of which alone keeps the person out."""
    nodes = [
        (look_up(explanation.tree, missing.path) if missing.path else explanation.tree, missing.by)
        for missing in explanation.missing
    ]
    return [NearlyIn(str(node["words"]), by) for node, by in nodes]
