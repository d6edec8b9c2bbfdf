"""What a correction may say: one judgement for staff, services, customers and their requests.

Invariant: an e-mail address or telephone number is an identifier. A correction takes it from nobody
and brings no erased person back.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from django.conf import settings

from profiles.audit import Actor
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.identity.identify import identify
from profiles.identity.rules import load_blocked
from profiles.lib.database import database_now
from profiles.models import ActorKind, Identifier, Profile, Source, TraitDefinition, TrustLevel
from profiles.registry import registry
from profiles.traits.definitions import trait_origins
from profiles.traits.golden import CONTACT_TRAITS

MAX_KEY = 255  # the length of the column trait_definition.key
MAX_DEPTH = 32  # of nested lists and objects
CORRECTIONS = "corrections"
_TRUST = {ActorKind.STAFF: TrustLevel.STAFF, ActorKind.CUSTOMER: TrustLevel.VERIFIED}


class InvalidCorrection(ValueError):
    """A trait cannot have the value that a correction gives it. The text omits the value."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


class ContactNotFree(Exception):
    """The address or number is another person's or may not be used; the text does not say which."""

    def __init__(self, key: str) -> None:
        super().__init__("This cannot become the person's: look into who has it first.")
        self.key = key


def checked_corrections(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the corrections with addresses and numbers as they are stored.

    Raises InvalidCorrection.
    """
    return {key: _checked(key, value) for key, value in changes.items()}


def requires_staff(changes: Mapping[str, Any], *, proved: Mapping[str, set[str]]) -> bool:
    """Whether a customer may not correct these traits alone.

    They may correct what they gave themselves, and choose among the contacts that they have proved:
    `proved` has these by namespace.
    """
    origins = trait_origins(changes)
    return any(
        value is not None and value not in proved.get(key, ())
        if key in CONTACT_TRAITS
        else origins[key] != TraitDefinition.Origin.GIVEN
        for key, value in changes.items()
    )


def attach_contacts(profile: Profile, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Let the profile have the corrected addresses and numbers. Raises ContactNotFree.

    The caller holds the people lock.
    """
    for key in CONTACT_TRAITS:
        if changes.get(key) is not None:
            _attach(profile, key, changes[key], actor)


def is_storable(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether PostgreSQL can store the JSON value as it is.

    It refuses NUL, lone surrogates and infinite numbers; nesting is bounded by `depth`.
    """
    match value:
        case str():
            return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in value)
        case float():
            return isfinite(value)
        case dict():
            return depth > 0 and all(is_storable([*pair], depth - 1) for pair in value.items())
        case list():
            return depth > 0 and all(is_storable(inner, depth - 1) for inner in value)
        case _:
            return True


def _checked(key: str, value: Any) -> Any:
    if not key.strip() or len(key) > MAX_KEY:
        raise InvalidCorrection(key[:80], "A key has 1 to 255 characters.")
    if not is_storable([key, value]):
        raise InvalidCorrection(key, "Holds what cannot be stored.")
    return value if value is None or key not in CONTACT_TRAITS else _checked_contact(key, value)


def _checked_contact(key: str, value: Any) -> str:
    try:
        if not isinstance(value, str):
            raise InvalidIdentifier(key, "not a text")
        contact = normalise(key, value, region=settings.DEFAULT_PHONE_REGION)
    except InvalidIdentifier as error:
        raise InvalidCorrection(key, error.reason) from None
    if is_blocked(key, contact, load_blocked().get(key, frozenset())):
        raise InvalidCorrection(key, "is a value that stands for nobody")
    return contact


def _attach(profile: Profile, key: str, contact: str, actor: Actor) -> None:
    holders = Identifier.objects.filter(namespace=key, value=contact, profile__isnull=False)
    holder = holders.values_list("profile_id", flat=True).first()
    if holder == profile.pk:
        return
    if holder is not None or registry.kept_out([f"{key}:{contact}"]):
        raise ContactNotFree(key)
    source, _ = Source.objects.get_or_create(key=CORRECTIONS, defaults={"name": "Corrections"})
    trust = _TRUST.get(actor.kind, TrustLevel.SERVER)
    names = [f"{key}:{contact}", f"profile:{profile.uuid}"]
    # Rules may still give it to a profile of its own: then it is not theirs either.
    if identify(names, source=source, trust=trust, now=database_now()) != profile.pk:
        raise ContactNotFree(key)
