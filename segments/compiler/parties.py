"""Compiling leaves about whose data the traits of a profile are."""

from collections.abc import Sequence

from segments.compiler.context import Context
from segments.compiler.fragments import Fragment, all_of, fill
from segments.compiler.sources import RECORDS, last_record, recent_records
from segments.language.nodes import Party, StatedLeaf

# A trait that says a party of its own has that one, whichever source states it.
OF_PARTY = """(CASE WHEN stated.trait = ANY({own}::text[]) THEN stated.trait = ANY({theirs}::text[])
ELSE {by_source} END)"""


def compile_stated(leaf: StatedLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that data of the party state the trait of `p`, recently enough."""
    records = fill(RECORDS, checks=all_of(_checks(leaf, context, ids)))
    return fill("(p.id IN ({records}))", records=records)


def last_stated(leaf: StatedLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return of when the newest such statement about these profiles is, NULL without one."""
    return last_record(_checks(StatedLeaf(leaf.party, leaf.key), context, ids))


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


def _checks(leaf: StatedLeaf, context: Context, ids: Sequence[int] | None) -> list[Fragment]:
    return [*party_checks(leaf, context), *recent_records(leaf.stated_within, context, ids)]
