"""The values of people by field: of single profiles as they were sent, for whoever decides."""

from collections import defaultdict
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from profiles.matching.fields import Field, values_of
from profiles.models import Identifier, SourceRecord, TraitDefinition, TraitLock
from profiles.traits.sensitivity import load_categories

CONTACTS = {"email": Field.EMAIL, "phone": Field.PHONE}


def values_of_profiles(profile_ids: Collection[int]) -> dict[int, dict[Field, list[str]]]:
    """Return all values that profiles ever had, by field and as they were sent, in four queries."""
    is_special = special_keys()
    values: dict[int, dict[Field, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))

    def add(profile_id: int, traits: dict[str, Any]) -> None:
        for field, text in values_of(traits, is_special):
            values[profile_id][field][text] = None

    records = SourceRecord.objects.filter(profile__in=profile_ids).order_by("pk")
    for profile_id, record in records.values_list("profile_id", "traits"):
        add(profile_id, without_times(record))
    locks = TraitLock.objects.filter(profile__in=profile_ids)
    for profile_id, key, value in locks.values_list("profile_id", "key", "value"):
        add(profile_id, {key: value})
    contacts = Identifier.objects.filter(profile__in=profile_ids, namespace__in=CONTACTS)
    for profile_id, key, value in contacts.values_list("profile_id", "namespace", "value"):
        values[profile_id or 0][CONTACTS[key]][value] = None
    return {
        profile_id: {field: list(texts) for field, texts in fields.items()}
        for profile_id, fields in values.items()
    }


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    """Return the traits of a source record as `{trait: value}`."""
    return {key: entry[0] for key, entry in record.items()}


def special_keys() -> Callable[[str], bool]:
    """Return the question whether a trait is special data, with one query.

    People have the same keys again and again, of which the first thousands are remembered.
    """
    categories = load_categories()

    @lru_cache(maxsize=4096)
    def is_special(key: str) -> bool:
        return categories.of(key) == TraitDefinition.Category.SPECIAL

    return is_special
