"""The explanation of a membership as a tree of texts.

Invariant: all evidence goes through the user's mask.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from profiles.admin.kit.masks import Mask
from profiles.admin.kit.people import readable
from segments.admin.forms import sort_fields

GROUPS = {"and": "all of", "or": "any of", "not": "not", "at_least": "at least"}
# Fields whose values are understood without their names.
UNNAMED_FIELDS = ("key", "name", "operator", "value")
# Fields that are shown elsewhere.
OMITTED_FIELDS = ("type", "children", "child", "holds", "evidence", "words")


@dataclass(frozen=True, slots=True)
class Branch:
    """One node: its text, whether it holds, its evidence, and its children."""

    title: str
    holds: bool
    evidence: str
    children: tuple["Branch", ...]


def make_branch(node: Mapping[str, Any], mask: Mask) -> Branch:
    """Return the branch of an annotated definition, as `segments.services.why` returns it."""
    children = node.get("children") or ([node["child"]] if "child" in node else [])
    return Branch(
        _title(node),
        bool(node["holds"]),
        "" if children else _evidence(node, mask),
        tuple(make_branch(child, mask) for child in children),
    )


def _title(node: Mapping[str, Any]) -> str:
    kind = str(node["type"])
    if kind in GROUPS:
        return f"{GROUPS[kind]} {node['count']} of" if kind == "at_least" else GROUPS[kind]
    words = [
        readable(value) if name in UNNAMED_FIELDS else f"{name} {readable(value)}"
        for name, value in sort_fields(node).items()
        if name not in OMITTED_FIELDS
    ]
    return f"{kind}: {' '.join(words)}"


def _evidence(node: Mapping[str, Any], mask: Mask) -> str:
    evidence: Mapping[str, Any] = node.get("evidence") or {}
    trait = str(node["key"]) if node["type"] == "trait" else ""
    masked = {
        name: mask.trait(trait, value) if trait else mask.tree(value)
        for name, value in evidence.items()
    }
    return readable(masked) if masked else "nothing found"
