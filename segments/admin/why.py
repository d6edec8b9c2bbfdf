"""The reasons for a membership as a tree that people read.

Invariant: evidence passes the mask of whoever looks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from profiles.admin.kit.masks import Mask
from profiles.admin.profile.page import readable
from segments.admin.forms import with_type_first

GROUPS = {"and": "all of", "or": "any of", "not": "not", "at_least": "at least"}
PLAIN = ("key", "name", "operator", "value")
SAID_ELSEWHERE = ("type", "children", "child", "holds", "evidence")


@dataclass(frozen=True, slots=True)
class Branch:
    """One node: what it asks, whether that holds, what was found, and what is below it."""

    title: str
    holds: bool
    evidence: str
    below: tuple["Branch", ...]


def branch_of(node: Mapping[str, Any], mask: Mask) -> Branch:
    """The tree of `why`, in words."""
    below = node.get("children") or ([node["child"]] if "child" in node else [])
    return Branch(
        _title(node),
        bool(node["holds"]),
        "" if below else _evidence(node, mask),
        tuple(branch_of(inner, mask) for inner in below),
    )


def _title(node: Mapping[str, Any]) -> str:
    kind = str(node["type"])
    if kind in GROUPS:
        return f"{GROUPS[kind]} {node['count']} of" if kind == "at_least" else GROUPS[kind]
    words = [
        readable(value) if name in PLAIN else f"{name} {readable(value)}"
        for name, value in with_type_first(node).items()
        if name not in SAID_ELSEWHERE
    ]
    return f"{kind}: {' '.join(words)}"


def _evidence(node: Mapping[str, Any], mask: Mask) -> str:
    found: Mapping[str, Any] = node.get("evidence") or {}
    key = str(node["key"]) if node["type"] == "trait" else ""
    shown = {
        name: mask.trait(key, value) if key else mask.tree(value) for name, value in found.items()
    }
    return readable(shown) if shown else "nothing found"
