"""The country of a telephone number, and of an address."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from ingestion.enrichment.base import NOTHING, Conclusions, Enrichment
from ingestion.enrichment.countries import country_of_name, country_of_phone
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.lib.memory import remembered

MAX_LENGTH = 100


class PhoneCountry(Enrichment):
    """The trait `inferred_phone_country`, from `phone`."""

    def from_traits(self, traits: Mapping[str, Any]) -> Conclusions:
        phone = traits.get("phone")
        if not isinstance(phone, str) or not 0 < len(phone) <= MAX_LENGTH:
            return NOTHING
        country = _of_phone(phone, settings.DEFAULT_PHONE_REGION)
        return {"phone_country": country} if country else NOTHING


class AddressCountry(Enrichment):
    """The trait `inferred_address_country`, from the country of `address` or from `country`."""

    def from_traits(self, traits: Mapping[str, Any]) -> Conclusions:
        address = traits.get("address")
        stated = address.get("country") if isinstance(address, dict) else None
        name = stated or traits.get("country")
        if not isinstance(name, str) or len(name) > MAX_LENGTH:
            return NOTHING
        country = country_of_name(name)
        return {"address_country": country} if country else NOTHING


@remembered(maxsize=16_384)
def _of_phone(phone: str, region: str) -> str:
    try:
        return country_of_phone(normalise("phone", phone, region=region))
    except InvalidIdentifier:
        return ""
