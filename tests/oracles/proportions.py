"""A naive second opinion on whether two shares differ: Fisher's exact test, by enumeration."""

from math import comb


def exact_chance(members_with: int, members: int, others_with: int, others: int) -> float:
    """Return the two-sided p-value: the sum over all tables that are at most as likely."""
    holders, people = members_with + others_with, members + others

    def likelihood(count: int) -> int:
        return comb(members, count) * comb(others, holders - count)

    seen = likelihood(members_with)
    possible = range(max(0, holders - others), min(members, holders) + 1)
    unlikely = sum(each for count in possible if (each := likelihood(count)) <= seen)
    return unlikely / comb(people, holders)
