"""Compiling leaves about what people keep by hand: lists, and overrides of segments."""

from collections.abc import Sequence

from segments.compiler.context import Context
from segments.compiler.fragments import Fragment, all_of, fill
from segments.language.nodes import ListLeaf, OverrideLeaf

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


def compile_override(leaf: OverrideLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that an override of `p` of this kind has begun and not ended."""
    checks = [
        fill("o.segment_id = {segment}::bigint", segment=leaf.segment_id),
        fill("o.kind = {kind}::text", kind="include" if leaf.is_included else "exclude"),
        fill("o.starts_at <= {now}::timestamptz", now=context.now),
        fill("(o.ends_at IS NULL OR o.ends_at > {now}::timestamptz)", now=context.now),
    ]
    if ids is not None:
        checks.append(fill("o.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    template = "(p.id IN (SELECT o.profile_id FROM segments_override o WHERE {checks}))"
    return fill(template, checks=all_of(checks))
