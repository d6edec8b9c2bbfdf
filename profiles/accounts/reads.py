"""Reading accounts and their members.

Invariant: accounts lie on one machine and members with their people, so that no query joins the
two: ids first, rows after.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.db.models.aggregates import Min

from profiles.models import Account, AccountMember, AccountRecord, Identifier, Source, TrustLevel
from profiles.registry import Rows


class ProfileAccount(NamedTuple):
    """An account of a person. It `counts` unless a claim alone put them into a vouched account."""

    account: Account
    is_vouched: bool
    counts: bool
    joined_at: datetime


class Origin(NamedTuple):
    """Who gave an account's trait its value, and when."""

    source: str
    trust: str
    said_at: datetime


def counted_members(account: Account) -> QuerySet[AccountMember]:
    """Return the rows of those who count as members, without restricted people.

    Who is a member by claim alone does not count where the account is vouched.
    """
    members = AccountMember.objects.filter(account=account, profile__is_restricted=False)
    return members.filter(is_vouched=True) if account.is_vouched else members


def sizes_of(accounts: Sequence[Account]) -> dict[int, int]:
    """Return how many people count as members of each account, in one query."""
    rows = (
        AccountMember.objects.filter(
            account_id__in=[account.pk for account in accounts], profile__is_restricted=False
        )
        .values("account_id")
        .annotate(
            everybody=Count("profile_id", distinct=True),
            vouched=Count("profile_id", distinct=True, filter=Q(is_vouched=True)),
        )
        .order_by()
    )
    counts = {row["account_id"]: row for row in rows}
    nobody = {"everybody": 0, "vouched": 0}
    return {
        account.pk: counts.get(account.pk, nobody)["vouched" if account.is_vouched else "everybody"]
        for account in accounts
    }


def accounts_of(profile_ids: Sequence[int]) -> Mapping[int, Sequence[ProfileAccount]]:
    """Return the accounts of each profile, those first that it has been in for the longest.

    Takes two queries.
    """
    members = (
        AccountMember.objects.filter(profile_id__in=profile_ids)
        .values("profile_id", "account_id")
        .annotate(since=Min("first_at"), vouched=Count("pk", filter=Q(is_vouched=True)))
        .order_by("since", "account_id")
    )
    rows = list(members) if profile_ids else []
    accounts = Account.objects.in_bulk({row["account_id"] for row in rows})
    by_person: dict[int, list[ProfileAccount]] = defaultdict(list)
    for row in rows:
        if (account := accounts.get(row["account_id"])) is not None:
            is_vouched = row["vouched"] > 0
            counts = is_vouched or not account.is_vouched
            found = ProfileAccount(account, is_vouched, counts, row["since"])
            by_person[row["profile_id"]].append(found)
    return by_person


def portraits_of(profile_ids: Sequence[int]) -> Rows:
    """Return the accounts of each profile as the person sees them and takes them away."""
    return {
        profile_id: [
            {
                "key": each.account.key,
                "traits": each.account.traits,
                "vouched": each.is_vouched,
                "counts": each.counts,
                "joined_at": each.joined_at,
            }
            for each in accounts
        ]
        for profile_id, accounts in accounts_of(profile_ids).items()
    }


def stated_of_accounts(profile_ids: Sequence[int]) -> Rows:
    """Return what the identifiers of each profile stated of accounts."""
    holders: dict[int, int] = dict(
        Identifier.objects.filter(profile__in=profile_ids).values_list("pk", "profile_id")
    )
    records = (
        AccountRecord.objects.filter(identifier_id__in=list(holders))
        .order_by("account__key", "source__key", "identifier_id", "trust")
        .values("identifier_id", "account__key", "source__key", "trust", "traits", "first_at")
    )
    grouped: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        stated = {key: entry[0] for key, entry in record["traits"].items()}
        grouped[holders[record["identifier_id"]]].append(
            {
                "account": record["account__key"],
                "source": record["source__key"],
                "trust": TrustLevel(record["trust"]).api_name,
                "traits": stated,
                "first_at": record["first_at"],
            }
        )
    return grouped


def origins_of(account: Account) -> dict[str, Origin]:
    """Return who gave each trait of an account its value, in one query."""
    sources = dict(Source.objects.values_list("pk", "key"))
    return {
        key: Origin(
            sources[source_id],
            TrustLevel(trust).api_name,
            datetime.fromtimestamp(at / 1_000_000, UTC),
        )
        for key, (value, at, _, trust, source_id, _) in account.winners.items()
        if value is not None
    }
