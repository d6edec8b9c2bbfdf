"""Normalisers: the one spelling under which each identifier of a message is stored.

Invariant: normalising a normalised value changes nothing. A change that gives any accepted value
another spelling must raise `NORMALISER_VERSION`.
"""

import re
import unicodedata
from collections.abc import Collection
from decimal import Decimal
from math import isfinite

import email_validator
import phonenumbers

from profiles.identifiers.placeholders import INVISIBLE, folded_text, stands_for_nobody
from profiles.lib.memory import remembered
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser

# 2: NFC, no invisible signs, Mexico without its former 1, no extensions, no repeated digit.
NORMALISER_VERSION = 2
MAX_LENGTH = 255  # the length of the column identifier.value

# Reserved domains such as .test are valid syntax; `is_blocked` refuses them where they stand for
# nobody. The library's documentation invites callers to change this list.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

# Addresses of up to 64 plain lower-case characters, which email-validator returns unchanged. The
# pattern takes half a microsecond and the library 20. Punycode (`xn--`) must go to the library, so
# two hyphens do not match.
_ORDINARY_EMAIL = re.compile(
    r"(?=.{6,64}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL and lone surrogates
# Mexican mobile numbers had a 1 behind the country code until 2019.
_MEXICO, _FORMER_MEXICAN = 52, re.compile(r"1(\d{10})")


class InvalidIdentifier(ValueError):
    """A value cannot be an identifier of its namespace.

    The message omits the value, which is personal and would end up in logs.
    """

    def __init__(self, namespace: str, reason: str) -> None:
        super().__init__(f"{namespace}: {reason}")
        self.namespace = namespace
        self.reason = reason


def normalise(
    namespace: str,
    value: object,
    *,
    region: str | None = None,
    normaliser: str = Normaliser.AS_SENT,
) -> str:
    """Return the stored spelling of a text or whole number, at most 255 characters long.

    E-mail addresses (at most 254 bytes) are lower-cased, telephone numbers become E.164, all else
    is only trimmed. `region` is the country of telephone numbers without +, such as "FR".
    `normaliser` is what staff chose for the namespace, unless it has its own. Raises
    InvalidIdentifier.
    """
    text = _storable_text(namespace, value)
    match OWN_NORMALISERS.get(namespace, normaliser):
        case Normaliser.LOWER:
            return _lower(namespace, text)
        case Normaliser.EMAIL:
            return _email(namespace, text.lower())
        case Normaliser.PHONE:
            return _phone(namespace, text, region)
    return text


def former_spellings(namespace: str, value: str, version: int) -> tuple[str, ...]:
    """Return what an older version may have made of an identifier that is now spelled like this."""
    if version >= NORMALISER_VERSION:
        return (value,)
    if namespace == "phone" and value.startswith("+52"):
        return (value, f"+521{value[3:]}")
    # What was sent decomposed was stored so.
    decomposed = value if value.isascii() else unicodedata.normalize("NFD", value)
    return (value,) if decomposed == value else (value, decomposed)


def is_blocked(namespace: str, value: str, extra: Collection[str] = frozenset()) -> bool:
    """Whether the value is a placeholder, by default or because it is among the `extra` values.

    Works on values before and after normalising: letter case and outer blanks do not count. In an
    `extra` value each * stands for any signs.
    """
    if stands_for_nobody(namespace, value):
        return True
    if not extra:
        return False
    folded = folded_text(value)
    return any(_matches(folded, folded_text(blocked)) for blocked in extra)


def _matches(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, by a search that takes no longer than both are long."""
    first, *middle = pattern.split("*")
    if not middle:
        return text == pattern
    last = middle.pop()
    place, end = len(first), len(text) - len(last)
    if place > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _storable_text(namespace: str, value: object) -> str:
    if isinstance(value, float | Decimal) and isfinite(value) and abs(value) < 10**MAX_LENGTH:
        # 42.0 is 42. By int(), since a remainder of many digits cannot be computed.
        value = int(value) if value == int(value) else value
    if isinstance(value, int) and not isinstance(value, bool):
        # Refuse longer numbers before str(), which is slow for very long ones.
        if abs(value) >= 10**MAX_LENGTH:
            raise InvalidIdentifier(namespace, "longer than 255 characters")
        value = str(value)
    if not isinstance(value, str):
        raise InvalidIdentifier(namespace, "neither a text nor a whole number")
    text = value.strip() if value.isascii() else _visible_text(value)
    if not text:
        raise InvalidIdentifier(namespace, "blank")
    if len(text) > MAX_LENGTH:
        raise InvalidIdentifier(namespace, "longer than 255 characters")
    if _UNSTORABLE.search(text):
        raise InvalidIdentifier(namespace, "has characters that cannot be stored")
    return text


def _visible_text(text: str) -> str:
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text)).strip()


def _lower(namespace: str, text: str) -> str:
    # A letter may become two, and compose with what stands behind it.
    lower = text.lower()
    lower = lower if lower.isascii() else unicodedata.normalize("NFC", lower)
    if len(lower) > MAX_LENGTH:
        raise InvalidIdentifier(namespace, "longer than 255 characters")
    return lower


def _email(namespace: str, text: str) -> str:
    if _ORDINARY_EMAIL.fullmatch(text):
        return text
    address = _validated_email(text)
    if address is None:
        raise InvalidIdentifier(namespace, "not the syntax of an address")
    return address


@remembered(maxsize=4096)
def _validated_email(text: str) -> str | None:
    try:
        address = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return None
    return address.normalized


@remembered(maxsize=16384)
def _phone(namespace: str, text: str, region: str | None) -> str:
    # Before anything is made of it: 0000000000 would become a number of somebody.
    if is_blocked(namespace, text):
        raise InvalidIdentifier(namespace, "a value that stands for nobody")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidIdentifier(namespace, "not an international number") from None
    if number.extension:
        # Everybody behind a switchboard would be one person.
        raise InvalidIdentifier(namespace, "has an extension")
    former = _FORMER_MEXICAN.fullmatch(str(number.national_number))
    if number.country_code == _MEXICO and former:
        number.national_number = int(former[1])
    # Only the length is checked: numbering plans change faster than their descriptions.
    if not phonenumbers.is_possible_number(number):
        raise InvalidIdentifier(namespace, "not of a possible length")
    if len(set(phonenumbers.national_significant_number(number))) == 1:
        raise InvalidIdentifier(namespace, "one repeated digit")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
