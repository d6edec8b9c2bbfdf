"""People by the keys that rows about them hang on: public UUIDs, which no merge changes.

Invariant: a key is an identifier of its own. Whoever holds it now is whom the row is about.
"""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from profiles.models import Identifier, Profile

_NAMESPACE = "profile"


def person_of(key: UUID) -> Profile | None:
    """Return the profile that has a key now."""
    rows = Identifier.objects.filter(namespace=_NAMESPACE, value=str(key))
    holder = rows.values_list("profile_id", flat=True).first()
    return Profile.objects.filter(pk=holder).first() if holder is not None else None


def keys_of_people(ids: Collection[int]) -> dict[int, set[UUID]]:
    """Return all keys of some people: their own, and those of whom they absorbed."""
    keys: dict[int, set[UUID]] = defaultdict(set)
    rows = Identifier.objects.filter(namespace=_NAMESPACE, profile_id__in=list(ids))
    for holder, value in rows.values_list("profile_id", "value"):
        if holder is not None:
            keys[holder].add(UUID(value))
    return keys


def holders_of_keys(ids: Collection[int]) -> dict[UUID, int]:
    """Return who of some people has each of their keys."""
    return {key: pk for pk, held in keys_of_people(ids).items() for key in held}
