"""How staff are shown people: by name, initials, and traits as text."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext

from profiles.admin.kit.masks import Mask
from profiles.events.money import amount_text

# A day, or a time, as JSON spells it.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
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
            return gettext("yes") if value else gettext("no")
        case float() | Decimal():
            return number_format(value, force_grouping=False)
        case str() if match := MOMENT.fullmatch(value):
            return _readable_moment(value, has_time=bool(match[1]))
        case list():
            return ", ".join(readable(inner) for inner in value)
        case dict():
            return ", ".join(f"{key}: {readable(inner)}" for key, inner in value.items())
        case _:
            return str(value)


def _readable_moment(text: str, *, has_time: bool) -> str:
    try:
        moment = datetime.fromisoformat(text) if has_time else date.fromisoformat(text)
        if isinstance(moment, datetime) and is_aware(moment):
            moment = localtime(moment)
    except (ValueError, OverflowError):
        return text  # as it was sent: no such day, or one outside of the calendar here
    return date_format(moment, "j M Y H:i" if has_time else "j M Y")


def readable_trait(value: Any, *, is_money: bool) -> str:
    """Return the value of a trait as text, an amount of money with two digits."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return amount_text(value) if is_money and is_number else readable(value)


def initials(name: str) -> str:
    """Return the first letters of the first two words, or a question mark."""
    return "".join(word[0] for word in name.split()[:2] if word[0].isalnum()).upper() or "?"
