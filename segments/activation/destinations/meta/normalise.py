"""What Meta wants of each field before it is hashed.

Pure. Source: Marketing API, "Hashing and normalization", and normalize.py of Meta's own library
(facebook_business 26.0.3, adobjects/serverside).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from segments.activation.destinations.hashing import is_hash, sha256

# What stands in the names of places and is no part of them.
_IN_PLACES = re.compile(r"[0-9.\s\-()]")
_IN_PHONES = re.compile(r"[\s\-()]")
_GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}


def _plain(text: str) -> str:
    return text


def _place(text: str) -> str:
    return _IN_PLACES.sub("", text)


def _postcode(text: str) -> str:
    return re.sub(r"\s", "", text).split("-")[0]


def _country(text: str) -> str:
    return text if re.fullmatch(r"[a-z]{2}", text) else ""


def _phone(text: str) -> str:
    digits = _IN_PHONES.sub("", text)
    digits = re.sub(r"^(\+|00)", "", digits)
    return digits if re.fullmatch(r"[1-9][0-9]{6,14}", digits) else ""


def _gender(text: str) -> str:
    return _GENDERS.get(text, "")


def _year(text: str) -> str:
    return text if re.fullmatch(r"[12][0-9]{3}", text) else ""


def _two_digits(text: str) -> str:
    return text.zfill(2) if re.fullmatch(r"[0-9]{1,2}", text) else ""


def _email(text: str) -> str:
    return text if re.fullmatch(r"[^@\s]+@[^@\s]+", text) else ""


def _initial(text: str) -> str:
    return text[:1]


_HASHED: dict[str, Callable[[str], str]] = {
    "EMAIL": _email,
    "PHONE": _phone,
    "GEN": _gender,
    "DOBY": _year,
    "DOBM": _two_digits,
    "DOBD": _two_digits,
    "LN": _plain,
    "FN": _plain,
    "FI": _initial,
    "ST": _place,
    "CT": _place,
    "ZIP": _postcode,
    "COUNTRY": _country,
}
# These are sent as they are.
_BARE = frozenset({"EXTERN_ID", "MADID"})
FIELDS = frozenset(_HASHED) | _BARE


def normalised(field: str, value: Any) -> str:
    """Return a field as Meta wants it, hashed where it is to be; empty where it is of no use."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if field == "EXTERN_ID":
        return str(value).strip()
    text = str(value).strip().lower()
    if field in _BARE or is_hash(text):
        return text
    plain = _HASHED[field](text)
    return sha256(plain) if plain else ""


def prepare(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a person as Meta wants them."""
    prepared = {name: normalised(name, value) for name, value in fields.items()}
    return {name: value for name, value in prepared.items() if value}
