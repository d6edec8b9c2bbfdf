"""Language and country, from the locale."""

import re
from collections.abc import Mapping
from typing import Any

from ingestion.enrichment.base import NOTHING, Conclusions, Enrichment
from ingestion.enrichment.countries import is_country

# RFC 5646, and the form of POSIX: language, script, region; what follows tells nothing here.
_LOCALE = re.compile(
    r"([A-Za-z]{2,3})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?(?:[-_.@][A-Za-z0-9_.@-]*)?"
)


class Locale(Enrichment):
    """`language`, and `locale_country`: where people speak so, which is not where they are."""

    def from_context(self, context: Mapping[str, Any]) -> Conclusions:
        locale = context.get("locale")
        match = _LOCALE.fullmatch(locale) if isinstance(locale, str) and len(locale) < 64 else None
        if match is None:
            return NOTHING
        country = (match[2] or "").upper()
        language = {"language": match[1].lower()}
        return {**language, "locale_country": country} if is_country(country) else language
