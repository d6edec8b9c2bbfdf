"""Named reads of people: who matches, who is meant, and the portrait that the API shows.

Invariant: a portrait takes the same number of queries for one profile as for a thousand.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import JSONField, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.utils.crypto import salted_hmac

from profiles.identity import sql
from profiles.identity.engine import PROFILE, RefusalRule
from profiles.lib import exact_json
from profiles.models import Identifier, Profile
from profiles.registry import registry

REFUSALS = [str(rule) for rule in RefusalRule]
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def in_segment(profiles: QuerySet[Profile], key: str) -> QuerySet[Profile]:
    """Members of a segment, by its key. Memberships are the segments app's, and known here by name alone."""
    return profiles.filter(memberships__segment__key=key)


def named_by_source(profiles: QuerySet[Profile], key: str) -> QuerySet[Profile]:
    """Those of whom a source named an identifier that they were given, or had, by what it said."""
    named = RawSQL(sql.PROFILES_NAMED_BY_SOURCE, [key, REFUSALS])  # noqa: S611 - the text is constant
    return profiles.filter(pk__in=named)


def having_trait(profiles: QuerySet[Profile], key: str, text: str) -> QuerySet[Profile]:
    """Those whose golden trait is this text, or the number or boolean that it spells."""
    matches = Q()
    for value in _readings(text):
        wanted = Cast(Value(exact_json.dumps_sorted({key: value})), JSONField())
        matches |= Q(traits__contains=wanted)
    return profiles.filter(matches)


def _readings(text: str) -> list[Any]:
    readings: list[Any] = [text]
    if _NUMBER.fullmatch(text):
        readings.append(Decimal(text))
    elif text in _BOOLEANS:
        readings.append(_BOOLEANS[text])
    return readings


def profile_called(uuid: UUID) -> Profile | None:
    """The profile that goes by this public UUID, its own or that of one it has absorbed."""
    identifier = (
        Identifier.objects.filter(namespace=PROFILE, value=str(uuid), profile__isnull=False)
        .select_related("profile")
        .first()
    )
    return identifier.profile if identifier else None


def portraits(profiles: Sequence[Profile], *, with_restricted: bool) -> list[dict[str, Any]]:
    """The profiles as the API shows them, in the order given; of a restricted one its id and status alone."""
    open_ids = [one.pk for one in profiles if with_restricted or not one.is_restricted]
    identifiers = identifiers_by_profile(open_ids)
    segments, consents = section("segments.membership", open_ids), consents_of(open_ids)
    is_open = set(open_ids)
    return [
        {
            "id": one.uuid,
            "traits": one.traits,
            "identifiers": identifiers[one.pk],
            "segments": sorted(row["key"] for row in segments.get(one.pk, ())),
            "consents": consents[one.pk],
            "first_seen_at": one.first_seen_at,
            "last_seen_at": one.last_seen_at,
            "status": status_of(one),
        }
        if one.pk in is_open
        else {"id": one.uuid, "status": status_of(one)}
        for one in profiles
    ]


def status_of(profile: Profile) -> str:
    return "restricted" if profile.is_restricted else "active"


def identifiers_by_profile(profile_ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    """What each profile is called, its public UUIDs among it."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = Identifier.objects.filter(profile__in=profile_ids).order_by("namespace", "value")
    for identifier in rows if profile_ids else ():
        found[identifier.profile_id].append(shown_identifier(identifier))
    return found


def shown_identifier(identifier: Identifier) -> dict[str, Any]:
    return {
        "id": public_id(identifier),
        "namespace": identifier.namespace,
        "value": identifier.value,
        "vouched": identifier.is_vouched,
        "first_seen_at": start_of(identifier.first_seen_on),
        "last_seen_at": start_of(identifier.last_seen_on),
    }


def start_of(day: date) -> datetime:
    """Identifiers are dated by UTC day; the API speaks of times."""
    return datetime.combine(day, time.min, UTC)


def public_id(identifier: Identifier) -> UUID:
    """A name for an identifier that says nothing: neither its value nor our own number. Follows SECRET_KEY."""
    digest = salted_hmac("profiles.identifier", str(identifier.pk), algorithm="sha256").digest()
    return UUID(bytes=digest[:16])


def consents_of(profile_ids: Sequence[int]) -> Mapping[int, dict[str, dict[str, Any]]]:
    """Each profile's purposes: state, basis, objected, permitted, valid_until."""
    found: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for profile, rows in section("consent.consentstate", profile_ids).items():
        found[profile] = {row["purpose"]: dict(row) for row in rows}
    return found


def section(model: str, profile_ids: Sequence[int]) -> Mapping[int, Sequence[Mapping[str, Any]]]:
    """What an app above holds of these profiles, as it has declared; nothing where that app is not there."""
    holding = registry.holdings.get(model)
    read = holding and (holding.portrait or holding.read)
    return read(profile_ids) if read and profile_ids else {}
