"""Claims that bring one person too many devices: whom they name is cut out of them.

Invariant: of one day, the stored claims name at most MOST_DEVICES anonymous and device identifiers
beside any other, or as many as its limit allows. Those beyond the limit join nobody, but without a
bound all of them would be replayed with the person whom they name.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from profiles.identifiers.references import Ref
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.identity.stored_claims import RefsBeside, beside_in_stored_claims
from profiles.models import Identifier

MOST_DEVICES = 20


def cut_devices(
    people: LoadedPeople, claims: Sequence[Observation]
) -> Mapping[Observation, Observation]:
    """Return what may be stored of each claim that is one too many; others are left as they are.

    The device stays and lands on a profile of its own, as with any claim beyond the limit.
    """
    bringing = list(_bringing_claims(people, claims))
    if not bringing:
        return {}
    beside = _devices_of_stored_claims(people, bringing)
    cut: dict[Observation, Observation] = {}
    for claim in bringing:
        devices = _limited_devices(people, claim)
        strong = _strong_refs(people, claim)
        full = {ref for ref in strong if _is_full(people, beside[ref, claim.day], devices)}
        for ref in strong - full:
            beside[ref, claim.day] |= devices
        if full:
            refs = tuple(ref for ref in claim.refs if ref not in full)
            cut[claim] = Observation.of(refs, claim.source_id, claim.trust, claim.day)
    return cut


def _bringing_claims(people: LoadedPeople, claims: Sequence[Observation]) -> Iterator[Observation]:
    """Yield the claims that bring a device into the component of somebody who is known."""
    times = Counter(ref for claim in claims for ref in claim.refs if ref not in people.rows)
    for claim in claims:
        devices = _limited_devices(people, claim)
        strong = _strong_refs(people, claim)
        # Whom only one claim brings has no other devices.
        if any(ref in people.rows or times[ref] > 1 for ref in strong) and any(
            _is_newcomer(people, device, strong) for device in devices
        ):
            yield claim


def _is_newcomer(people: LoadedPeople, device: Ref, others: Iterable[Ref]) -> bool:
    """Whether the device is not in the component of all the others."""
    row = people.rows.get(device)
    rows = [people.rows.get(ref) for ref in others]
    return row is None or any(other is None or other.component != row.component for other in rows)


def _strong_refs(people: LoadedPeople, claim: Observation) -> set[Ref]:
    return {ref for ref in claim.refs if not people.rules.is_weak(ref)}


def _limited_devices(people: LoadedPeople, claim: Observation) -> set[Ref]:
    """Return the anonymous and device identifiers of which a person may not have any number."""
    rules = people.rules
    return {ref for ref in claim.refs if rules.is_weak(ref) and rules.rule_for(ref.namespace).limit}


def _is_full(people: LoadedPeople, known: set[Ref], devices: set[Ref]) -> bool:
    limits = [people.rules.rule_for(device.namespace).limit for device in devices]
    most = max(MOST_DEVICES, *(limit.count for limit in limits if limit))
    return not devices <= known and len(known | devices) > most


def _devices_of_stored_claims(people: LoadedPeople, claims: Sequence[Observation]) -> RefsBeside:
    def devices(identifier_ids: set[int]) -> dict[int, Ref]:
        rows = Identifier.objects.filter(pk__in=identifier_ids)
        refs = {pk: Ref(*pair) for pk, *pair in rows.values_list("pk", "namespace", "value")}
        return {pk: ref for pk, ref in refs.items() if people.rules.is_weak(ref)}

    refs = {ref for claim in claims for ref in _strong_refs(people, claim)}
    return beside_in_stored_claims(people, claims, refs, devices)
