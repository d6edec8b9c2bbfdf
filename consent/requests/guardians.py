"""Consent by a guardian for somebody who is too young: asked for and confirmed by mail.

Invariant: the guardian's address is in no table in clear; the ledger has a keyed hash of it, which
shows later that an address is the one that confirmed. No profile is made of a guardian.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from consent.customers.confirmations import Kind, queue_confirmation
from consent.customers.mail import mail_language
from consent.ledger.statements import (
    ConsentStatement,
    UnknownProfile,
    find_identifier,
    record_statement,
)
from consent.lib.digests import keyed_digest
from consent.models import Confirmation, DecidedBy, Method, Purpose, State
from consent.requests.opt_in import purpose_ids_of
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.models import Identifier
from profiles.services import Actor


@dataclass(frozen=True, slots=True)
class NewGuardianOptIn:
    """Whose guardian is asked at which address, for which purposes, after which notice."""

    email: str
    child: str
    purposes: Sequence[str]
    notice_id: UUID | None = None
    language: str = ""


@transaction.atomic
def request_guardian(opt_in: NewGuardianOptIn, *, actor: Actor) -> None:
    """Queue a mail to a guardian; an address gets one a day at most.

    Raises InvalidIdentifier, also for an address of the child's own, UnknownProfile and
    UnknownPurpose.
    """
    address = normalise("email", opt_in.email)
    child = find_identifier(opt_in.child)
    if child is None:
        raise UnknownProfile("Nobody has this identifier.")
    own = Identifier.objects.filter(profile=child.profile_id, namespace="email", value=address)
    if own.exists():
        raise InvalidIdentifier("email", "is the person's own")
    queue_confirmation(
        Kind.GUARDIAN,
        address,
        language=mail_language(opt_in.language),
        actor=actor,
        purpose_ids=purpose_ids_of(opt_in.purposes),
        notice_id=opt_in.notice_id,
        identifier_id=child.identifier_id,
    )


def accept_guardian(confirmation: Confirmation, address: str, *, actor: Actor) -> bool:
    """Record what the guardian permits; nobody comes back by it.

    The caller holds the people lock. Raises InvalidIdentifier where the child is not held any more.
    """
    identified = Identifier.objects.exclude(profile=None)
    child = identified.filter(pk__in=[confirmation.identifier_id]).first()
    if child is None:
        raise InvalidIdentifier("identifier", "is nobody's any more")
    evidence = {
        "confirmation": confirmation.pk,
        "guardian": guardian_digest(address),
        "requested_at": confirmation.created_at.isoformat(),
        "requested_by": confirmation.requested_by,
    }
    purposes = Purpose.objects.filter(pk__in=confirmation.purpose_ids)
    for purpose in purposes.order_by("key").values_list("key", flat=True):
        statement = ConsentStatement(
            reference=str(child),
            purpose=purpose,
            state=State.GIVEN,
            method=Method.DOUBLE_OPT_IN,
            actor=DecidedBy.GUARDIAN,
            notice_id=confirmation.notice_id,
            evidence=evidence,
        )
        record_statement(statement, actor=actor)
    return False


def guardian_digest(address: str) -> str:
    """Return the keyed hash under which a guardian's address is evidence."""
    return keyed_digest(settings.ADDRESS_KEY, "guardian", address).hex()
