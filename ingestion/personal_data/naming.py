"""Whom kept messages and rows name.

Invariant: what a person is shown of a text names nobody but them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.conf import settings

from consent.services import mentions, spellings
from ingestion.inbox.body import unpack_message
from ingestion.inbox.identifier_scan import references_in
from profiles.models import Identifier
from profiles.registry import Rows

# Of forms that are an id of anything, such as an order, as well as of a person.
_OF_ANYTHING = "token:"


class KeptText(NamedTuple):
    """A kept message or row: what is said of it, its content, and whom that names."""

    fields: Mapping[str, Any]
    content: Any
    names: set[str]


def all_spellings(references: Iterable[str]) -> frozenset[str]:
    """Return the references under which texts may name these."""
    region = settings.DEFAULT_PHONE_REGION
    return frozenset(
        spelling
        for namespace, _, value in (reference.partition(":") for reference in references)
        for spelling in spellings(namespace, value, region)
    )


def named_in(packed: bytes | memoryview, normalisers: Mapping[str, str], *quoted: str) -> set[str]:
    """Return whom a kept message names or mentions, or one of the texts that quote it."""
    in_texts = mentions(quoted, region=settings.DEFAULT_PHONE_REGION)
    return {*in_texts, *references_in(unpack_message(packed), normalisers)}


def texts_naming(profile_ids: Sequence[int], texts: Iterable[KeptText]) -> Rows:
    """Return the texts that name each person; without the content of one that names others, too."""
    people = _spellings_of(profile_ids)
    rows: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for text in texts:
        for profile_id, own in people.items():
            if not own.isdisjoint(text.names):
                others = any(not name.startswith(_OF_ANYTHING) for name in text.names - own)
                content = None if others else text.content
                rows[profile_id].append({**text.fields, "content": content})
    return rows


def references_of(profile_ids: Sequence[int]) -> frozenset[str]:
    """Return the references under which texts may name any of these people."""
    return frozenset().union(*_spellings_of(profile_ids).values())


def _spellings_of(profile_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    references: dict[int, list[str]] = {profile_id: [] for profile_id in profile_ids}
    identifiers = Identifier.objects.filter(profile__in=profile_ids)
    for profile_id, *name in identifiers.values_list("profile_id", "namespace", "value"):
        references[profile_id].append(":".join(name))
    return {profile_id: all_spellings(names) for profile_id, names in references.items()}
