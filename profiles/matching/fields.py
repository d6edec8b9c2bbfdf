"""What is compared of two people, and how values are spelled so that they can be.

Invariant: traits that are special data (article 9) are no fields, whatever they are called.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from profiles.traits.sensitivity import plain_key


class Field(StrEnum):
    """A kind of values by which people are compared."""

    GIVEN_NAME = "given_name"
    SURNAME = "surname"
    BIRTH_DATE = "birth_date"
    EMAIL = "email"
    PHONE = "phone"
    STREET = "street"
    POSTCODE = "postcode"
    CITY = "city"
    NATIONAL_ID = "national_id"


# Keys of traits, without capitals and signs. Those of `address` are read like others.
_KEYS: dict[Field, tuple[str, ...]] = {
    Field.GIVEN_NAME: ("firstname", "givenname", "forename"),
    Field.SURNAME: ("lastname", "surname", "familyname"),
    Field.BIRTH_DATE: ("birthdate", "birthday", "dateofbirth", "dob"),
    Field.EMAIL: ("email", "emailaddress"),
    Field.PHONE: ("phone", "phonenumber", "mobile", "telephone"),
    Field.STREET: ("street", "streetaddress", "address", "address1", "addressline1"),
    Field.POSTCODE: ("postcode", "postalcode", "zip", "zipcode"),
    Field.CITY: ("city", "town", "suburb", "locality"),
    Field.NATIONAL_ID: ("nationalid", "ssn", "socsecid", "socialsecuritynumber", "taxid"),
}
_FIELD_OF_KEY = {key: field for field, keys in _KEYS.items() for key in keys}
_FULL_NAMES = frozenset({"name", "fullname"})
_PARENTS = frozenset({"address", "postaladdress", "billingaddress", "shippingaddress"})
_LONGEST = 100  # longer values are no names
_ASCII_SIGNS = {code: " " for code in range(128) if not chr(code).isalnum()}


def values_of(
    traits: Mapping[str, Any], is_special: Callable[[str], bool]
) -> Iterator[tuple[Field, str]]:
    """Yield the fields that traits fill, with each value as it was sent."""
    for key, value in traits.items():
        if is_special(key):
            continue
        plain = plain_key(key)
        field = _FIELD_OF_KEY.get(plain)
        # First what nearly all of millions of values are.
        if field and isinstance(value, str):
            yield field, value
        elif isinstance(value, dict) and plain in _PARENTS:
            yield from values_of(value, is_special)
        elif plain in _FULL_NAMES and isinstance(value, str):
            yield from _parts_of_name(value)
        elif field:
            yield from ((field, text) for text in _texts(value))


def comparable(field: Field, text: str) -> str:
    """Return the spelling by which a value is compared; empty if nothing of it can be."""
    return _SPELLINGS.get(field, _letters)(text)


def _parts_of_name(name: str) -> Iterator[tuple[Field, str]]:
    words = name.split()
    if len(words) > 1:
        yield Field.GIVEN_NAME, " ".join(words[:-1])
        yield Field.SURNAME, words[-1]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case bool() | None | dict():
            return
        case list():
            for inner in value:
                if isinstance(inner, str):
                    yield inner
        case _:
            yield str(value)


def _letters(text: str) -> str:
    """Without accents, capitals and signs: `Ann-Zoé` becomes `ann zoe`."""
    if text.isascii():
        # A third of the time, for most texts of most people.
        return " ".join(text[:_LONGEST].lower().translate(_ASCII_SIGNS).split())
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
    plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^\w]+|_", " ", plain).split())


def _digits(text: str) -> str:
    return (text if text.isdecimal() else re.sub(r"\D", "", text))[:_LONGEST]


# A table and not a match: millions of values are spelled in a row.
_SPELLINGS: dict[Field, Callable[[str], str]] = {
    Field.EMAIL: lambda text: text.strip().lower()[:_LONGEST],
    Field.PHONE: lambda text: _digits(text)[-9:],
    Field.BIRTH_DATE: lambda text: _digits(text[:10]),
    Field.NATIONAL_ID: lambda text: _letters(text).replace(" ", ""),
    Field.POSTCODE: lambda text: _letters(text).replace(" ", ""),
}
