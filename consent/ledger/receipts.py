"""Receipts: what a person agreed to or refused, for them to keep, signed.

The shape is that of a consent record of ISO/IEC TS 27560, as the W3C's guide for the Data Privacy
Vocabulary maps it: header, processing, parties, event. Invariant: no receipt has an identifier of
the person; who holds it knows whose it is.
"""

import hashlib
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from consent.lib.signing import signed
from consent.models import ConsentBody, ConsentEvent, PurposeVersion
from profiles.lib.database import database_now

SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
KIND = "consent-receipt+jwt"


class Receipt(NamedTuple):
    """A receipt, and the same content signed as a compact JWS."""

    content: dict[str, Any]
    jws: str


def make_receipt(event_id: UUID) -> Receipt:
    """Return the receipt of an event. Raises ConsentEvent.DoesNotExist, also for erased people."""
    events = ConsentEvent.objects.select_related("purpose_version__purpose", "notice", "source")
    event = events.get(pk=event_id, body__isnull=False)
    content = {
        "schema_version": SCHEMA,
        "record_id": str(event.pk),
        "pii_principal_id": _pseudonym(event),
        "issued_at": database_now().isoformat(),
        "privacy_notice": _notice(event),
        "processing": _processing(event.purpose_version),
        "parties": [_controller()],
        "event": _event(event),
        "record_digest": event.digest,
    }
    return Receipt(content, signed(content, kind=KIND))


def _pseudonym(event: ConsentEvent) -> str:
    # Of the salt, which is random for each event and is erased with the person.
    salt = ConsentBody.objects.values_list("salt", flat=True).get(event=event)
    return hashlib.sha256(f"principal:{salt}".encode()).hexdigest()[:32]


def _notice(event: ConsentEvent) -> dict[str, Any] | None:
    notice = event.notice
    if notice is None:
        return None
    return {
        "id": str(notice.pk),
        "key": notice.key,
        "language": notice.language,
        "sha256": notice.digest,
        "text": notice.content,
    }


def _processing(version: PurposeVersion | None) -> dict[str, Any]:
    # An objection to direct marketing as a whole is about no single purpose.
    if version is None:
        return {"purpose": None, "title": "all direct marketing"}
    return {
        "purpose": version.purpose.key,
        "version": version.number,
        "title": version.title,
        "text": version.text,
        "lawful_basis": version.legal_basis,
        "special_basis": version.special_basis or None,
        "pii_information": version.categories,
        "recipients": version.recipients,
        "retention": version.retention or None,
        "is_profiling": version.is_profiling,
        "is_automated_decision": version.is_automated_decision,
        "transfer_countries": version.transfer_countries,
    }


def _controller() -> dict[str, Any]:
    site = settings.PUBLIC_URL.rstrip("/")
    return {
        "role": "controller",
        "name": settings.COMPANY_NAME,
        "url": site,
        "withdrawal": f"{site}/privacy/",
        "rights": f"{site}/privacy/",
    }


def _event(event: ConsentEvent) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "state": event.state,
        "occurred_at": event.occurred_at.isoformat(),
        "received_at": event.received_at.isoformat(),
        "valid_until": event.valid_until and event.valid_until.isoformat(),
        "indicated_by": event.actor,
        "method": event.method,
        "collected_by": event.source.key if event.source else None,
    }
