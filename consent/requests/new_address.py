"""Requests that customers make themselves, and the proof of an address that is new to us.

A new address is proved by a link that is mailed to it. Until then the correction waits. Then the
former addresses are told, with a link that undoes it: whoever has their mail may have had their
session.
"""

from django.db.models import QuerySet

from consent.customers.confirmations import Kind, queue_confirmation
from consent.models import Confirmation, MailedLink, PrivacyRequest
from consent.requests.effects import take_effect
from consent.requests.fulfilment import act_on_request
from consent.requests.opening import (
    NewRequest,
    contacts_of,
    create_request,
    opened_changes,
)
from consent.requests.returning import identify_proved
from consent.requests.statuses import Door, Status, advance, write_log
from consent.requests.subjects import Subject, current_subject, find_own_subject
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import Identifier, TraitLock
from profiles.services import (
    Actor,
    audited,
    checked_corrections,
    keep_apart,
    requires_staff,
    unlock,
)

EMAIL = "email"


def open_own_request(
    new_request: NewRequest, *, identifier_id: int, actor: Actor
) -> PrivacyRequest:
    """Open a request of the customer who verified this identifier.

    It is about the identifiers that are provably theirs. Raises InvalidCorrection.
    """
    with audited(actor, "privacy_request.opened") as deed:
        people_lock()
        subject = find_own_subject(identifier_id)
        request = create_request(new_request, subject, door=Door.CUSTOMER, actor=actor)
        deed.about("privacy_request", request.pk, **opened_changes(request))
        if (address := _new_address(new_request, subject)) is not None:
            queue_confirmation(
                Kind.NEW_ADDRESS,
                address,
                language=request.language,
                actor=actor,
                request_id=request.pk,
            )
    return request


def accept_new_address(confirmation: Confirmation, address: str, *, actor: Actor) -> bool:
    """Carry the correction out that waited for this proof; return whether its owner was erased.

    Where another profile has the address it goes on waiting, for staff; profiles are never merged
    by it. The caller holds the people lock. Raises InvalidIdentifier.
    """
    waiting = PrivacyRequest.objects.filter(status=Status.AWAITING_VERIFICATION)
    request = waiting.filter(pk__in=[confirmation.request_id]).first()
    # It was cancelled, or staff have dealt with it.
    if request is None:
        return False
    subject = current_subject(request)
    holders = _identifiers(address).exclude(profile__in=subject.profile_ids)
    if not subject.is_whole or len(subject.people) != 1 or holders.exists():
        write_log(request, actor=actor, note="The new address was proved; see who else has it.")
        return False
    # With the addresses that the customer proved before, so that a session of the new one reaches
    # what sessions of these do.
    names = [f"{EMAIL}:{name}" for name in (address, *_addresses_of(subject))]
    was_erased = identify_proved(names, actor=actor)
    request.body["changes"] |= {EMAIL: address}
    advance(request, Status.VERIFIED, actor=actor, note="The new address was proved.")
    take_effect(request, subject)
    if act_on_request(request.pk, actor=actor):
        _end_sessions(subject.identifier_ids)
        _tell_former_addresses(request, subject, address, confirmation.language, actor)
    return was_erased


def undo_new_address(confirmation: Confirmation, address: str, *, actor: Actor) -> bool:
    """Take a new address away from the profile of the former one, for good."""
    former = _identifiers(address).first()
    new = Identifier.objects.filter(pk__in=[confirmation.identifier_id]).first()
    # One of them was erased, or staff have parted them.
    if former is None or new is None or former.profile_id != new.profile_id:
        return False
    reason = "undone from the former address"
    locks = TraitLock.objects.filter(profile=former.profile_id, key=EMAIL, value=new.value)
    if former.profile_id is not None and locks.exists():
        unlock(former.profile_id, [EMAIL], actor=actor, reason=reason)
    keep_apart(former, new, actor=actor, reason=reason)
    _end_sessions([former.pk, new.pk])
    return False


def _new_address(new_request: NewRequest, subject: Subject) -> str | None:
    """Return the address of which a proof is all that a correction waits for."""
    changes, contacts = checked_corrections(new_request.changes), contacts_of(subject)
    address: str | None = changes.pop(EMAIL, None)
    is_new = address is not None and address not in contacts.get(EMAIL, ())
    return address if is_new and not requires_staff(changes, proved=contacts) else None


def _addresses_of(subject: Subject) -> list[str]:
    return sorted(contacts_of(subject).get(EMAIL, ()))


def _identifiers(address: str) -> QuerySet[Identifier]:
    return Identifier.objects.filter(namespace=EMAIL, value=address, profile__isnull=False)


def _end_sessions(identifier_ids: list[int]) -> None:
    now = database_now()
    sessions = MailedLink.objects.filter(identifier_id__in=identifier_ids)
    sessions.filter(session_expires_at__gt=now).update(session_expires_at=now)


def _tell_former_addresses(
    request: PrivacyRequest, subject: Subject, address: str, language: str, actor: Actor
) -> None:
    new = _identifiers(address).get()
    for former in _addresses_of(subject):
        queue_confirmation(
            Kind.UNDO,
            former,
            language=language,
            actor=actor,
            request_id=request.pk,
            identifier_id=new.pk,
        )
