"""People named by any of their identifiers, and the identifier that rows about them hang on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from profiles.identifiers.lookup import profiles_by_reference
from profiles.models import Identifier, Profile


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """The profiles that some references name, and the places of those that name nobody."""

    profile_ids: frozenset[int]
    unknown: Sequence[int]


def find_people(references: Sequence[str]) -> FoundPeople:
    """Return whom `namespace:value` references name. The caller holds the people lock."""
    holders = profiles_by_reference(references)
    unknown = [place for place, reference in enumerate(references) if reference not in holders]
    return FoundPeople(frozenset(holders.values()), unknown)


def anchors_of(profile_ids: Iterable[int]) -> dict[int, int]:
    """Return the id of each profile's public UUID among the identifiers, by profile.

    What is said about a person hangs on it, so that an unmerge gives it back to whom it was about.
    """
    uuids = Profile.objects.filter(pk__in=profile_ids).values_list("uuid", flat=True)
    return anchors_by_uuid(str(uuid) for uuid in uuids)


def anchors_by_uuid(uuids: Iterable[str]) -> dict[int, int]:
    """The same for public UUIDs; of people who are gone there is none."""
    rows = Identifier.objects.filter(namespace="profile", value__in=list(uuids))
    return {holder: pk for pk, holder in rows.values_list("pk", "profile_id") if holder is not None}
