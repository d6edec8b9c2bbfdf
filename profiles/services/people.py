"""Finding people by what they are called, and the verbs that change one of them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from profiles import sql
from profiles.golden import encode
from profiles.identity import Ref
from profiles.models import Identifier, Profile, Source, TraitLock, TrustLevel
from profiles.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.services.changes import mark_changed, nudge
from profiles.services.database import database_now, people_lock
from profiles.services.derived import derive
from profiles.services.identity import Sighting, judge, load_rules
from profiles.services.traits import recompute_golden


def parse_reference(reference: str) -> Ref:
    """`email:Ada@Example.org` → its namespace and stored spelling. Raises InvalidIdentifier."""
    namespace, colon, value = reference.partition(":")
    if not colon or not namespace:
        raise InvalidIdentifier("identifier", "must look like namespace:value")
    return Ref(namespace, normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION))


def profiles_by_reference(references: Iterable[str]) -> dict[str, int]:
    """The profile that holds each `namespace:value`; what is malformed or unknown is left out."""
    parsed: dict[str, Ref] = {}
    for reference in references:
        try:
            parsed[reference] = parse_reference(reference)
        except InvalidIdentifier:
            continue
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_IDENTIFIERS, [encode(list(set(parsed.values())))])
        holders = {Ref(row[0], row[1]): row[3] for row in cursor.fetchall() if row[3] is not None}
    return {name: holders[ref] for name, ref in parsed.items() if ref in holders}


def identify(references: Iterable[str], *, source: Source, trust: TrustLevel, now: datetime) -> int:
    """The profile of the person whom these identifiers name together, made where nobody has them.

    The caller holds the people lock. Raises InvalidIdentifier.
    """
    refs = tuple(dict.fromkeys(parse_reference(reference) for reference in references))
    for ref in refs:
        if is_blocked(ref.namespace, ref.value):
            raise InvalidIdentifier(ref.namespace, "is a value that stands for nobody")
    sighting = Sighting(refs, source.pk, trust, now.astimezone(UTC).date())
    judgement = judge([sighting], rules=load_rules(), source_keys={source.pk: source.key}, now=now)
    derive(judgement.stale_traits)
    mark_changed(judgement.changed_profiles)
    return judgement.landings[sighting].profile_id


@transaction.atomic
def rectify(
    profile_id: int, changes: Mapping[str, Any], *, actor: str, reason: str
) -> dict[str, Any]:
    """Correct traits so that they stay corrected: each value is locked, and null keeps the trait empty.

    Returns the golden traits. Raises Profile.DoesNotExist.
    """
    people_lock()
    now = database_now()
    profile = Profile.objects.get(pk=profile_id)
    identifier = Identifier.objects.get(namespace="profile", value=str(profile.uuid))
    for key, value in changes.items():
        TraitLock.objects.filter(profile=profile, key=key).delete()
        TraitLock.objects.create(
            identifier=identifier,
            profile=profile,
            key=key,
            value=value,
            actor=actor,
            reason=reason,
            locked_at=now,
        )
    recompute_golden([profile_id])
    mark_changed([profile_id])
    nudge("segments.refresh_changed")
    profile.refresh_from_db(fields=["traits"])
    traits: dict[str, Any] = profile.traits
    return traits
