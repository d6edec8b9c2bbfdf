"""From what a message calls an identifier to the one spelling under which it is stored.

Invariant: normalising is idempotent, and refuses what the database or the rules could not hold. A
change that gives any accepted value another spelling raises `NORMALISER_VERSION`.
"""

import re
from collections.abc import Collection
from functools import lru_cache

import email_validator
import phonenumbers

NORMALISER_VERSION = 1
MAX_LENGTH = 255

# Whether an address may be at a reserved domain such as .test is for the blocked values to say, not
# for syntax. The library declares this list as open to change by whoever uses it.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

# Lower-case addresses of up to 64 plain characters, which email-validator accepts as they are; it
# takes some 20 microseconds each and this a half. No label is punycode: two hyphens do not match.
_ORDINARY_EMAIL = re.compile(
    r"(?=.{6,64}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ZEROS_AND_DASHES = re.compile("[0-]*")

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
    """A value that cannot be an identifier of its namespace. Never says the value: it is personal."""

    def __init__(self, namespace: str, reason: str) -> None:
        super().__init__(f"{namespace}: {reason}")
        self.namespace = namespace
        self.reason = reason


def normalise(namespace: str, value: object, *, region: str | None = None) -> str:
    """The stored spelling of a text or whole number, of at most 255 characters.

    E-mail addresses (at most 254 bytes) are lower-cased, telephone numbers become E.164 (`region` is the country of
    those without +, as in "FR"), all else is only trimmed. Raises InvalidIdentifier.
    """
    text = _text(namespace, value)
    if namespace == "email":
        return _email(text.lower())
    if namespace == "phone":
        return _phone(text, region)
    return text


def is_blocked(namespace: str, value: str, extra: Collection[str] = frozenset()) -> bool:
    """Whether the value stands for nobody in particular, by the defaults or by `extra` values.

    Takes values before and after normalising; letter case and blanks around them do not count.
    """
    if _is_blocked_everywhere(namespace, value):
        return True
    if not extra:
        return False
    plain = value.strip().lower()
    return any(plain == other.strip().lower() for other in extra)


@lru_cache(maxsize=65_536)
def _is_blocked_everywhere(namespace: str, value: str) -> bool:
    plain = value.strip().lower()
    if plain in BLOCKED_VALUES or _ZEROS_AND_DASHES.fullmatch(plain):
        return True
    return namespace == "email" and (plain.startswith("test@") or plain.endswith("@example.com"))


def _text(namespace: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        # Longer numbers are refused before Python spells them out, which can be very slow.
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
    return text if _ORDINARY_EMAIL.fullmatch(text) else _unusual_email(text)


@lru_cache(maxsize=4096)
def _unusual_email(text: str) -> str:
    try:
        address = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise InvalidIdentifier("email", "not the syntax of an address") from None
    return address.normalized


@lru_cache(maxsize=16384)
def _phone(text: str, region: str | None) -> str:
    """Numbers of a possible length pass: numbering plans change faster than their descriptions."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise InvalidIdentifier("phone", "not an international number") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidIdentifier("phone", "not of a possible length")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
