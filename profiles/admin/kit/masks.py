"""What staff who may not see contact data are shown instead of it.

Invariant: whatever the admin shows of a person passes a mask, and a mask is closed unless the user has
`profiles.view_contact_data`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from profiles.identity.engine import PROFILE
from profiles.models import TraitDefinition

PERMISSION = "profiles.view_contact_data"
# Keys that name or reach a person in the field's own vocabulary, in any spelling.
CONTACT_KEYS = frozenset(
    {
        *("email", "phone", "mobile", "telephone", "name", "firstname", "lastname", "fullname"),
        *("surname", "givenname", "familyname", "displayname", "username", "address", "street"),
        *("ip", "avatar", "token", "advertisingid", "useremail", "customeremail"),
    }
)
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
# Telephone numbers: international, or national with their leading zero. Dates and order numbers pass.
_DIGITS = re.compile(r"(?:\+|\b0)\d(?:[ .()-]?\d){7,}")


@dataclass(frozen=True, slots=True)
class Mask:
    """Open: shows everything. Closed: hides what names or reaches a person."""

    is_open: bool
    hidden_keys: frozenset[str] = CONTACT_KEYS

    def identifier(self, namespace: str, value: str) -> str:
        """A public UUID says nothing; every other identifier is hidden but for its first letter."""
        return value if self.is_open or namespace == PROFILE else hidden(value)

    def trait(self, key: str, value: Any) -> Any:
        """A trait's value, hidden where its key is one of contact."""
        if self.is_open:
            return value
        return hidden_within(value) if self.hides(key) else self.tree(value)

    def tree(self, value: Any) -> Any:
        """Properties and the like: hidden by key, and wherever a text has an address or a number in it."""
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
    """The mask of this user: at most one query, for traits that staff marked as contact or special."""
    if request.user.has_perm(PERMISSION):
        return Mask(is_open=True)
    ordinary = TraitDefinition.Category.ORDINARY
    marked = TraitDefinition.objects.exclude(category=ordinary).values_list("key", flat=True)
    return Mask(is_open=False, hidden_keys=CONTACT_KEYS | {plain_key(key) for key in marked})


def plain_key(key: str) -> str:
    """`first_name`, `firstName` and `First Name` are one key."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def hidden(value: str) -> str:
    return f"{value[:1]}•••" if len(value) > 3 else "•••"


def hidden_within(value: Any) -> Any:
    """The same shape with every text and number hidden."""
    match value:
        case dict():
            return {key: hidden_within(inner) for key, inner in value.items()}
        case list():
            return [hidden_within(inner) for inner in value]
        case None | bool():
            return value
        case _:
            return hidden(str(value))
