"""How staff are shown people: by name, initials, and traits as text."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from profiles.admin.kit.masks import Mask
from profiles.events.money import amount_text

# Traits that make up a name. The first group with any value is taken.
NAME_TRAITS = (("first_name", "last_name"), ("firstName", "lastName"), ("name",))


def person_name(traits: Mapping[str, Any], mask: Mask) -> str:
    """Return the name of the person, or an empty text if no source stated it."""
    for keys in NAME_TRAITS:
        parts = [str(mask.trait(key, traits[key])) for key in keys if traits.get(key)]
        if parts:
            return " ".join(parts)
    return ""


def display_name(traits: Mapping[str, Any], mask: Mask) -> str:
    """Return the name of the person, else their e-mail address, else an empty text."""
    name = person_name(traits, mask)
    return name or (str(mask.trait("email", traits["email"])) if traits.get("email") else "")


def readable(value: Any) -> str:
    """Return a JSON value as text for people."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(readable(inner) for inner in value)
        case dict():
            return ", ".join(f"{key}: {readable(inner)}" for key, inner in value.items())
        case _:
            return str(value)


def readable_trait(value: Any, *, is_money: bool) -> str:
    """Return the value of a trait as text, an amount of money with two digits."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return amount_text(value) if is_money and is_number else readable(value)


def initials(name: str) -> str:
    """Return the first letters of the first two words, or a question mark."""
    return "".join(word[0] for word in name.split()[:2] if word[0].isalnum()).upper() or "?"
