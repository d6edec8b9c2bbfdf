"""Claims that name too many people: what is cut out of them before they become facts.

Invariant: of one day, the stored claims name at most MAX_NAMED vouched identifiers beside any
identifier. A refused claim joins nobody, but its identifiers are replayed together from then on:
without a bound, one public key could make a single component of all customers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from profiles.identifiers.references import Ref
from profiles.identity.claimed_devices import cut_devices
from profiles.identity.engine import Trust
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.identity.stored_claims import RefsBeside, beside_in_stored_claims
from profiles.models import Identifier

MAX_NAMED = 20


def cut_claims(
    people: LoadedPeople, observations: Sequence[Observation]
) -> Mapping[Observation, Observation]:
    """Return what may be stored of each claim that names or brings too many; others stay whole.

    The rows of all identifiers that are stored are loaded. What is left lands where the claim would
    have landed.
    """
    claims = [
        observation
        for observation in observations
        if observation.trust < Trust.SERVER
        and people.source_keys[observation.source_id] not in people.rules.joining_sources
    ]
    cut = dict(_cut_names(people, claims))
    fewer = cut_devices(people, list(dict.fromkeys(cut.get(claim, claim) for claim in claims)))
    for claim in claims if fewer else ():
        if (rest := cut.get(claim, claim)) in fewer:
            cut[claim] = fewer[rest]
    return cut


def _cut_names(
    people: LoadedPeople, claims: Sequence[Observation]
) -> Mapping[Observation, Observation]:
    """Return what is left of claims that name too many vouched identifiers beside one."""
    joining = list(_joining_claims(people, claims))
    if not joining:
        return {}
    named_beside = _named_by_stored_claims(people, joining)
    cut: dict[Observation, Observation] = {}
    for claim in joining:
        refs = _within_bound(people, claim, named_beside)
        vouched = _vouched(people, refs)
        for ref in refs:
            named_beside[ref, claim.day] |= vouched - {ref}
        if len(refs) < len(claim.refs):
            cut[claim] = Observation.of(refs, claim.source_id, claim.trust, claim.day)
    return cut


def _joining_claims(people: LoadedPeople, claims: Sequence[Observation]) -> Iterator[Observation]:
    """Yield the claims that name somebody vouched and would join components: they are few."""
    times = Counter(ref for claim in claims for ref in claim.refs if ref not in people.rows)
    for claim in claims:
        # An identifier that only one claim brings adds nothing but itself.
        components: set[int | Ref] = {ref for ref in claim.refs if times[ref] > 1}
        rows = [people.rows[ref] for ref in claim.refs if ref in people.rows]
        components.update(row.component for row in rows if not row.is_quarantined)
        if len(components) > 1 and any(row.is_vouched for row in rows):
            yield claim


def _named_by_stored_claims(people: LoadedPeople, claims: Sequence[Observation]) -> RefsBeside:
    def vouched(identifier_ids: set[int]) -> dict[int, Ref]:
        rows = Identifier.objects.filter(pk__in=identifier_ids, is_vouched=True)
        return {pk: Ref(*pair) for pk, *pair in rows.values_list("pk", "namespace", "value")}

    refs = {ref for claim in claims for ref in claim.refs}
    return beside_in_stored_claims(people, claims, refs, vouched)


def _within_bound(
    people: LoadedPeople, claim: Observation, named_beside: RefsBeside
) -> tuple[Ref, ...]:
    """Return the claim's identifiers without those that are, or stand beside, one too many."""
    highest, *others = sorted(claim.refs, key=people.rules.rank)
    kept = [highest, *others]
    for ref in reversed(others):
        if _are_too_many(named_beside[ref, claim.day], _vouched(people, kept) - {ref}):
            kept.remove(ref)
    known = named_beside[highest, claim.day]
    beside = _vouched(people, kept) - {highest}
    surplus = beside - known if _are_too_many(known, beside) else ()
    return tuple(ref for ref in kept if ref not in surplus)


def _are_too_many(known: set[Ref], more: set[Ref]) -> bool:
    return not more <= known and len(known | more) > MAX_NAMED


def _vouched(people: LoadedPeople, refs: Iterable[Ref]) -> set[Ref]:
    return {ref for ref in refs if ref in people.rows and people.rows[ref].is_vouched}
