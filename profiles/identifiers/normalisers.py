"""Normalisers: the one spelling under which each identifier of a message is stored.

Invariant: normalising a normalised value changes nothing. A change that gives any accepted value
another spelling must raise `NORMALISER_VERSION`.
"""

import re
from collections.abc import Collection
from functools import lru_cache

import email_validator
import phonenumbers

NORMALISER_VERSION = 1
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
_ZEROS_AND_DASHES = re.compile("[0-]*")

# Placeholders that programs send in place of an identifier, as listed by PostHog and Segment.
BLOCKED_VALUES = frozenset(
    {
        "-1",
        "null",
        "none",
        "nil",
        "undefined",
        "nan",
        "anonymous",
        "guest",
        "unknown",
        "not_authenticated",
        "true",
        "false",
        "[object object]",
    }
)


class InvalidIdentifier(ValueError):
    """A value cannot be an identifier of its namespace.

    The message omits the value, which is personal and would end up in logs.
    """

    def __init__(self, namespace: str, reason: str) -> None:
        super().__init__(f"{namespace}: {reason}")
        self.namespace = namespace
        self.reason = reason


def normalise(namespace: str, value: object, *, region: str | None = None) -> str:
    """Return the stored spelling of a text or whole number, at most 255 characters long.

    E-mail addresses (at most 254 bytes) are lower-cased, telephone numbers become E.164, all else
    is only trimmed. `region` is the country of telephone numbers without +, such as "FR". Raises
    InvalidIdentifier.
    """
    text = _storable_text(namespace, value)
    if namespace == "email":
        return _email(text.lower())
    if namespace == "phone":
        return _phone(text, region)
    return text


def is_blocked(namespace: str, value: str, extra: Collection[str] = frozenset()) -> bool:
    """Whether the value is a placeholder, by default or because it is among the `extra` values.

    Works on values before and after normalising: letter case and outer blanks do not count.
    """
    if _is_blocked_everywhere(namespace, value):
        return True
    if not extra:
        return False
    folded = value.strip().lower()
    return any(folded == blocked.strip().lower() for blocked in extra)


@lru_cache(maxsize=65_536)
def _is_blocked_everywhere(namespace: str, value: str) -> bool:
    folded = value.strip().lower()
    if folded in BLOCKED_VALUES or _ZEROS_AND_DASHES.fullmatch(folded):
        return True
    return namespace == "email" and (folded.startswith("test@") or folded.endswith("@example.com"))


def _storable_text(namespace: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        # Refuse longer numbers before str(), which is slow for very long ones.
        if abs(value) >= 10**MAX_LENGTH:
            raise InvalidIdentifier(namespace, "longer than 255 characters")
        value = str(value)
    if not isinstance(value, str):
        raise InvalidIdentifier(namespace, "neither a text nor a whole number")
    text = value.strip()
    if not text:
        raise InvalidIdentifier(namespace, "blank")
    if len(text) > MAX_LENGTH:
        raise InvalidIdentifier(namespace, "longer than 255 characters")
    if _UNSTORABLE.search(text):
        raise InvalidIdentifier(namespace, "has characters that cannot be stored")
    return text


def _email(text: str) -> str:
    return text if _ORDINARY_EMAIL.fullmatch(text) else _validated_email(text)


@lru_cache(maxsize=4096)
def _validated_email(text: str) -> str:
    try:
        address = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise InvalidIdentifier("email", "not the syntax of an address") from None
    return address.normalized


@lru_cache(maxsize=16384)
def _phone(text: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidIdentifier("phone", "not an international number") from None
    # Only the length is checked: numbering plans change faster than their descriptions.
    if not phonenumbers.is_possible_number(number):
        raise InvalidIdentifier("phone", "not of a possible length")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
