"""The proof that nothing of an erased person is left, as far as the store can know.

Whoever asks gives the person's values: they are nowhere else any more. Invariant: the report has
none of them in it, and no value is written anywhere.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from consent.lib.signing import signed
from consent.models import PrivacyRequest
from consent.proofs.patterns import patterns_of
from consent.proofs.stores import (
    Hit,
    Search,
    own_files,
    search_files,
    search_statistics,
    search_tables,
    search_valkey,
)
from consent.suppression.forms import is_distinctive
from consent.suppression.rows import FOREVER, suppressions_of
from profiles.identifiers.lookup import parse_reference
from profiles.lib.database import database_now
from profiles.models import Identifier

KIND = "erasure-proof+jwt"
# Shorter values that are not distinctive are in anybody's rows by chance.
_LEAST_CHARACTERS = 8
# Where a value may be left on purpose, by table: docs/privacy.md says the same.
LEFT_ON_PURPOSE = {
    "consent_consentbody": "The evidence of other people's consents, which its digests cover.",
    "segments_segment": "The operands of segment definitions.",
    "segments_segmentversion": "The operands of segment definitions.",
    "profiles_auditentry": "The keys of objects of configuration.",
}
# Where a legal hold keeps rows that it names, until it is lifted.
HELD = ("consent_heldrow", "consent_legalhold")
DECLARED = {
    "dead pages of tables": "Until PostgreSQL's vacuum, within days as tables are written to.",
    "write-ahead log": "Until PostgreSQL reuses its segments, within hours, and where it is "
    "archived as long as the archive.",
    "backups and dumps": "As long as they are kept; privacy_replay erases again after a restore.",
    "memory of processes": "Ten minutes.",
    "variants": "+tag and dot variants of addresses, split and spelled-out texts and pictures are "
    "not looked for.",
}


class NotErased(Exception):
    """The request is no erasure that is done."""


class Report(NamedTuple):
    """What was found, and the same signed as a compact JWS."""

    content: dict[str, Any]
    jws: str

    @property
    def is_clean(self) -> bool:
        return not self.content["hits"]


def prove_erasure(request_id: UUID, values: Iterable[str], *, paths: Iterable[Path] = ()) -> Report:
    """Search all stores, and the files below `paths`, for values of an erased person.

    A value is `namespace:value` as in the API, or any other text. One that another person has now,
    or that this erasure did not keep out, is counted apart. Raises NotErased,
    PrivacyRequest.DoesNotExist and InvalidIdentifier.
    """
    request = PrivacyRequest.objects.get(pk=request_id)
    if request.kind != PrivacyRequest.Kind.ERASURE or not request.receipt.get("erased_at"):
        raise NotErased("The request is no erasure that was carried out.")
    own, others, short = _sorted_out(request_id, values)
    search = Search(patterns_of(own), patterns_of(others))
    tables, hits = search_tables(search)
    files, in_files = search_files([*own_files(), *paths], search)
    keys, in_valkey = search_valkey(search)
    hits += [*search_statistics(search), *in_files, *in_valkey, *_short_hits(short)]
    content = {
        "request": str(request.pk),
        "erased_at": request.receipt["erased_at"],
        "is_final": bool(request.receipt.get("final")),
        "searched_at": database_now().isoformat(),
        "values": {"searched": len(own), "in_place_only": len(short), "of_others": len(others)},
        "searched": {"tables": tables, "files": files, "keys": keys},
        "hits": _listed(hit for hit in hits if _counts(hit)),
        "held_by_others": _listed(hit for hit in hits if hit.form == "another's"),
        "held": {
            "rows": request.receipt.get("held", {}),
            "hits": _listed(hit for hit in hits if hit.form != "another's" and _is_held(hit)),
        },
        "left_on_purpose": _listed_on_purpose(hits),
        "kept": request.receipt.get("kept", {}),
        "declared": DECLARED,
    }
    return Report(content, signed(content, kind=KIND))


def _sorted_out(
    request_id: UUID, values: Iterable[str]
) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Return the values to look for, those of others, and short identifiers."""
    own, others, short = [], [], []
    for text in dict.fromkeys(value.strip() for value in values):
        namespace, _, value = text.partition(":")
        # A text with a colon may also be an address of the web.
        if not value or not namespace.replace("_", "").replace(".", "").isalnum():
            own.append(text)
            continue
        reference = parse_reference(text)
        normalised = f"{reference.namespace}:{reference.value}"
        if not _is_of_erasure(request_id, normalised):
            others.append(reference.value)
        elif len(reference.value) < _LEAST_CHARACTERS and not is_distinctive(reference.value):
            short.append((reference.namespace, reference.value))
        else:
            # As it was written, too, and as it is stored.
            own += dict.fromkeys((reference.value, value))
    return [text for text in own if text], others, short


def _is_of_erasure(request_id: UUID, reference: str) -> bool:
    kept_out = suppressions_of([reference]).get(reference)
    return kept_out is not None and kept_out.until == FOREVER and request_id in kept_out.erasures


def _short_hits(short: Iterable[tuple[str, str]]) -> Iterable[Hit]:
    for namespace, value in short:
        count = Identifier.objects.filter(namespace=namespace, value=value).count()
        if count:
            yield Hit("profiles_identifier", "spelling", count)


def _counts(hit: Hit) -> bool:
    is_on_purpose = hit.place.partition(".")[0] in LEFT_ON_PURPOSE
    return hit.form != "another's" and not is_on_purpose and not _is_held(hit)


def _is_held(hit: Hit) -> bool:
    return hit.place.partition(".")[0] in HELD


def _listed(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    return [hit._asdict() for hit in hits]


def _listed_on_purpose(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    return [
        hit._asdict() | {"reason": reason}
        for hit in hits
        if hit.form != "another's" and (reason := LEFT_ON_PURPOSE.get(hit.place.partition(".")[0]))
    ]
