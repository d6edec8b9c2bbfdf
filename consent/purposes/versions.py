"""Purposes and the words people are shown: both only ever gain versions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from consent.ledger.states import rebuild_states
from consent.models import ConsentEvent, ConsentKind, NoticeVersion, Purpose, PurposeVersion
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, Profile

_BATCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeTerms:
    """What one version of a purpose says; the fields are those of `PurposeVersion`."""

    title: str
    text: str
    legal_basis: str
    special_basis: str = ""
    is_direct_marketing: bool = False
    validity: str = ""
    categories: Sequence[str] = ()
    recipients: Sequence[str] = ()
    retention: str = ""
    is_profiling: bool = False
    is_automated_decision: bool = False
    transfer_countries: Sequence[str] = ()


@transaction.atomic
def define_purpose(*, key: str, terms: PurposeTerms, now: datetime) -> Purpose:
    """Make a purpose with its first version. The key must be free: IntegrityError otherwise."""
    people_lock()
    purpose = Purpose.objects.create(
        key=key,
        legal_basis=terms.legal_basis,
        is_direct_marketing=terms.is_direct_marketing,
        created_at=now,
    )
    _add_version(purpose, terms, is_substantial=True, now=now)
    if terms.is_direct_marketing:
        _apply_general_objections()
    return purpose


@transaction.atomic
def change_purpose(
    purpose: Purpose, *, terms: PurposeTerms, is_substantial: bool, now: datetime
) -> Purpose:
    """Add a version. A substantial one sends every consent given before it back to `requested`."""
    people_lock()
    purpose.refresh_from_db()
    before = (purpose.legal_basis, purpose.is_direct_marketing)
    purpose.current_version += 1
    if is_substantial:
        purpose.minimum_version = purpose.current_version
    purpose.legal_basis = terms.legal_basis
    purpose.is_direct_marketing = terms.is_direct_marketing
    purpose.save()
    _add_version(purpose, terms, is_substantial=is_substantial, now=now)
    if purpose.is_direct_marketing != before[1]:
        _apply_general_objections()
    if is_substantial or before != (purpose.legal_basis, purpose.is_direct_marketing):
        _mark_everybody()
    return purpose


def add_notice(*, key: str, language: str, content: str, shown_from: datetime) -> NoticeVersion:
    """Keep the very bytes that people are shown; the same content again is the row that is there."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    notice, _ = NoticeVersion.objects.get_or_create(
        key=key,
        language=language,
        digest=digest,
        defaults={"content": content, "shown_from": shown_from},
    )
    return notice


def replaced_terms(purpose: Purpose, changes: Mapping[str, Any]) -> PurposeTerms:
    """What the purpose says now, with some of it changed."""
    version = purpose.versions.get(number=purpose.current_version)
    fields = {name: getattr(version, name) for name in PurposeTerms.__dataclass_fields__}
    return PurposeTerms(**{**fields, **changes})


def _add_version(
    purpose: Purpose, terms: PurposeTerms, *, is_substantial: bool, now: datetime
) -> None:
    fields = asdict(terms) | {
        name: list(getattr(terms, name))
        for name in ("categories", "recipients", "transfer_countries")
    }
    PurposeVersion.objects.create(
        purpose=purpose,
        number=purpose.current_version,
        is_substantial=is_substantial,
        created_at=now,
        **fields,
    )


def _apply_general_objections() -> None:
    """An objection to direct marketing as a whole covers a purpose that became marketing later."""
    general = ConsentEvent.objects.filter(kind=ConsentKind.OBJECTION, purpose=None)
    holders = Identifier.objects.filter(
        pk__in=general.values("identifier_id"), profile__isnull=False
    )
    ids = sorted(set(holders.values_list("profile_id", flat=True)))
    for place in range(0, len(ids), _BATCH):
        rebuild_states(ids[place : place + _BATCH])


def _mark_everybody() -> None:
    """Terms that change may change the answer for any profile."""
    ids = list(Profile.objects.values_list("pk", flat=True))
    for place in range(0, len(ids), _BATCH):
        mark_changed(ids[place : place + _BATCH])
    nudge("segments.refresh_changed")
