"""Adding identifiers to the suppression list, and looking them up.

Invariant: unless every key that rows were made with is configured, every look-up fails. With a
wrong key all erased people would come back unnoticed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from consent.journal.entries import Act, Note, note
from consent.models import Suppression, SuppressionKeyCheck
from consent.suppression.forms import (
    is_distinctive,
    mentions,
    redacted,
    spellings,
    stored_spellings,
)
from consent.suppression.keys import (
    SuppressionKey,
    canary_digest,
    suppression_digests,
    suppression_keys,
)
from consent.suppression.memory import known_digests
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import NORMALISER_VERSION, former_spellings
from profiles.lib.database import database_now
from profiles.lib.memory import remembered
from profiles.services import note_erased_namespaces

# Until when somebody is kept out who did not come back.
FOREVER = datetime.max.replace(tzinfo=UTC)
_ALL_VERSIONS = tuple(range(1, NORMALISER_VERSION + 1))


class KeptOut(NamedTuple):
    """What is timed before `until` is kept out; by these erasures, whose identifiers are one group.

    Where the person came back, `until` is when.
    """

    until: datetime
    erasures: frozenset[UUID]


def suppress(
    references: Iterable[str],
    *,
    request_id: UUID | None,
    refusals: Sequence[Sequence[Any]] = (),
) -> None:
    """Put normalised `namespace:value` references on the list, in the caller's transaction.

    An address that was a user id is suppressed as an address too. `refusals` are pairs of kind and
    purpose id that stand again if the person comes back.
    """
    spelled = {
        spelling
        for reference in references
        for spelling in stored_spellings(*_parted(reference), settings.DEFAULT_PHONE_REGION)
    }
    note_erased_namespaces(_parted(spelling)[0] for spelling in spelled)
    keys = suppression_keys()
    note_chain(keys)
    note_references(Act.ERASURE, sorted(spelled))
    Suppression.objects.bulk_create(
        [
            Suppression(
                digest=newest_digest(keys, reference),
                key_id=keys[-1].id,
                normaliser_version=NORMALISER_VERSION,
                request_id=request_id,
                refusals=[list(refusal) for refusal in refusals],
            )
            for reference in sorted(spelled)
        ],
        # A row that was lifted is closed again, and what was refused since is added.
        update_conflicts=True,
        unique_fields=["digest", "key_id", "normaliser_version"],
        update_fields=["lifted_at", "request_id", "refusals"],
    )


def note_references(
    act: Act, references: Iterable[str], *, fields: Mapping[str, Any] | None = None
) -> None:
    """Note an act about normalised references for the journal, by their digests.

    `fields` are what its replay needs beside, without personal data.
    """
    keys = suppression_keys()
    digests = [newest_digest(keys, reference) for reference in references]
    notes = [Note(act, digests, database_now(), fields or {})]
    note(notes, key_id=keys[-1].id, version=NORMALISER_VERSION)


def newest_digest(keys: Sequence[SuppressionKey], reference: str) -> bytes:
    """Return the digest that a row or line which is made now has."""
    return list(suppression_digests(keys, reference, NORMALISER_VERSION))[-1]


def note_chain(keys: Sequence[SuppressionKey]) -> None:
    """Store how the chain is known again, which look-ups ask for."""
    SuppressionKeyCheck.objects.get_or_create(
        key_id=keys[-1].id, defaults={"digest": canary_digest(keys)}
    )


def rows_of(reference: str) -> QuerySet[Suppression]:
    """Return the rows that keep a normalised reference out."""
    digests = _digests(reference, _ALL_VERSIONS, suppression_keys(), settings.DEFAULT_PHONE_REGION)
    return Suppression.objects.filter(digest__in=digests, lifted_at=None)


def suppressed_references(
    references: Collection[str], *, is_lifted: bool | None = None
) -> dict[int, str]:
    """Return of which of the references each row is, those of other spellings left out.

    By default of rows that stand and of lifted ones. The caller holds the people lock.
    """
    known = known_digests()
    if not known:
        return {}
    keys = suppression_keys()
    candidates = {
        digest: reference
        for reference in references
        for digest in _digests_of_spelling(reference, known.versions, keys)
        if digest in known
    }
    rows = Suppression.objects.filter(digest__in=list(candidates))
    if is_lifted is not None:
        rows = rows.filter(lifted_at__isnull=not is_lifted)
    return {pk: candidates[bytes(digest)] for pk, digest in rows.values_list("pk", "digest")}


def suppressions_of(references: Iterable[str]) -> dict[str, KeptOut]:
    """Return those of the normalised `namespace:value` references that are or were suppressed.

    They are, under any of their spellings (`consent.suppression.forms`). Takes two queries at most.
    The caller holds the people lock, or an erasure could commit between the look-up and its use.
    Raises SuppressionKeyMissing.
    """
    known = known_digests()
    # Without any row the keys do not matter, and hashing every reference would be wasted.
    if not known:
        return {}
    keys, region = suppression_keys(), settings.DEFAULT_PHONE_REGION
    candidates: dict[bytes, list[str]] = defaultdict(list)
    for reference in set(references):
        for digest in _digests(reference, known.versions, keys, region):
            if digest in known:
                candidates[digest].append(reference)
    if not candidates:
        return {}
    kept: dict[str, KeptOut] = {}
    rows = Suppression.objects.filter(digest__in=list(candidates))
    for stored, lifted_at, erasure in rows.values_list("digest", "lifted_at", "request_id"):
        row = KeptOut(lifted_at or FOREVER, frozenset({erasure} if erasure else ()))
        for reference in candidates[bytes(stored)]:
            kept[reference] = _joined(row, kept.get(reference, row))
    return kept


def _joined(one: KeptOut, other: KeptOut) -> KeptOut:
    """Return both as one: the later end counts, with the erasures that end then."""
    if one.until != other.until:
        return max(one, other, key=lambda kept: kept.until)
    return KeptOut(one.until, one.erasures | other.erasures)


def find_suppressed(references: Iterable[str]) -> set[str]:
    """Return those of the normalised references that are suppressed now, as `suppressions_of`."""
    kept = suppressions_of(references)
    return {reference for reference, row in kept.items() if row.until == FOREVER}


@remembered(maxsize=65_536)
def _digests(
    reference: str, versions: Sequence[int], keys: tuple[SuppressionKey, ...], region: str
) -> tuple[bytes, ...]:
    """Return each digest that a row of a reference may have.

    Rows keep the normaliser version that they were made with, so each of them is tried. Cached,
    since the same people come again and again.
    """
    return tuple(
        digest
        for spelling in spellings(*_parted(reference), region)
        for digest in _digests_of_spelling(spelling, versions, keys)
    )


def _digests_of_spelling(
    spelling: str, versions: Sequence[int], keys: tuple[SuppressionKey, ...]
) -> Iterator[bytes]:
    for version in versions:
        for former in _former_spellings(spelling, version):
            yield from suppression_digests(keys, former, version)


def _former_spellings(reference: str, version: int) -> Iterable[str]:
    if version == NORMALISER_VERSION:
        return (reference,)
    return _older_spellings(reference, version)


def _older_spellings(reference: str, version: int) -> Iterator[str]:
    namespace, value = _parted(reference)
    for spelling in former_spellings(namespace, value, version):
        yield f"{namespace}:{spelling}"


def is_suppressed(reference: str) -> bool:
    """Whether a reference, normalised or not, is suppressed. Raises InvalidIdentifier."""
    ref = parse_reference(reference)
    return bool(find_suppressed([f"{ref.namespace}:{ref.value}"]))


def clean(content: Any) -> Any:
    """Return JSON without what stands for an erased person, the same object where nothing does.

    The caller holds the people lock.
    """
    return CLEANER([content])[0]


class _Cleaner:
    """Takes what stands for erased people out of JSON values."""

    def __call__(self, contents: Sequence[Any], /) -> Sequence[Any]:
        region = settings.DEFAULT_PHONE_REGION
        suppressed = find_suppressed(
            reference for content in contents for reference in mentions(content, region=region)
        )
        if not suppressed:
            return contents
        return [redacted(content, suppressed, region=region) for content in contents]

    def may_change(self, text: str, /) -> bool:
        return is_distinctive(text)


CLEANER = _Cleaner()


def _parted(reference: str) -> tuple[str, str]:
    namespace, _, value = reference.partition(":")
    return namespace, value
