"""The subject of a request: the people it is about, and which identifiers are provably theirs.

Invariant: data of another person are never in reach, neither through an identifier that two
people share nor through one that only a claim or a guess links to the person.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from uuid_utils.compat import uuid7

from consent.models import PrivacyRequest
from profiles.identifiers.lookup import parse_references
from profiles.models import Identifier, Profile, TrustLevel
from profiles.registry import IdentifierMove, Person, registry
from profiles.services import derive, facts_naming, load_rules

_PROFILE_NAMESPACE = "profile"
# Requests by these doors are about just the identifiers that they name.
_PART_DOORS = (PrivacyRequest.Door.CUSTOMER, PrivacyRequest.Door.JOURNAL)


@dataclass(frozen=True, slots=True)
class Subject:
    """The people that a request is about, with the identifiers that are provably theirs.

    `is_whole` is False where a profile has identifiers beyond these. `requested_references` are
    the references the caller gave, without those of other people; `left_out_count` counts the
    latter.
    """

    people: tuple[Person, ...]
    is_whole: bool = True
    requested_references: tuple[str, ...] = ()
    left_out_count: int = 0

    @property
    def identifier_ids(self) -> list[int]:
        return sorted(
            identifier_id for person in self.people for identifier_id in person.identifier_ids
        )

    @property
    def references(self) -> list[str]:
        return [reference for person in self.people for reference in person.references]

    @property
    def profile_ids(self) -> list[int]:
        return [person.profile_id for person in self.people]


def find_subject(references: Iterable[str]) -> Subject:
    """Return the whole profiles that the references of a service mean. Raises InvalidIdentifier.

    The identifier of the highest priority decides who the person is. Another profile counts as
    the same person, unless the two have different values of a unique identifier. In that case
    the reference is one that two people share, and the other profile is left alone.
    """
    rules = load_rules()
    ranked = sorted(set(parse_references(references)), key=rules.rank)
    unique_namespaces = {name for name, rule in rules.namespaces.items() if rule.is_unique}
    normalised = [f"{ref.namespace}:{ref.value}" for ref in ranked]
    profile_ids = _profile_ids_by_reference(normalised)
    people: list[Person] = []
    for person in _load_people(dict.fromkeys(profile_ids.values())):
        if not any(_are_different_people(person, other, unique_namespaces) for other in people):
            people.append(person)
    # None: a reference that no profile has is the person's as well, so that it gets suppressed.
    accepted = {None, *(person.profile_id for person in people)}
    requested = tuple(
        reference for reference in normalised if profile_ids.get(reference) in accepted
    )
    return Subject(
        tuple(people),
        requested_references=requested,
        left_out_count=len(normalised) - len(requested),
    )


def find_own_subject(identifier_id: int) -> Subject:
    """Return what the customer who verified this identifier may see and act on."""
    return subject_from_identifiers(provable_identifiers(identifier_id))


def subject_from_identifiers(identifier_ids: Iterable[int]) -> Subject:
    """Return just these identifiers, grouped by the profiles they belong to now.

    The subject is whole where the profiles have no other identifiers.
    """
    wanted = set(identifier_ids)
    identifiers = Identifier.objects.filter(pk__in=wanted, profile__isnull=False)
    people = _load_people(
        dict.fromkeys(identifiers.order_by("pk").values_list("profile_id", flat=True))
    )
    parts = [_keep_only(person, wanted) for person in people]
    return Subject(tuple(parts), is_whole=parts == people)


def current_subject(request: PrivacyRequest) -> Subject:
    """Return the subject of a request as profiles are now.

    Whole profiles, unless a customer made the request and proved only some of the identifiers.
    """
    if request.door in _PART_DOORS and not request.body.get("is_vouched_whole", False):
        return subject_from_identifiers(request.identifier_ids)
    # Identifiers may have moved since the request was opened. The profiles that have them now are
    # looked up like those a service names, so that a shared identifier is judged again.
    people = subject_from_identifiers(request.identifier_ids).people
    references = [f"profile:{person.profile_uuid}" for person in people]
    return find_subject(references) if references else Subject(())


def provable_identifiers(identifier_id: int) -> set[int]:
    """Return the ids of the identifiers that provably belong to the holder of this one.

    These are the identifiers of the same profile that can be reached through facts of server
    trust or more. A quarantined identifier neither counts nor links.
    """
    profile_ids = Identifier.objects.filter(pk=identifier_id, profile__isnull=False)
    candidates = Identifier.objects.filter(
        profile__in=profile_ids.values("profile_id"), quarantined_at__isnull=True
    )
    own = set(candidates.values_list("pk", flat=True))
    # The verified identifier itself may be quarantined. Its holder still proved this one.
    if identifier_id not in own:
        return {identifier_id}
    groups = _linked_groups(own)
    reached, frontier = {identifier_id}, {identifier_id}
    while frontier:
        frontier = {pk for group in groups if group & frontier for pk in group} - reached
        reached |= frontier
    return reached


@contextmanager
def temporary_profile(person: Person) -> Iterator[int]:
    """Give the id of a profile that has just this person's identifiers, while the block lasts.

    The profile is split off by the same moves as in an unmerge and rolled back at the end. So the
    block reads exactly what these identifiers alone come to. The caller holds the people lock.
    """
    with transaction.atomic():
        whole = Profile.objects.get(pk=person.profile_id)
        part = Profile.objects.create(
            uuid=uuid7(),
            is_restricted=whole.is_restricted,
            first_seen_at=whole.first_seen_at,
            last_seen_at=whole.last_seen_at,
        )
        Identifier.objects.filter(pk__in=person.identifier_ids).update(profile=part)
        moves = [IdentifierMove(pk, whole.pk, part.pk) for pk in person.identifier_ids]
        registry.follow(moves, [])
        derive([whole.pk, part.pk])
        yield part.pk
        transaction.set_rollback(True)


def _linked_groups(identifier_ids: set[int]) -> list[set[int]]:
    """Return, for each trusted fact, the given identifiers that it links to each other."""
    facts = facts_naming(identifier_ids, least_trust=TrustLevel.SERVER)
    return [identifier_ids.intersection(evidence.identifier_ids) for evidence in facts]


def _profile_ids_by_reference(references: Iterable[str]) -> dict[str, int]:
    """Map each normalised reference that a profile has to that profile, in the order given."""
    wanted = list(references)
    # Filtered by value alone, which the index starts with; the namespace is compared below.
    profile_ids = {
        f"{identifier.namespace}:{identifier.value}": identifier.profile_id
        for identifier in Identifier.objects.filter(
            value__in=[reference.partition(":")[2] for reference in wanted], profile__isnull=False
        )
        if identifier.profile_id is not None
    }
    return {reference: profile_ids[reference] for reference in wanted if reference in profile_ids}


def _load_people(profile_ids: Iterable[int | None]) -> list[Person]:
    ids = [pk for pk in profile_ids if pk is not None]
    uuids = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "uuid"))
    identifiers: Mapping[int | None, list[Identifier]] = defaultdict(list)
    for identifier in Identifier.objects.filter(profile_id__in=ids).order_by("pk"):
        identifiers[identifier.profile_id].append(identifier)
    return [_build_person(pk, str(uuids[pk]), identifiers[pk]) for pk in ids if pk in uuids]


def _build_person(profile_id: int, uuid: str, identifiers: Iterable[Identifier]) -> Person:
    rows = list(identifiers)
    return Person(
        profile_id=profile_id,
        profile_uuid=uuid,
        identifier_ids=tuple(identifier.pk for identifier in rows),
        references=tuple(f"{identifier.namespace}:{identifier.value}" for identifier in rows),
    )


def _keep_only(person: Person, identifier_ids: set[int]) -> Person:
    """Return the person with only these identifiers.

    Returns the same person where only public ids would be left over: those are given out by us
    and say nothing about who somebody is.
    """
    rows = list(zip(person.identifier_ids, person.references, strict=True))
    left_over = [
        reference
        for pk, reference in rows
        if pk not in identifier_ids and not reference.startswith(f"{_PROFILE_NAMESPACE}:")
    ]
    if not left_over:
        return person
    kept = [(pk, reference) for pk, reference in rows if pk in identifier_ids]
    return Person(
        person.profile_id,
        person.profile_uuid,
        tuple(pk for pk, _ in kept),
        tuple(reference for _, reference in kept),
    )


def _are_different_people(first: Person, second: Person, unique_namespaces: set[str]) -> bool:
    """Whether both have an identifier of the same unique namespace, but different values."""
    return any(
        (first_references := _references_in(first, namespace))
        and (second_references := _references_in(second, namespace))
        and first_references != second_references
        for namespace in unique_namespaces
    )


def _references_in(person: Person, namespace: str) -> set[str]:
    return {reference for reference in person.references if reference.startswith(f"{namespace}:")}
