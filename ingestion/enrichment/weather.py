"""An example of a hook of one's own: the weather of the day and country, from a file.

Add `ingestion.enrichment.weather.Weather` to ENRICHMENTS, and name in WEATHER_FILE a CSV file with
the columns date, country, weather and celsius.
"""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from ingestion.enrichment.base import INFERRED, NOTHING, Conclusions, Enrichment

# The surest first.
COUNTRIES = ("ip_country", "locale_country")


class Weather(Enrichment):
    """`weather` and `celsius` of the day of an event in the country that is concluded."""

    def from_event(self, context: Mapping[str, Any], timestamp: datetime) -> Conclusions:
        inferred = context.get(INFERRED, NOTHING)
        country = next((inferred[name] for name in COUNTRIES if name in inferred), "")
        day = timestamp.astimezone(UTC).date().isoformat()
        return _days(settings.WEATHER_FILE).get((day, country), NOTHING)


@cache
def _days(path: str) -> Mapping[tuple[str, str], Conclusions]:
    if not path:
        return {}
    with Path(path).open(newline="") as file:
        return {
            (row["date"], row["country"]): {
                "weather": row["weather"],
                "celsius": float(row["celsius"]),
            }
            for row in csv.DictReader(file)
        }
