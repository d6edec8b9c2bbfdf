"""Masks, which hide contact data from staff who may not see it.

Invariant: all personal data in the admin passes through a mask, and the mask is closed unless the
user has the permission `profiles.view_contact_data`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from profiles.identity.engine import PROFILE
from profiles.models import TraitDefinition

PERMISSION = "profiles.view_contact_data"
# Keys of values that name or reach a person, as `plain_key` spells them.
CONTACT_KEYS = frozenset(
    {
        # names
        "name",
        "firstname",
        "lastname",
        "fullname",
        "surname",
        "givenname",
        "familyname",
        "displayname",
        "username",
        # addresses and numbers
        "email",
        "useremail",
        "customeremail",
        "phone",
        "mobile",
        "telephone",
        "address",
        "street",
        # devices and pictures
        "ip",
        "token",
        "advertisingid",
        "avatar",
    }
)
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
# Telephone numbers, international or national with a leading zero; not dates and order numbers.
_DIGITS = re.compile(r"(?:\+|\b0)\d(?:[ .()-]?\d){7,}")


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask that is open and shows everything, or hides what names or reaches a person."""

    is_open: bool
    hidden_keys: frozenset[str] = CONTACT_KEYS

    def identifier(self, namespace: str, value: str) -> str:
        """Hide an identifier but for its first letter; a public UUID reveals nothing."""
        return value if self.is_open or namespace == PROFILE else hide_text(value)

    def trait(self, key: str, value: Any) -> Any:
        """Hide a trait's value if its key is one of contact data."""
        if self.is_open:
            return value
        return hide_all(value) if self.hides(key) else self.tree(value)

    def tree(self, value: Any) -> Any:
        """Hide values in nested JSON, by their keys and wherever a text contains an address."""
        if self.is_open:
            return value
        match value:
            case dict():
                return {key: self.trait(key, inner) for key, inner in value.items()}
            case list():
                return [self.tree(inner) for inner in value]
            case str():
                return _DIGITS.sub("•••", _ADDRESS.sub("•••", value))
            case _:
                return value

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self.trait(key, value) for key, value in traits.items()}

    def hides(self, key: str) -> bool:
        return plain_key(key) in self.hidden_keys


def mask_for(request: HttpRequest) -> Mask:
    """Return the user's mask, in one query at most."""
    if request.user.has_perm(PERMISSION):
        return Mask(is_open=True)
    ordinary = TraitDefinition.Category.ORDINARY
    # Staff have marked these traits as contact or special data.
    keys = TraitDefinition.objects.exclude(category=ordinary).values_list("key", flat=True)
    return Mask(is_open=False, hidden_keys=CONTACT_KEYS | {plain_key(key) for key in keys})


def plain_key(key: str) -> str:
    """Return one spelling for `first_name`, `firstName` and `First Name`."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def hide_text(text: str) -> str:
    # The first letter of a short text would reveal too much of it.
    return f"{text[:1]}•••" if len(text) > 3 else "•••"


def hide_all(value: Any) -> Any:
    """Return the same JSON with every text and number hidden."""
    match value:
        case dict():
            return {key: hide_all(inner) for key, inner in value.items()}
        case list():
            return [hide_all(inner) for inner in value]
        case None | bool():
            return value
        case _:
            return hide_text(str(value))
