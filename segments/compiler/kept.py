"""Compiling leaves about what people keep by hand: lists."""

from collections.abc import Sequence

from segments.compiler.fragments import Fragment, all_of, fill
from segments.language.nodes import ListLeaf

# The id of a list, NULL if there is none.
LIST_ID = "(SELECT l.id FROM segments_staticlist l WHERE l.key = {key}::text)"


def compile_list(leaf: ListLeaf, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that `p` is on the list."""
    template = "(p.id IN (SELECT r.profile_id FROM segments_listedperson r WHERE {checks}))"
    return fill(template, checks=_list_checks(leaf, ids))


def listed_at(leaf: ListLeaf, ids: Sequence[int]) -> Fragment:
    """Return since when the profile with the ids is on the list, NULL if it is not."""
    template = "(SELECT min(r.added_at) FROM segments_listedperson r WHERE {checks})"
    return fill(template, checks=_list_checks(leaf, ids))


def _list_checks(leaf: ListLeaf, ids: Sequence[int] | None) -> Fragment:
    checks = [fill("r.list_id = {list}", list=fill(LIST_ID, key=leaf.key))]
    if ids is not None:
        checks.append(fill("r.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    return all_of(checks)
