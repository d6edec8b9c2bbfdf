"""The proof of one consent, signed, and the check that no ledger row has been altered.

Invariant: nothing here writes.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from consent.ledger.chain import head_of_ledger
from consent.ledger.events import digested_columns
from consent.lib.digests import event_digest
from consent.lib.signing import signed
from consent.models import ConsentBody, ConsentEvent, LedgerSeal
from profiles.models import Identifier

KIND = "consent-proof+jwt"
_CHUNK = 1000


def verify_digests() -> list[UUID]:
    """Return the events whose row or body differs from what was written.

    Events whose body was erased cannot be checked and are left out.
    """
    return [event.pk for event, body in _events_with_bodies() if not _is_intact(event, body)]


def consent_proof(event_id: UUID) -> dict[str, Any]:
    """Return who agreed to which text, when, how, where, until when, and its link of the chain.

    The texts are those that were shown, word for word. Raises ConsentEvent.DoesNotExist.
    """
    event = ConsentEvent.objects.select_related(
        "purpose", "purpose_version", "notice", "source"
    ).get(pk=event_id)
    body = ConsentBody.objects.filter(event=event).first()
    return {
        "event": str(event.pk),
        "who": _identifier_text(event),
        "said": f"{event.kind} {event.state}",
        "about": event.purpose.key if event.purpose else "all direct marketing",
        "text": _purpose_text(event),
        "notice": _notice(event),
        "when": {"occurred_at": event.occurred_at, "received_at": event.received_at},
        "how": {"actor": event.actor, "method": event.method, "trust": event.get_trust_display()},
        "where": {
            "source": event.source.key if event.source else None,
            "recorded_by": event.recorded_by,
            "evidence": body.evidence if body else "erased",
        },
        "until": event.valid_until,
        "digest": event.digest,
        "chain": _place_in_chain(event),
        "is_intact": _is_intact(event, body) if body else "the body is erased",
    }


def signed_proof(proof: Mapping[str, Any]) -> str:
    """Return a proof as a compact JWS, by the keys that receipts are signed with."""
    content = json.loads(json.dumps(proof, cls=DjangoJSONEncoder))
    return signed(content, kind=KIND)


def _events_with_bodies() -> Iterator[tuple[ConsentEvent, ConsentBody]]:
    bodies = ConsentBody.objects.select_related("event").order_by("pk")
    return ((body.event, body) for body in bodies.iterator(chunk_size=_CHUNK))


def _is_intact(event: ConsentEvent, body: ConsentBody) -> bool:
    return event.digest == event_digest(body.salt, digested_columns(event), body.evidence)


def _identifier_text(event: ConsentEvent) -> str:
    # A query of its own: the event outlives its identifier, so a join would lose erased ones.
    identifier = Identifier.objects.filter(pk=event.identifier_id).first()
    return str(identifier) if identifier else f"identifier {event.identifier_id}, erased"


def _purpose_text(event: ConsentEvent) -> dict[str, Any] | None:
    version = event.purpose_version
    if version is None:
        return None
    return {"title": version.title, "version": version.number, "text": version.text}


def _notice(event: ConsentEvent) -> dict[str, Any] | None:
    notice = event.notice
    if notice is None:
        return None
    return {
        "key": notice.key,
        "language": notice.language,
        "shown_from": notice.shown_from,
        "sha256": notice.digest,
        "text": notice.content,
    }


def _place_in_chain(event: ConsentEvent) -> dict[str, Any] | None:
    """Return the event's link with the one before it, and the head; None until it is sealed."""
    link = LedgerSeal.objects.filter(event=event).first()
    if link is None:
        return None
    previous = LedgerSeal.objects.filter(number=link.number - 1).first()
    head, _ = head_of_ledger()
    return {
        "number": link.number,
        "hash": link.hash,
        "previous": previous.hash if previous else None,
        "sealed_at": link.sealed_at,
        "head": str(head),
    }
