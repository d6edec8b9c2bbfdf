"""Double opt-in: somebody permits purposes, and confirms by a mailed link that it was them.

It is the same for who is known, who is not, and who was erased: the last come back by it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from consent.customers.confirmations import Kind, queue_confirmation
from consent.customers.mail import mail_language
from consent.ledger.events import UnknownPurpose
from consent.ledger.statements import ConsentStatement, record_own_statement
from consent.models import Confirmation, Method, Purpose, State
from consent.requests.returning import identify_proved
from consent.requests.subjects import find_own_subject
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked, normalise
from profiles.models import Identifier
from profiles.services import Actor, load_blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOptIn:
    """Which purposes somebody permits, after which notice, and the language of the mail.

    Mail is in the default language where there is none in that one.
    """

    email: str
    purposes: Sequence[str]
    notice_id: UUID | None = None
    language: str = ""


@transaction.atomic
def request_opt_in(opt_in: NewOptIn, *, actor: Actor) -> None:
    """Queue a mail with a link; an address gets one a day at most.

    Nothing is stored of the person before they confirm. Raises InvalidIdentifier and
    UnknownPurpose.
    """
    address = normalise("email", opt_in.email)
    if is_blocked("email", address, load_blocked().get("email", frozenset())):
        raise InvalidIdentifier("email", "is a value that stands for nobody")
    queue_confirmation(
        Kind.OPT_IN,
        address,
        language=mail_language(opt_in.language),
        actor=actor,
        purpose_ids=purpose_ids_of(opt_in.purposes),
        notice_id=opt_in.notice_id,
    )


def purpose_ids_of(keys: Collection[str]) -> list[int]:
    """Return the ids of purposes. Raises UnknownPurpose."""
    ids = dict(Purpose.objects.filter(key__in=keys).values_list("key", "pk"))
    if unknown := sorted(set(keys) - ids.keys()):
        raise UnknownPurpose(f"No purpose has the key {unknown[0]}.")
    return sorted(ids.values())


def accept_opt_in(confirmation: Confirmation, address: str, *, actor: Actor) -> bool:
    """Store the person and what they permit; return whether they had been erased.

    The caller holds the people lock. Raises InvalidIdentifier.
    """
    reference = f"email:{address}"
    was_erased = identify_proved([reference], actor=actor)
    identifier = Identifier.objects.get(namespace="email", value=address)
    reached = find_own_subject(identifier.pk).identifier_ids
    purposes = Purpose.objects.filter(pk__in=confirmation.purpose_ids)
    for purpose in purposes.order_by("key").values_list("key", flat=True):
        statement = ConsentStatement(
            reference=reference,
            purpose=purpose,
            state=State.GIVEN,
            method=Method.DOUBLE_OPT_IN,
            notice_id=confirmation.notice_id,
            evidence={
                "confirmation": confirmation.pk,
                "requested_at": confirmation.created_at.isoformat(),
                "requested_by": confirmation.requested_by,
            },
        )
        record_own_statement(statement, reached=reached, actor=actor)
    return was_erased
