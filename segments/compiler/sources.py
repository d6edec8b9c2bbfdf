"""Compiling leaves about sources: whether one sent anything about a profile, and when.

What it sent is what is stored: events, and the newest value of each trait.
"""

from collections.abc import Iterator, Sequence

from segments.compiler.context import Context
from segments.compiler.dates import add_to_instant
from segments.compiler.fragments import Fragment, all_of, fill, join_fragments
from segments.compiler.windows import window_conditions
from segments.language import nodes
from segments.language.nodes import SourceLeaf

# The id of a source, NULL if there is none.
SOURCE_ID = "(SELECT o.id FROM profiles_source o WHERE o.key = {key}::text)"
# A record is {trait: [value, microseconds since 1970, place]}.
STATED_AT = Fragment(
    "('epoch'::timestamptz + (stated.entry ->> 1)::bigint * interval '1 microsecond')"
)
EVENTS = "SELECT e.profile_id FROM profiles_event e WHERE {checks}"
RECORDS = """SELECT r.profile_id FROM profiles_sourcerecord r
CROSS JOIN LATERAL jsonb_each(r.traits) AS stated (trait, entry) WHERE {checks}"""
LAST_RECORD = """(SELECT max({stated_at}) FROM profiles_sourcerecord r
CROSS JOIN LATERAL jsonb_each(r.traits) AS stated (trait, entry) WHERE {checks})"""


def compile_source(leaf: SourceLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that the source sent something about `p` that is recent enough."""
    template = "(p.id IN ({selects}))"
    return fill(template, selects=join_fragments(" UNION ALL ", _selects(leaf, context, ids)))


def last_sent(leaf: SourceLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return when the source last sent something about these profiles, NULL if it never did."""
    window = SourceLeaf(leaf.key)
    return fill(
        'greatest((SELECT max(e."timestamp") FROM profiles_event e WHERE {checks}), {stated})',
        checks=all_of(_event_checks(window, context, ids)),
        stated=last_record(_record_checks(window, context, ids)),
    )


def _selects(leaf: SourceLeaf, context: Context, ids: Sequence[int] | None) -> Iterator[Fragment]:
    yield fill(EVENTS, checks=all_of(_event_checks(leaf, context, ids)))
    yield fill(RECORDS, checks=all_of(_record_checks(leaf, context, ids)))


def _event_checks(leaf: SourceLeaf, context: Context, ids: Sequence[int] | None) -> list[Fragment]:
    window = None if leaf.seen_within is None else nodes.Last(leaf.seen_within)
    checks = [
        fill("e.source_id = {source}", source=fill(SOURCE_ID, key=leaf.key)),
        *window_conditions(window, context),
    ]
    if ids is not None:
        checks.append(fill("e.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    return checks


def _record_checks(leaf: SourceLeaf, context: Context, ids: Sequence[int] | None) -> list[Fragment]:
    by_source = fill("r.source_id = {source}", source=fill(SOURCE_ID, key=leaf.key))
    return [by_source, *recent_records(leaf.seen_within, context, ids)]


def recent_records(
    within: nodes.Duration | None, context: Context, ids: Sequence[int] | None
) -> list[Fragment]:
    """Return the conditions that a statement is recent enough, and about one of these profiles."""
    checks = [fill("{at} <= {now}::timestamptz", at=STATED_AT, now=context.now)]
    if within is not None:
        leaves_at = add_to_instant(STATED_AT, within, context)
        checks.append(
            fill("{leaves_at} > {now}::timestamptz", leaves_at=leaves_at, now=context.now)
        )
    if ids is not None:
        checks.append(fill("r.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    return checks


def last_record(checks: Sequence[Fragment]) -> Fragment:
    """Return of when the newest statement is that passes the checks, NULL without one."""
    return fill(LAST_RECORD, stated_at=STATED_AT, checks=all_of(checks))
