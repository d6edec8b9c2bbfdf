"""Whom a request is about, and which of the data are provably his.

Invariant: data of another person are never in reach, neither through an identifier that two people share nor through one that
only a claim or a guess tied to the person.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from uuid_utils.compat import uuid7

from profiles.identifiers.lookup import parse_reference
from profiles.models import Identifier, IdentityFact, IdentityOutcome, Profile, TrustLevel
from profiles.registry import IdentifierMove, Person, registry
from profiles.services import derive, load_rules

# Outcomes that tie a fact's identifier elsewhere than to the others of that fact.
_UNTIED = ("trust", "unique", "limit", "not_same", "cap")
_PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Subject:
    """The people a request acts on, with the identifiers that are provably theirs.

    `named` are the references that were asked about, less those that somebody else holds: `left_out` counts these.
    """

    people: tuple[Person, ...]
    is_whole: bool = True
    named: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def identifier_ids(self) -> list[int]:
        return sorted(number for person in self.people for number in person.identifier_ids)

    @property
    def references(self) -> list[str]:
        return [reference for person in self.people for reference in person.references]

    @property
    def profile_ids(self) -> list[int]:
        return [person.profile_id for person in self.people]


def subject_of(references: Iterable[str]) -> Subject:
    """Whom a service means: whole profiles. Raises InvalidIdentifier.

    The identifier of the highest priority says who it is. A profile found by another one belongs to the same person unless
    a unique identifier tells the two apart; then the identifier is shared, and its holder is left alone.
    """
    rules = load_rules()
    ranked = sorted({parse_reference(reference) for reference in references}, key=rules.rank)
    unique = {name for name, rule in rules.namespaces.items() if rule.is_unique}
    names = [f"{ref.namespace}:{ref.value}" for ref in ranked]
    holders = _holders(names)
    kept: list[Person] = []
    for person in _people(dict.fromkeys(holders.values())):
        if not any(_are_apart(person, other, unique) for other in kept):
            kept.append(person)
    profiles = {None, *(person.profile_id for person in kept)}
    named = tuple(name for name in names if holders.get(name) in profiles)
    return Subject(tuple(kept), named=named, left_out=len(names) - len(named))


def own_subject(identifier_id: int) -> Subject:
    """What the holder of a verified identifier may see and act on: it, and what trusted facts join to it."""
    return part_of(verified_part(identifier_id))


def part_of(identifier_ids: Iterable[int]) -> Subject:
    """Just these identifiers, by the profiles that hold them now; whole where nothing of a profile is left over."""
    wanted = set(identifier_ids)
    profiles = Identifier.objects.filter(pk__in=wanted, profile__isnull=False)
    whole = _people(dict.fromkeys(profiles.order_by("pk").values_list("profile_id", flat=True)))
    parts = [_narrowed(person, wanted) for person in whole]
    return Subject(tuple(parts), is_whole=parts == whole)


def verified_part(identifier_id: int) -> set[int]:
    """The identifier and those of its profile that facts of server trust or more join to it; never through a quarantined one."""
    holder = Identifier.objects.filter(pk=identifier_id, profile__isnull=False)
    plain = Identifier.objects.filter(
        profile__in=holder.values("profile_id"), quarantined_at__isnull=True
    )
    own = set(plain.values_list("pk", flat=True))
    if identifier_id not in own:
        return {identifier_id}
    ties = _ties(own)
    reached, fresh = {identifier_id}, {identifier_id}
    while fresh:
        fresh = {found for tie in ties if tie & fresh for found in tie} - reached
        reached |= fresh
    return reached


@contextmanager
def set_apart(person: Person) -> Iterator[int]:
    """A profile that holds just this part, while the block lasts; afterwards nothing has happened.

    It is made by the moves that an unmerge makes and rolled back, so what is read of it is exactly what these identifiers
    alone would come to. The caller holds the people lock.
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
        moves = [IdentifierMove(number, whole.pk, part.pk) for number in person.identifier_ids]
        registry.follow(moves, [])
        derive([whole.pk, part.pk])
        yield part.pk
        transaction.set_rollback(True)


def _ties(own: set[int]) -> list[set[int]]:
    """The sets of a profile's identifiers that one trusted fact names together, less those it lost to a rule."""
    facts = dict(
        IdentityFact.objects.filter(
            identifier_ids__overlap=list(own), trust__gte=TrustLevel.SERVER
        ).values_list("pk", "identifier_ids")
    )
    untied = set(
        IdentityOutcome.objects.filter(fact__in=facts, rule__in=_UNTIED).values_list(
            "fact_id", "identifier_id"
        )
    )
    return [
        {number for number in numbers if number in own and (fact, number) not in untied}
        for fact, numbers in facts.items()
    ]


def _holders(references: Iterable[str]) -> dict[str, int]:
    """The profile of each normalised reference that one holds, in the order given."""
    wanted = list(references)
    found = {
        f"{identifier.namespace}:{identifier.value}": identifier.profile_id
        for identifier in Identifier.objects.filter(
            value__in=[reference.partition(":")[2] for reference in wanted], profile__isnull=False
        )
    }
    return {reference: found[reference] for reference in wanted if reference in found}


def _people(profile_ids: Iterable[int]) -> list[Person]:
    ids = list(profile_ids)
    uuids = dict(Profile.objects.filter(pk__in=ids).values_list("pk", "uuid"))
    held: Mapping[int, list[Identifier]] = defaultdict(list)
    for identifier in Identifier.objects.filter(profile_id__in=ids).order_by("pk"):
        held[identifier.profile_id].append(identifier)
    return [_person(pk, str(uuids[pk]), held[pk]) for pk in ids if pk in uuids]


def _person(profile_id: int, uuid: str, held: Iterable[Identifier]) -> Person:
    rows = list(held)
    return Person(
        profile_id=profile_id,
        profile_uuid=uuid,
        identifier_ids=tuple(identifier.pk for identifier in rows),
        references=tuple(f"{identifier.namespace}:{identifier.value}" for identifier in rows),
    )


def _narrowed(person: Person, wanted: set[int]) -> Person:
    """The person with only the wanted identifiers; unchanged where nothing but public UUIDs would be left over."""
    rows = list(zip(person.identifier_ids, person.references, strict=True))
    rest = [
        reference
        for number, reference in rows
        if number not in wanted and not reference.startswith(f"{_PROFILE}:")
    ]
    if not rest:
        return person
    kept = [(number, reference) for number, reference in rows if number in wanted]
    return Person(
        person.profile_id,
        person.profile_uuid,
        tuple(number for number, _ in kept),
        tuple(reference for _, reference in kept),
    )


def _are_apart(one: Person, other: Person, unique: set[str]) -> bool:
    """Whether both hold a unique identifier of one namespace, and not the same one."""
    return any(
        (mine := _values(one, namespace))
        and (others := _values(other, namespace))
        and mine != others
        for namespace in unique
    )


def _values(person: Person, namespace: str) -> set[str]:
    return {name for name in person.references if name.startswith(f"{namespace}:")}
