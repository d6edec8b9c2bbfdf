"""Households: people who belong together and are not one person.

Two people belong together by a verdict "related", or by one postal address in their golden traits
(`HOUSEHOLD_TRAITS`), written alike. Whoever belongs to one of a household belongs to it.

Invariant: nothing is stored, so that it is always what verdicts and traits say now. Restricted
people are in no household, and an address that very many share makes none.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Q

from profiles.models import DecisionVerdict, Identifier, IdentityDecision, Profile

# More than a household has; looking ends there.
MOST_PEOPLE = 20


class Reason(StrEnum):
    """Why somebody is in a household."""

    RELATED = "related"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Relative:
    """Another person of a household, and what ties them to it."""

    profile: Profile
    reasons: Sequence[Reason]


def household_of(profile: Profile) -> list[Relative]:
    """Return the others of a person's household, those nearest first."""
    people = {profile.pk: profile}
    reasons: dict[int, set[Reason]] = {}
    front = [] if profile.is_restricted else [profile]
    while front and len(people) <= MOST_PEOPLE:
        ties = _ties(front)
        others = Profile.objects.filter(pk__in=ties.keys() - people.keys(), is_restricted=False)
        front = list(others.order_by("pk")[:MOST_PEOPLE])
        for each in front:
            people[each.pk], reasons[each.pk] = each, ties[each.pk]
    return [Relative(people[pk], sorted(ties)) for pk, ties in reasons.items()][:MOST_PEOPLE]


def _ties(people: Sequence[Profile]) -> dict[int, set[Reason]]:
    """Return who is tied to any of these people, and by what."""
    ties: dict[int, set[Reason]] = defaultdict(set)
    for profile_id in _related([each.pk for each in people]):
        ties[profile_id].add(Reason.RELATED)
    for profile_id in _neighbours(people):
        ties[profile_id].add(Reason.ADDRESS)
    return ties


def _related(profile_ids: Collection[int]) -> Iterable[int]:
    """Return the profiles with an identifier that a standing verdict calls related."""
    own = Identifier.objects.filter(profile_id__in=profile_ids).values_list("pk", flat=True)
    ids = list(own)
    pairs = IdentityDecision.objects.filter(
        Q(one_id__in=ids) | Q(other_id__in=ids), verdict=DecisionVerdict.RELATED, ended_at=None
    ).values_list("one_id", "other_id")
    others = {pk for pair in pairs for pk in pair}
    holders = Identifier.objects.filter(pk__in=others, profile_id__isnull=False)
    return holders.values_list("profile_id", flat=True)


def _neighbours(people: Sequence[Profile]) -> Iterator[int]:
    """Yield the profiles with the address of one of these people, unless too many have it."""
    addresses: list[dict[str, Any]] = []
    for each in people:
        address = address_of(each.traits)
        # Those who were reached by an address share it: it is asked about once.
        if address is not None and address not in addresses:
            addresses.append(address)
    for address in addresses:
        sharing = Profile.objects.filter(traits__contains=address, is_restricted=False)
        ids = list(sharing.values_list("pk", flat=True)[: settings.HOUSEHOLD_MOST + 1])
        if len(ids) <= settings.HOUSEHOLD_MOST:
            yield from ids


def address_of(traits: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the part of golden traits that is the address; None unless all of it is there."""
    address: dict[str, Any] = {}
    for path in settings.HOUSEHOLD_TRAITS:
        *outer, key = path.split(".")
        source: Any = traits
        target = address
        for step in outer:
            source = source.get(step) if isinstance(source, dict) else None
            target = target.setdefault(step, {})
        value = source.get(key) if isinstance(source, dict) else None
        if not isinstance(value, str | int) or not str(value).strip():
            return None
        target[key] = value
    return address or None
