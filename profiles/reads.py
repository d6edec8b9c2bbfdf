"""Queries on profiles: filters of lists, look-ups, and the representation that the API returns.

Invariant: representing a thousand profiles takes as many queries as representing one.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import JSONField, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.utils.crypto import salted_hmac

from profiles.identity import sql
from profiles.identity.engine import PROFILE
from profiles.identity.facts import REFUSALS
from profiles.lib import exact_json
from profiles.models import Identifier, Profile
from profiles.registry import registry

# The rules of outcomes by which a fact lost an identifier; other outcomes moved or quarantined it.
# At most 30 digits on each side of the point: more would make jsonb's numbers very long.
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def in_segment(profiles: QuerySet[Profile], key: str) -> QuerySet[Profile]:
    """Return the members of the segment with this key."""
    # By the name of the relation: memberships belong to the segments app, above this one.
    return profiles.filter(memberships__segment__key=key)


def named_by_source(profiles: QuerySet[Profile], key: str) -> QuerySet[Profile]:
    """Return the profiles with an identifier that the source named and no rule refused."""
    profile_ids = RawSQL(sql.PROFILES_NAMED_BY_SOURCE, [key, REFUSALS])  # noqa: S611 - constant
    return profiles.filter(pk__in=profile_ids)


def having_trait(rows: QuerySet[Any], key: str, text: str) -> QuerySet[Any]:
    """Return the profiles or accounts whose trait is this text, or the number it spells.

    Of a text that spells a boolean, those whose trait is that boolean are returned, too.
    """
    matches = Q()
    for value in _possible_values(text):
        # Through exact_json, so that the number has the digits of the query.
        containing = Cast(Value(exact_json.dumps_sorted({key: value})), JSONField())
        matches |= Q(traits__contains=containing)
    return rows.filter(matches)


def _possible_values(text: str) -> list[Any]:
    values: list[Any] = [text]
    if _NUMBER.fullmatch(text):
        values.append(Decimal(text))
    elif text in _BOOLEANS:
        values.append(_BOOLEANS[text])
    return values


def profile_by_uuid(uuid: UUID) -> Profile | None:
    """Return the profile with this public UUID, be it its own or that of a profile it absorbed."""
    identifiers = Identifier.objects.filter(namespace=PROFILE, value=str(uuid))
    return Profile.objects.filter(pk__in=identifiers.values("profile_id")).first()


def represent_profiles(
    profiles: Sequence[Profile], *, with_restricted: bool
) -> list[dict[str, Any]]:
    """Return the profiles as the API returns them, in the given order.

    Without `with_restricted` a restricted profile has only its id and status.
    """
    open_ids = [profile.pk for profile in profiles if with_restricted or not profile.is_restricted]
    identifiers = identifiers_by_profile(open_ids)
    memberships = registered_rows("segments.membership", open_ids)
    consents = consents_by_profile(open_ids)
    is_open = set(open_ids)
    return [
        {
            "id": profile.uuid,
            "traits": profile.traits,
            "identifiers": identifiers[profile.pk],
            "segments": sorted(row["key"] for row in memberships.get(profile.pk, ())),
            "consents": consents[profile.pk],
            "first_seen_at": profile.first_seen_at,
            "last_seen_at": profile.last_seen_at,
            "status": status_of(profile),
        }
        if profile.pk in is_open
        else {"id": profile.uuid, "status": status_of(profile)}
        for profile in profiles
    ]


def status_of(profile: Profile) -> str:
    return "restricted" if profile.is_restricted else "active"


def identifiers_by_profile(profile_ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    """Return the identifiers of each profile, its public UUIDs among them."""
    by_profile: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = Identifier.objects.filter(profile__in=profile_ids).order_by("namespace", "value")
    for identifier in rows if profile_ids else ():
        if identifier.profile_id is not None:
            by_profile[identifier.profile_id].append(represent_identifier(identifier))
    return by_profile


def represent_identifier(identifier: Identifier) -> dict[str, Any]:
    """Return the identifier as the API returns it."""
    return {
        "id": public_id(identifier),
        "namespace": identifier.namespace,
        "value": identifier.value,
        "vouched": identifier.is_vouched,
        "first_seen_at": start_of_day(identifier.first_seen_on),
        "last_seen_at": start_of_day(identifier.last_seen_on),
    }


def start_of_day(day: date) -> datetime:
    """Return the first instant of a UTC day: identifiers have days, and the API has times."""
    return datetime.combine(day, time.min, UTC)


def public_id(identifier: Identifier) -> UUID:
    """Return an opaque id of the identifier, which reveals neither its value nor its primary key.

    It changes with SECRET_KEY.
    """
    digest = salted_hmac("profiles.identifier", str(identifier.pk), algorithm="sha256").digest()
    return UUID(bytes=digest[:16])


def consents_by_profile(profile_ids: Sequence[int]) -> Mapping[int, dict[str, dict[str, Any]]]:
    """Return the state, basis and permission of every purpose, by profile and purpose."""
    by_profile: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for profile_id, rows in registered_rows("consent.consentstate", profile_ids).items():
        by_profile[profile_id] = {row["purpose"]: dict(row) for row in rows}
    return by_profile


def permitted_among(profile_ids: Collection[int], purposes: Collection[str]) -> set[int]:
    """Return those for whom all of these purposes are permitted now."""
    consents = consents_by_profile(list(profile_ids)) if purposes else {}
    return {
        profile_id
        for profile_id in profile_ids
        if all(consents[profile_id].get(key, {}).get("permitted", False) for key in purposes)
    }


def registered_rows(
    model: str, profile_ids: Sequence[int]
) -> Mapping[int, Sequence[Mapping[str, Any]]]:
    """Return the rows of a model of an app above, by profile, as the app registered them.

    Returns nothing if the app is not installed.
    """
    declaration = registry.get(model)
    return declaration.portrait(profile_ids) if declaration and profile_ids else {}
