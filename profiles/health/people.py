"""A sample of people, as far as identity health looks at them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from profiles.health import sql
from profiles.lib.database import array_of
from profiles.lib.estimates import estimated_rows
from profiles.matching.fields import comparable, values_of
from profiles.matching.values import without_times
from profiles.traits.sensitivity import Category, load_categories, plain_key

SAMPLED = 20_000
GENDER, COUNTRY = "gender", "country"
_OTHER_KEYS = {"gender": GENDER, "sex": GENDER, "country": COUNTRY, "countrycode": COUNTRY}


@dataclass(slots=True)
class Sampled:
    """One person: the different values of each kind that sources ever said, and the identifiers.

    `identifiers` and `vouched` count by namespace.
    """

    uuid: UUID
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    identifiers: dict[str, int] = field(default_factory=dict)
    vouched: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(self.identifiers.values())


def read_sample(most: int = SAMPLED) -> list[Sampled]:
    """Return about so many people that are not restricted, and all where there are fewer."""
    rows = estimated_rows("profiles_profile") or 0
    percent = 100.0 if rows <= most else most / rows * 100
    people = {
        pk: Sampled(uuid) for pk, uuid in _fetch(sql.SAMPLE, {"percent": percent, "most": most})
    }
    ids = {"ids": array_of(people)}
    categories = load_categories()

    def is_special(key: str) -> bool:
        return categories.of(key) == Category.SPECIAL

    for pk, traits in _fetch(sql.RECORDS, ids):
        for kind, text in _kinds(without_times(json.loads(traits)), is_special):
            people[pk].values[kind].add(text)
    for pk, namespace, count, vouched in _fetch(sql.IDENTIFIERS, ids):
        people[pk].identifiers[namespace] = count
        people[pk].vouched[namespace] = vouched
    return list(people.values())


def _kinds(
    traits: Mapping[str, Any], is_special: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    for kind, text in values_of(traits, is_special):
        if spelled := comparable(kind, text):
            yield kind, spelled
    for key, value in traits.items():
        kind_of_key = _OTHER_KEYS.get(plain_key(key))
        if kind_of_key and isinstance(value, str) and value.strip() and not is_special(key):
            yield kind_of_key, value.strip().casefold()


def _fetch(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
