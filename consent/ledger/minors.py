"""Who is too young to consent alone, where a purpose says from which age on people may (article 8).

Invariant: only a known date of birth makes somebody too young; what nobody told is not guessed.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from profiles.lib.days import store_day
from profiles.models import Profile

MOST_YEARS = 21  # the highest age at which people come of age anywhere
# The trait of the product, and that of Segment's specification.
BIRTH_TRAITS = ("birth_date", "birthday")


def birth_dates(profile_ids: Iterable[int]) -> dict[int, date]:
    """Return the date of birth of those who have one, in one query."""
    rows = Profile.objects.filter(pk__in=set(profile_ids)).values_list("pk", "traits")
    return {pk: born for pk, traits in rows if (born := birth_date_in(traits))}


def birth_date_in(traits: Mapping[str, Any]) -> date | None:
    """Return the first date of birth among traits that can be read as a day."""
    for name in BIRTH_TRAITS:
        try:
            return date.fromisoformat(str(traits.get(name))[:10])
        except ValueError:
            continue
    return None


def age_at(born: date, at: datetime) -> int:
    """Return the age in years on the store's day of an instant."""
    day = store_day(at)
    # Who was born on 29 February is a year older from 1 March on in other years.
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def is_too_young(born: date | None, minimum_age: int | None, at: datetime) -> bool:
    return born is not None and minimum_age is not None and age_at(born, at) < minimum_age
