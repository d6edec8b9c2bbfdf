"""Cases counted the plain way: each stored outcome read, one after another."""

from collections import Counter

from profiles.models import IdentityCase, IdentityOutcome, TrustLevel


def cases_from_outcomes() -> Counter[tuple[int, str]]:
    """Return how many outcomes there are of each identifier in question and kind."""
    cases: Counter[tuple[int, str]] = Counter()
    for outcome in IdentityOutcome.objects.select_related("fact"):
        if outcome.rule == "unique":
            cases[outcome.identifier_id, "two_people"] += 1
        elif outcome.rule == "limit":
            assert outcome.wanter_id is not None
            cases[outcome.wanter_id, "too_many"] += 1
        elif outcome.rule in ("cap", "quarantine"):
            cases[outcome.identifier_id, "shared"] += 1
        elif outcome.rule == "not_same" and outcome.fact.trust >= TrustLevel.VERIFIED:
            cases[outcome.identifier_id, "against_verdict"] += 1
    return cases


def stored_cases() -> dict[tuple[int, str], int]:
    """Return the same of the stored cases."""
    rows = IdentityCase.objects.values_list("identifier_id", "kind", "refusals")
    return {(identifier, kind): refusals for identifier, kind, refusals in rows}
