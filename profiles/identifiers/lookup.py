"""Looking up profiles by references such as `email:ada@example.org`."""

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import connection

from profiles.identifiers import sql
from profiles.identifiers.normalisers import (
    InvalidIdentifier,
    normalise,
)
from profiles.identifiers.references import Ref
from profiles.lib import exact_json
from profiles.lib.batches import batches
from profiles.lib.database import any_of
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models import Identifier, IdentityRule, Profile

_BATCH = 10_000


def parse_reference(reference: str, normalisers: Mapping[str, str] | None = None) -> Ref:
    """Split `email:Ada@Example.org` into its namespace and stored spelling.

    `normalisers` are those that staff chose, read where they are not given. Raises
    InvalidIdentifier.
    """
    namespace, colon, value = reference.partition(":")
    if not colon or not namespace:
        raise InvalidIdentifier("identifier", "must look like namespace:value")
    return Ref(namespace, spelled(namespace, value, normalisers))


def parse_references(references: Iterable[str]) -> list[Ref]:
    """Split many references, in their order. Raises InvalidIdentifier for the first bad one."""
    stated = list(references)
    normalisers = _normalisers_for(stated)
    return [parse_reference(reference, normalisers) for reference in stated]


def spelled(namespace: str, value: object, normalisers: Mapping[str, str] | None = None) -> str:
    """Return how a value is stored in its namespace. Raises InvalidIdentifier."""
    if namespace in OWN_NORMALISERS:
        normaliser: str = OWN_NORMALISERS[namespace]
    else:
        chosen = load_normalisers() if normalisers is None else normalisers
        normaliser = chosen.get(namespace, Normaliser.AS_SENT)
    region = settings.DEFAULT_PHONE_REGION
    return normalise(namespace, value, region=region, normaliser=normaliser)


def load_normalisers() -> dict[str, str]:
    """Return the normalisers that staff chose, by namespace; the others are taken as sent."""
    # Not cached: what staff choose holds for the next message, and the table is small.
    rows = IdentityRule.objects.exclude(namespace__in=OWN_NORMALISERS)
    return dict(rows.exclude(normaliser=Normaliser.AS_SENT).values_list("namespace", "normaliser"))


def holders_of_identifiers(profile_ids: Iterable[int]) -> dict[int, int]:
    """Return the profile of each identifier of these profiles, by the identifier's id.

    Rows that point at identifiers are read by these ids, and not joined: on a cluster identifiers
    are spread by their value, and other rows by their profile or not at all.
    """
    rows = Identifier.objects.filter(any_of("profile_id", profile_ids))
    return {pk: holder for pk, holder in rows.values_list("pk", "profile_id") if holder is not None}


def restricted_identifiers(identifiers: Iterable[Identifier]) -> set[int]:
    """Return the ids of those of the identifiers whose person's processing is restricted."""
    holders = {row.pk: row.profile_id for row in identifiers if row.profile_id is not None}
    profiles = Profile.objects.filter(pk__in=set(holders.values()), is_restricted=True)
    restricted = set(profiles.values_list("pk", flat=True))
    return {pk for pk, holder in holders.items() if holder in restricted}


def profiles_of_identifiers(identifier_ids: Iterable[int]) -> set[int]:
    """Return the profiles that have any of these identifiers, which may be very many."""
    return {
        holder
        for batch in batches(sorted(set(identifier_ids)), _BATCH)
        for holder in Identifier.objects.filter(pk__in=batch).values_list("profile_id", flat=True)
        if holder is not None
    }


def profiles_by_reference(references: Iterable[str]) -> dict[str, int]:
    """Return the id of the profile that has each `namespace:value`.

    References that are malformed or unknown are left out.
    """
    parsed: dict[str, Ref] = {}
    stated = list(references)
    normalisers = _normalisers_for(stated)
    for reference in stated:
        try:
            parsed[reference] = parse_reference(reference, normalisers)
        except InvalidIdentifier:
            continue
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(set(parsed.values())))])
        profile_by_ref = {
            Ref(namespace, value): profile_id
            for namespace, value, _, profile_id, *_ in cursor.fetchall()
            if profile_id is not None  # an identifier that only refused facts name has no profile
        }
    return {
        reference: profile_by_ref[ref] for reference, ref in parsed.items() if ref in profile_by_ref
    }


def _normalisers_for(references: Iterable[str]) -> dict[str, str]:
    """Return the normalisers that staff chose, without a query where none of them can count."""
    namespaces = {reference.partition(":")[0] for reference in references}
    return {} if namespaces <= OWN_NORMALISERS.keys() else load_normalisers()
