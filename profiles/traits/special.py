"""Special traits (article 9), which lie apart from all others, each encrypted by the key of its
identifier.

Invariant: the value of a special trait is in no source record, golden record, segment, search or
export. Of two statements of one source the later one counts, never by its value. The caller of
every function that writes holds the people lock.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from django.db import connection

from profiles.lib import exact_json, key_store
from profiles.models import Source, SpecialTrait, TraitDefinition, TraitLock, TrustLevel
from profiles.traits import sql
from profiles.traits.parties import load_parties
from profiles.traits.sensitivity import Category, guess_category, load_categories, plain_key

logger = logging.getLogger(__name__)


class SpecialKey(NamedTuple):
    """The unique key of what one source states of one special trait."""

    profile_id: int
    identifier_id: int
    source_id: int
    trust: int
    trait: str


class SpecialStatement(NamedTuple):
    """One statement. `at` is in epoch microseconds; of equal ones the later `arrival` is newer."""

    key: SpecialKey
    value: Any
    at: int
    arrival: int


def special_among(keys: Iterable[str]) -> frozenset[str]:
    """Return which of these traits are special, by their definitions, else by their names.

    In one query where none is, in two where any may be, and in none without keys.
    """
    wanted = set(keys)
    if not wanted:
        return frozenset()
    marked = TraitDefinition.objects.filter(category=Category.SPECIAL).values_list("key", flat=True)
    plain = {plain_key(key) for key in marked}
    suspects = {
        key for key in wanted if plain_key(key) in plain or guess_category(key) == Category.SPECIAL
    }
    if not suspects:
        return frozenset()
    categories = load_categories()
    return frozenset(key for key in suspects if categories.of(key) == Category.SPECIAL)


def kept_apart(keys: Iterable[str]) -> frozenset[str]:
    """Return which of these traits are in no golden record.

    A special trait that is computed is in it: it is made of events, which are not encrypted.
    """
    special = special_among(keys)
    computed = TraitDefinition.objects.filter(key__in=special, is_computed=True)
    return special - set(computed.values_list("key", flat=True)) if special else special


def store_special(statements: Iterable[SpecialStatement]) -> None:
    """Store statements, each unless a later one of the same source is there."""
    newest: dict[SpecialKey, SpecialStatement] = {}
    for statement in statements:
        known = newest.get(statement.key)
        if known is None or (statement.at, statement.arrival) > (known.at, known.arrival):
            newest[statement.key] = statement
    if not newest:
        return
    # Sorted by key, so that upserts of two transactions cannot deadlock.
    rows = [
        (*each.key, sealed_value(each.key.identifier_id, each.key.trait, each.value), *each[2:])
        for each in sorted(newest.values(), key=lambda statement: statement.key)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.UPSERT_SPECIAL, [list(column) for column in zip(*rows, strict=True)])


def load_special(profile_ids: Iterable[int]) -> Iterator[SpecialStatement]:
    """Yield what sources state of special traits. What no key opens any more is left out."""
    rows = SpecialTrait.objects.filter(profile__in=list(profile_ids)).order_by("pk")
    fields = rows.values_list(
        "profile_id", "identifier_id", "source_id", "trust", "key", "sealed", "at", "arrival"
    )
    for profile_id, identifier_id, source_id, trust, trait, sealed, at, arrival in fields:
        key = SpecialKey(profile_id, identifier_id, source_id, trust, trait)
        for value in opened(identifier_id, trait, sealed):
            yield SpecialStatement(key, value, at, arrival)


def sealed_value(identifier_id: int, trait: str, value: Any) -> bytes:
    """Return a value as it is stored."""
    return key_store.seal(identifier_id, trait, exact_json.dumps_sorted(value).encode())


def opened(identifier_id: int, trait: str, sealed: bytes | memoryview) -> Iterator[Any]:
    """Yield the value that was sealed, or nothing where its key is gone."""
    try:
        text = key_store.unseal(identifier_id, trait, bytes(sealed))
    except (KeyError, InvalidTag):
        # An older backup of the database, or of the keys: what is shown must go on without it.
        logger.warning("The key of identifier %s does not open its special trait.", identifier_id)
        return
    yield exact_json.loads(text.decode())


def special_records(profile_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield what each source states of the special traits of people, as people read it."""
    records: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(dict)
    for key, value, at, arrival in load_special(profile_ids):
        records[key[:-1]][key.trait] = [value, at, arrival]
    sources, parties = dict(Source.objects.values_list("pk", "key")), load_parties()
    for (profile_id, _, source_id, trust), record in sorted(records.items()):
        yield {
            "profile_id": profile_id,
            "source": sources[source_id],
            "trust": TrustLevel(trust).api_name,
            "traits": parties.dated(record, source_id),
        }


def opened_correction(lock: TraitLock) -> Any:
    """Return the value of a sealed correction, None where its key is gone."""
    return next(opened(lock.identifier_id, lock.key, lock.sealed or b""), None)


def destroy_unused_keys() -> int:
    """Delete the keys of identifiers that have no special trait any more; return how many.

    Under the people lock: nobody seals anything meanwhile.
    """
    in_use = set(SpecialTrait.objects.values_list("identifier_id", flat=True))
    corrected = TraitLock.objects.filter(sealed__isnull=False)
    in_use.update(corrected.values_list("identifier_id", flat=True))
    unused = sorted(set(key_store.identifiers_with_keys()) - in_use)
    key_store.destroy_keys(unused)
    return len(unused)
