"""Defining and changing purposes and notices.

Invariant: a change adds a version; no version is ever altered.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from consent.ledger.states import rebuild_states, speakers
from consent.models import (
    ConsentEvent,
    ConsentKind,
    LegalBasis,
    NoticeVersion,
    Purpose,
    PurposeVersion,
)
from profiles.lib.batches import batches
from profiles.lib.change_queue import mark_changed
from profiles.lib.people_lock import people_lock
from profiles.models import Profile
from profiles.services import Actor, audited, differences

_BATCH = 10_000


class TermsAreFixed(Exception):
    """Somebody decided on these terms, so that they may change only towards the stricter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeTerms:
    """The terms of one version of a purpose; the fields are those of `PurposeVersion`."""

    title: str
    text: str
    legal_basis: str
    special_basis: str = ""
    is_direct_marketing: bool = False
    validity: str = ""
    minimum_age: int | None = None
    categories: Sequence[str] = ()
    recipients: Sequence[str] = ()
    retention: str = ""
    is_profiling: bool = False
    is_automated_decision: bool = False
    transfer_countries: Sequence[str] = ()


def current_versions() -> Iterator[PurposeVersion]:
    """Yield the version of each purpose that holds now, by the keys of purposes."""
    for purpose in Purpose.objects.prefetch_related("versions").order_by("key"):
        for version in purpose.versions.all():
            if version.number == purpose.current_version:
                yield version


def define_purpose(
    *,
    key: str,
    terms: PurposeTerms,
    actor: Actor,
    now: datetime,
    replaces: Purpose | None = None,
) -> Purpose:
    """Create a purpose with its first version. Raises IntegrityError if the key is taken.

    Who said no to the purpose that it replaces has objected to this one, whatever its basis.
    """
    terms = _with_validity(terms)
    with audited(actor, "purpose.created") as deed:
        people_lock()
        purpose = Purpose.objects.create(
            key=key,
            legal_basis=terms.legal_basis,
            is_direct_marketing=terms.is_direct_marketing,
            replaces=replaces,
            created_at=now,
        )
        _add_version(purpose, terms, is_substantial=True, now=now)
        changes = differences({}, _plain(terms) | ({"replaces": replaces.key} if replaces else {}))
        deed.about("purpose", key, version=[None, 1], **changes)
        if terms.is_direct_marketing:
            _apply_general_objections()
        if replaces is not None:
            _rebuild_speakers(ConsentEvent.objects.exclude(purpose=None))
    return purpose


def change_purpose(
    purpose: Purpose, *, terms: PurposeTerms, is_substantial: bool, actor: Actor, now: datetime
) -> Purpose:
    """Add a version to a purpose.

    After a substantial change, consents to earlier versions no longer permit anything. Raises
    TermsAreFixed where the change would permit what somebody refused.
    """
    terms = _with_validity(terms)
    with audited(actor, "purpose.changed") as deed:
        people_lock()
        # Another writer may have added a version before this one got the lock.
        purpose.refresh_from_db()
        refuse_laxer_terms(purpose, terms)
        former_terms = terms_with_changes(purpose, {})
        before = (purpose.legal_basis, purpose.is_direct_marketing)
        purpose.current_version += 1
        if is_substantial:
            purpose.minimum_version = purpose.current_version
        purpose.legal_basis = terms.legal_basis
        purpose.is_direct_marketing = terms.is_direct_marketing
        purpose.save()
        _add_version(purpose, terms, is_substantial=is_substantial, now=now)
        deed.about(
            "purpose",
            purpose.key,
            version=[purpose.current_version - 1, purpose.current_version],
            is_substantial=[None, is_substantial],
            **differences(_plain(former_terms), _plain(terms)),
        )
        if purpose.is_direct_marketing != before[1]:
            _apply_general_objections()
        # Any other change leaves the gate's answer as it was.
        if is_substantial or before != (purpose.legal_basis, purpose.is_direct_marketing):
            _mark_all_profiles_changed()
    return purpose


def add_notice(
    *, key: str, language: str, content: str, shown_from: datetime, actor: Actor
) -> NoticeVersion:
    """Store a notice byte for byte, or return the one that already has this content."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    with audited(actor, "notice.created") as deed:
        notice, is_new = NoticeVersion.objects.get_or_create(
            key=key,
            language=language,
            digest=digest,
            defaults={"content": content, "shown_from": shown_from},
        )
        if is_new:
            deed.about("notice", key, language=[None, language], digest=[None, digest])
    return notice


def terms_with_changes(purpose: Purpose, changes: Mapping[str, Any]) -> PurposeTerms:
    """Return the current terms of a purpose with some fields replaced."""
    version = purpose.versions.get(number=purpose.current_version)
    fields = {name: getattr(version, name) for name in PurposeTerms.__dataclass_fields__}
    return PurposeTerms(**{**fields, **changes})


def _add_version(
    purpose: Purpose, terms: PurposeTerms, *, is_substantial: bool, now: datetime
) -> None:
    PurposeVersion.objects.create(
        purpose=purpose,
        number=purpose.current_version,
        is_substantial=is_substantial,
        created_at=now,
        **_plain(terms),
    )


def _plain(terms: PurposeTerms) -> dict[str, Any]:
    """Return the terms by field name, with lists, which array columns and JSON demand."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(terms).items()
    }


def _with_validity(terms: PurposeTerms) -> PurposeTerms:
    """A consent always ends: where the terms do not say when, by the default."""
    if terms.validity or terms.legal_basis != LegalBasis.CONSENT:
        return terms
    return replace(terms, validity=settings.CONSENT_VALIDITY)


def refuse_laxer_terms(purpose: Purpose, terms: PurposeTerms) -> None:
    """Raise TermsAreFixed where decisions on the purpose would come to mean less."""
    is_basis_laxer = terms.legal_basis not in (purpose.legal_basis, LegalBasis.CONSENT)
    leaves_marketing = purpose.is_direct_marketing and not terms.is_direct_marketing
    if not is_basis_laxer and not leaves_marketing:
        return
    decisions = Q(purpose=purpose)
    if leaves_marketing:
        # Objections to direct marketing as a whole are to every such purpose.
        decisions |= Q(purpose=None)
    if ConsentEvent.objects.filter(decisions).exists():
        raise TermsAreFixed("People decided on these terms: define a new purpose that replaces it.")


def _apply_general_objections() -> None:
    """Rebuild the states of everybody who objected to direct marketing as a whole.

    Their objection covers purposes that become direct marketing later.
    """
    _rebuild_speakers(ConsentEvent.objects.filter(kind=ConsentKind.OBJECTION, purpose=None))


def _rebuild_speakers(events: QuerySet[ConsentEvent]) -> None:
    """Rebuild the states of everybody who has one of these events."""
    for batch in batches(sorted(speakers(events)), _BATCH):
        rebuild_states(batch)


def _mark_all_profiles_changed() -> None:
    # States do not change with the terms, so no rebuild would tell the segments.
    profile_ids = list(Profile.objects.values_list("pk", flat=True))
    for batch in batches(profile_ids, _BATCH):
        mark_changed(batch)
