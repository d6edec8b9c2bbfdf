"""Compiling leaves about accounts.

A member counts who is vouched exactly as the account is: of a vouched one, members by claim do not,
and of one that is only claimed, all members are claimed. Accounts and members lie on different
machines of a cluster: neither is joined with the other.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from segments.compiler.context import Context
from segments.compiler.fragments import TRUE, Fragment, all_of, fill, join_fragments, negate
from segments.compiler.where import ACCOUNT, compile_where, where_edges
from segments.language.nodes import AccountLeaf, Match, Where

MEMBERS = """SELECT m.profile_id FROM profiles_accountmember m WHERE {checks}"""
# Beside the id of an account, whether its members must be vouched.
FITTING = """(m.account_id, m.is_vouched) IN (
    SELECT a.id, a.is_vouched FROM profiles_account a WHERE {checks})"""
# The accounts of a few people, so that not all accounts are read.
THEIR_ACCOUNTS = """a.id IN (
    SELECT o.account_id FROM profiles_accountmember o WHERE o.profile_id = ANY({ids}::bigint[]))"""
BY_ACCOUNTS = """SELECT m.profile_id, dated.at FROM profiles_accountmember m JOIN (
    SELECT a.id, edge.at FROM profiles_account a CROSS JOIN LATERAL ({edges}) AS edge (at)
    WHERE {account_checks}) AS dated ON dated.id = m.account_id WHERE {checks}"""


def compile_account(leaf: AccountLeaf, context: Context, ids: Sequence[int] | None) -> Fragment:
    """Return the condition that as many accounts of `p` fit as the leaf asks."""
    fits = TRUE if leaf.where is None else compile_where(leaf.where, context, ACCOUNT)
    match leaf.match:
        case Match.ANY:
            return _is_in_one(fits, ids)
        case Match.NONE:
            return negate(_is_in_one(fits, ids))
        case Match.ALL:
            return all_of([_is_in_one(TRUE, ids), negate(_is_in_one(negate(fits), ids))])


def count_accounts(leaf: AccountLeaf, context: Context, ids: Sequence[int]) -> Fragment:
    """Return how many accounts of the profile with the ids fit."""
    fits = TRUE if leaf.where is None else compile_where(leaf.where, context, ACCOUNT)
    return fill(
        "(SELECT count(DISTINCT m.account_id) FROM profiles_accountmember m WHERE {checks})",
        checks=all_of(_member_checks(fits, ids)),
    )


def select_account_dates(
    where: Where,
    since: datetime,
    context: Context,
    edge_checks: Fragment,
    ids: Sequence[int] | None,
) -> Iterator[Fragment]:
    """Yield a SELECT of the members of accounts with a date that comes to its edge.

    `edge_checks` is the condition that `edge.at` is an instant that matters.
    """
    edges = list(where_edges(where, since, context, ACCOUNT))
    if not edges:
        return
    checks, account_checks = [TRUE], [edge_checks]
    if ids is not None:
        checks = [fill("m.profile_id = ANY({ids}::bigint[])", ids=list(ids))]
        account_checks.append(fill(THEIR_ACCOUNTS, ids=list(ids)))
    yield fill(
        BY_ACCOUNTS,
        edges=join_fragments(" UNION ALL ", edges),
        account_checks=all_of(account_checks),
        checks=all_of(checks),
    )


def _is_in_one(fits: Fragment, ids: Sequence[int] | None) -> Fragment:
    members = fill(MEMBERS, checks=all_of(_member_checks(fits, ids)))
    return fill("(p.id IN ({members}))", members=members)


def _member_checks(fits: Fragment, ids: Sequence[int] | None) -> list[Fragment]:
    if ids is None:
        return [fill(FITTING, checks=fits)]
    theirs = fill(THEIR_ACCOUNTS, ids=list(ids))
    return [
        fill("m.profile_id = ANY({ids}::bigint[])", ids=list(ids)),
        fill(FITTING, checks=all_of([theirs, fits])),
    ]
