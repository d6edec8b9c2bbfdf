"""The country of a network address, from a file and without a network."""

from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any

import maxminddb
from django.conf import settings

from ingestion.enrichment.base import NOTHING, Conclusions, Enrichment
from ingestion.enrichment.countries import is_country


class AddressOfClient(Enrichment):
    """`ip_country`, where GEO_DATABASE names a file with countries (GeoLite2, DB-IP; .mmdb)."""

    reads_address = True

    def from_context(self, context: Mapping[str, Any]) -> Conclusions:
        path, address = settings.GEO_DATABASE, context.get("ip")
        if not path or not isinstance(address, str):
            return NOTHING
        try:
            record = _reader(path).get(ip_address(address))
        except ValueError:
            # No address, or one of six bytes in a file of four.
            return NOTHING
        country = record.get("country") if isinstance(record, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        return {"ip_country": code} if isinstance(code, str) and is_country(code) else NOTHING


@cache
def _reader(path: str) -> maxminddb.Reader:
    """Open the file once in a process; a newer one is read after a restart."""
    return maxminddb.open_database(path)
