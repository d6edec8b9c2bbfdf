"""What Google wants of each field.

Pure. Source: Data Manager API, "Format user data": addresses and numbers and names are hashed by
SHA-256 in hexadecimal, country and postcode are not.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from segments.activation.destinations.hashing import is_sha256, sha256

_GMAIL = ("gmail.com", "googlemail.com")


def _email(text: str) -> str:
    plain = re.sub(r"\s", "", text)
    if not re.fullmatch(r"[^@]+@[^@]+", plain):
        return ""
    local, _, host = plain.partition("@")
    if host not in _GMAIL:
        return plain
    # Gmail delivers to one box whatever dots and tags an address has.
    local = local.split("+")[0].replace(".", "")
    return f"{local}@{host}" if local else ""


def _phone(text: str) -> str:
    digits = re.sub(r"[\s\-().]", "", text)
    digits = re.sub(r"^00", "+", digits)
    return digits if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits) else ""


def _name(text: str) -> str:
    return text


_HASHED: dict[str, Callable[[str], str]] = {
    "emailAddress": _email,
    "phoneNumber": _phone,
    "givenName": _name,
    "familyName": _name,
}
_BARE = ("regionCode", "postalCode")
FIELDS = frozenset({*_HASHED, *_BARE})
ADDRESS = ("givenName", "familyName", *_BARE)


def normalised(field: str, value: Any) -> str:
    """Return a field as Google wants it; empty where it is of no use."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if field == "regionCode":
        code = str(value).strip().upper()
        return code if re.fullmatch(r"[A-Z]{2}", code) else ""
    if field == "postalCode":
        return str(value).strip()
    text = str(value).strip().lower()
    if is_sha256(text):
        return text
    plain = _HASHED[field](text)
    return sha256(plain) if plain else ""


def prepare(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a person as Google wants them; an address is whole, or is not sent."""
    prepared = {name: normalised(name, value) for name, value in fields.items()}
    filled = {name: value for name, value in prepared.items() if value}
    if not set(ADDRESS) <= filled.keys():
        return {name: value for name, value in filled.items() if name not in ADDRESS}
    return filled
