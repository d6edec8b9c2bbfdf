"""Frequent values of what staff reviewed as ordinary.

Invariant: no value is kept for this. They are looked up in the store as it is when somebody looks,
so that none outlives an erasure, and only those that ten people have and that reveal nobody.
"""

from typing import Any, NamedTuple

from django.db import OperationalError, connection

from profiles.lib import exact_json
from profiles.lib.database import time_limit
from profiles.lib.estimates import estimated_rows
from profiles.lib.faults import fault_of
from profiles.models import SchemaKey, SchemaPart, TraitDefinition
from profiles.schema import sql
from profiles.traits.revealing import MAX_UNKNOWN_LENGTH, hide_revealing
from profiles.traits.sensitivity import Category, load_categories, steps_of

LIMIT = 20
SECONDS = 1.0
SAMPLED_ROWS = 20_000
# Fewer could be known by the value.
SHARED_BY = 10


class FrequentValue(NamedTuple):
    """A value, and how many people of the sample have it."""

    value: Any
    people: int


def frequent_values(key: SchemaKey) -> list[FrequentValue]:
    """Return the most frequent values of a property, a trait or a part of the context."""
    if not _is_open(key):
        return []
    match key.part:
        case SchemaPart.TRAIT:
            sample = _sample("profiles_profile")
            rows = _rows(sql.TRAIT_VALUES, path=_json_path([key.path]), **sample)
        case SchemaPart.CONTEXT:
            path = _json_path(steps_of(key.path))
            rows = _rows(sql.CONTEXT_VALUES, path=path, **_sample("profiles_event"))
        case _:
            path = _json_path(steps_of(key.path))
            rows = _rows(sql.PROPERTY_VALUES, path=path, name=key.name_id)
    values = (FrequentValue(exact_json.loads(text), people) for text, people in rows)
    return [each for each in values if _reveals_nobody(each.value)]


def _sample(table: str) -> dict[str, float]:
    """Return the part of a table, and the number of its rows, that are looked into at most."""
    total = estimated_rows(table) or 0
    return {"percent": min(100.0, 100 * SAMPLED_ROWS / max(total, 1)), "most": SAMPLED_ROWS}


def _is_open(key: SchemaKey) -> bool:
    """Whether staff reviewed it as ordinary, and nothing on the way to it is anything else."""
    categories = load_categories()
    if key.part == SchemaPart.TRAIT:
        return categories.is_shown(key.path)
    ordinary = TraitDefinition.Category.ORDINARY
    steps = [categories.of_property(step) for step in steps_of(key.path)]
    return key.is_reviewed and key.category == ordinary and set(steps) == {Category.ORDINARY}


def _reveals_nobody(value: Any) -> bool:
    # A number may be that of a card or a telephone.
    text = value if isinstance(value, str) else str(value)
    return len(text) <= MAX_UNKNOWN_LENGTH and hide_revealing(text) == text


def _json_path(steps: list[str]) -> str:
    """Return a path for `jsonb_path_query`; in its lax mode lists on the way are taken apart."""
    return "$" + "".join(f".{exact_json.dumps(step)}" for step in steps) + "[*]"


def _rows(statement: str, **parameters: Any) -> list[tuple[str, int]]:
    """Return the rows of a statement; none where it takes too long."""
    try:
        with time_limit(SECONDS), connection.cursor() as cursor:
            cursor.execute(statement, {**parameters, "shared_by": SHARED_BY, "limit": LIMIT})
            rows: list[tuple[str, int]] = cursor.fetchall()
            return rows
    except OperationalError as error:
        fault_of(error)
        return []
