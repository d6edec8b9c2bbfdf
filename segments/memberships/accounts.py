"""Members of a segment by the accounts that they belong to.

Invariant: accounts lie on one machine and members with their people, so that no query joins the
two: ids first, rows after.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet

from profiles.models import Account, AccountMember
from segments.models import Membership


class AccountOfMembers(NamedTuple):
    """An account, and how many members of a segment count as members of it."""

    account: Account
    people: int


def account_ids_of(members: QuerySet[Membership]) -> QuerySet[AccountMember, Any]:
    """Return a row with `account_id`, `everybody` and `vouched` for each account of the members."""
    of_segment = AccountMember.objects.filter(profile_id__in=members.values("profile_id"))
    return of_segment.values("account_id").annotate(
        everybody=Count("profile_id", distinct=True),
        vouched=Count("profile_id", distinct=True, filter=Q(is_vouched=True)),
    )


def accounts_of_members(rows: Sequence[dict[str, Any]]) -> list[AccountOfMembers]:
    """Return the accounts of some of these rows. By claim nobody counts in a vouched one."""
    accounts = Account.objects.in_bulk([row["account_id"] for row in rows])
    counted = [
        AccountOfMembers(account, row["vouched" if account.is_vouched else "everybody"])
        for row in rows
        if (account := accounts.get(row["account_id"]))
    ]
    return [each for each in counted if each.people]
