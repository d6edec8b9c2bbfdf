"""Countries by ISO 3166-1 code, by name, and by telephone number."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

import phonenumbers
from phonenumbers.geodata.locale import LOCALE_DATA

# In which people write addresses; a name that means two countries means none.
LANGUAGES = ("en", "fr", "de", "es", "it", "nl", "pt", "pl", "sv", "da", "fi", "cs", "el")
# As countries are called besides.
OTHER_NAMES = {
    "usa": "US",
    "us": "US",
    "united states of america": "US",
    "etats unis d amerique": "US",
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "holland": "NL",
    "czechia": "CZ",
    "turkiye": "TR",
}
# Without those of former countries.
CODES = frozenset(LOCALE_DATA) & phonenumbers.SUPPORTED_REGIONS


def is_country(code: str) -> bool:
    """Whether it is the code of a country, in capitals."""
    return code in CODES


def country_of_name(name: str) -> str:
    """Return the code of a country that is written out or as its code, empty if it is unclear."""
    plain = _plain(name)
    code = plain.upper()
    if plain in OTHER_NAMES:
        return OTHER_NAMES[plain]
    return code if code in CODES else _codes_by_name().get(plain, "")


def country_of_phone(number: str) -> str:
    """Return the country of a number in international form, empty if it is of none or of many."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return ""
    code = phonenumbers.region_code_for_number(parsed) or ""
    return code if code in CODES else ""


@cache
def _codes_by_name() -> Mapping[str, str]:
    names: dict[str, set[str]] = {}
    for code in CODES:
        by_language = LOCALE_DATA[code]
        for language in LANGUAGES:
            name = by_language.get(language, "")
            # A star leads to the language in which it is called the same.
            name = by_language.get(name[1:], "") if name.startswith("*") else name
            if name:
                names.setdefault(_plain(name), set()).add(code)
    return {name: codes.pop() for name, codes in names.items() if len(codes) == 1}


def _plain(name: str) -> str:
    """Return a name in small letters without accents and signs."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", bare.casefold()).strip()
