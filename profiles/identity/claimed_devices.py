"""Claims that bring one person too many devices: whom they name is cut out of them.

Invariant: of one day, the stored claims name at most MOST_DEVICES anonymous and device identifiers
beside any other, or as many as its limit allows. Those beyond the limit join nobody, but without a
bound all of them would be replayed with the person whom they name.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from django.db import connection

from profiles.identifiers.references import Ref
from profiles.identity import sql
from profiles.identity.engine import Trust
from profiles.identity.loaded import LoadedPeople
from profiles.identity.observations import Observation
from profiles.lib.database import array_of
from profiles.models import Identifier

MOST_DEVICES = 20
# The devices that claims of a day name beside an identifier.
DevicesBeside = defaultdict[tuple[Ref, date], set[Ref]]


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
        named = [ref for ref in claim.refs if not people.rules.is_weak(ref)]
        full = {ref for ref in named if _is_full(people, beside[ref, claim.day], devices)}
        for ref in set(named) - full:
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
        named = [ref for ref in claim.refs if not people.rules.is_weak(ref)]
        # Whom only one claim brings has no other devices.
        if any(ref in people.rows or times[ref] > 1 for ref in named) and any(
            _is_newcomer(people, device, named) for device in devices
        ):
            yield claim


def _is_newcomer(people: LoadedPeople, device: Ref, named: Iterable[Ref]) -> bool:
    """Whether the device is not in the component of everybody who is named."""
    row = people.rows.get(device)
    rows = [people.rows.get(ref) for ref in named]
    return row is None or any(other is None or other.component != row.component for other in rows)


def _limited_devices(people: LoadedPeople, claim: Observation) -> set[Ref]:
    """Return the anonymous and device identifiers of which a person may not have any number."""
    rules = people.rules
    return {ref for ref in claim.refs if rules.is_weak(ref) and rules.rule_for(ref.namespace).limit}


def _is_full(people: LoadedPeople, known: set[Ref], devices: set[Ref]) -> bool:
    limits = [people.rules.rule_for(device.namespace).limit for device in devices]
    most = max(MOST_DEVICES, *(limit.count for limit in limits if limit))
    return not devices <= known and len(known | devices) > most


def _devices_of_stored_claims(people: LoadedPeople, claims: Iterable[Observation]) -> DevicesBeside:
    claims = list(claims)
    named = {ref for claim in claims for ref in claim.refs if not people.rules.is_weak(ref)}
    refs = {people.rows[ref].id: ref for ref in named & people.rows.keys()}
    beside: DevicesBeside = defaultdict(set)
    if not refs:
        return beside
    days = array_of({claim.day for claim in claims})
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIMS_OF_DAYS, [array_of(refs), days, Trust.CLAIM])
        facts = cursor.fetchall()
    ids = {identifier_id for ids, _ in facts for identifier_id in ids} - refs.keys()
    rows = Identifier.objects.filter(pk__in=ids).values_list("pk", "namespace", "value")
    devices = {pk: ref for pk, *pair in rows if people.rules.is_weak(ref := Ref(*pair))}
    for ids_in_fact, day in facts:
        for identifier_id in refs.keys() & set(ids_in_fact):
            others = devices.keys() & set(ids_in_fact)
            beside[refs[identifier_id], day].update(devices[other] for other in others)
    return beside
