"""Addresses that mail came back from."""

from collections.abc import Sequence

from consent.bounces.addresses import bounces_of, forget_addresses
from consent.models import BouncedAddress
from profiles.models import Identifier
from profiles.registry import ErasurePhase, Person, PersonalData, Rows, by_profile, registry

_PREFIX = "email:"


@registry.register
class BouncedAddressData(PersonalData):
    model = BouncedAddress
    title = "Mail that came back"
    inferred = ("kind", "soft_days", "last_at", "blocked_at", "lifted_at")
    technical = ("id", "digest", "created_at")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        holders = dict(
            Identifier.objects.filter(namespace="email", profile_id__in=profile_ids).values_list(
                "value", "profile_id"
            )
        )
        rows = [
            {
                "profile_id": holders[bounce.address],
                "address": bounce.address,
                "kind": bounce.row.kind,
                "soft_days": bounce.row.soft_days,
                "last_at": bounce.row.last_at,
                "blocked_at": bounce.row.blocked_at,
                "lifted_at": bounce.row.lifted_at,
            }
            for bounce in bounces_of(holders)
        ]
        return by_profile(rows)

    def portrait(self, profile_ids: Sequence[int]) -> Rows:
        return {}

    def erase(self, person: Person) -> int:
        addresses = [each.removeprefix(_PREFIX) for each in person.references]
        return forget_addresses([each for each in addresses if "@" in each])
