"""Compiling leaves about whose data the traits of a profile are."""

from collections.abc import Sequence

from segments.compiler.context import Context
from segments.compiler.dates import add_to_instant
from segments.compiler.fragments import Fragment, all_of, fill
from segments.compiler.sources import RECORDS, STATED_AT
from segments.language.nodes import Party, StatedLeaf

# A trait that says a party of its own has that one, whichever source states it.
OF_PARTY = """(CASE WHEN stated.trait = ANY({own}::text[]) THEN stated.trait = ANY({theirs}::text[])
ELSE {by_source} END)"""


def compile_stated(leaf: StatedLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that data of the party state the trait of `p`, recently enough."""
    return fill("(p.id IN ({records}))", records=fill(RECORDS, checks=_checks(leaf, context, ids)))


def last_stated(leaf: StatedLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return of when the newest such statement about these profiles is, NULL without one."""
    return fill(
        "(SELECT max({stated_at}) FROM profiles_sourcerecord r"
        " CROSS JOIN LATERAL jsonb_each(r.traits) AS stated (trait, entry) WHERE {checks})",
        stated_at=STATED_AT,
        checks=_checks(StatedLeaf(leaf.party, leaf.key), context, ids),
    )


def party_checks(leaf: StatedLeaf, context: Context) -> list[Fragment]:
    """Return the conditions that a statement is of the party and the trait, and has a value."""
    parties = context.parties
    others = sorted(parties.by_source)
    members = [source for source in others if parties.by_source[source] == leaf.party]
    by_source = (
        fill("r.source_id <> ALL({ids}::bigint[])", ids=others)
        if leaf.party is Party.FIRST
        else fill("r.source_id = ANY({ids}::bigint[])", ids=members)
    )
    own = sorted(parties.by_trait)
    theirs = [trait for trait in own if parties.by_trait[trait] == leaf.party]
    checks = [
        fill(OF_PARTY, own=own, theirs=theirs, by_source=by_source),
        Fragment("jsonb_typeof(stated.entry -> 0) <> 'null'"),
    ]
    if leaf.key is not None:
        checks.append(fill("r.traits ? {key}::text AND stated.trait = {key}::text", key=leaf.key))
    return checks


def _checks(leaf: StatedLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    checks = [
        *party_checks(leaf, context),
        fill("{at} <= {now}::timestamptz", at=STATED_AT, now=context.now),
    ]
    if leaf.stated_within is not None:
        leaves_at = add_to_instant(STATED_AT, leaf.stated_within, context)
        checks.append(
            fill("{leaves_at} > {now}::timestamptz", leaves_at=leaves_at, now=context.now)
        )
    if ids is not None:
        checks.append(fill("r.profile_id = ANY({ids}::bigint[])", ids=list(ids)))
    return all_of(checks)
