"""What a customer may allow: each purpose with its very text, and what they said to it.

Invariant: only what the proved identifier reaches is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from consent.ledger.gate import can_be_objected
from consent.ledger.minors import birth_dates, is_too_young
from consent.ledger.states import current_states, gate_terms
from consent.models import ConsentEvent, LegalBasis, Purpose, PurposeVersion, State
from consent.requests.subjects import Subject
from profiles.lib.database import database_now

# The legal bases of article 6, which are choices without a translation of their own.
BASES = [
    gettext_noop("consent"),
    gettext_noop("contract"),
    gettext_noop("legal obligation"),
    gettext_noop("vital interest"),
    gettext_noop("public task"),
    gettext_noop("legitimate interest"),
]


@dataclass(frozen=True, slots=True)
class Permission:
    """A purpose with the very text that is agreed to, and what the customer has said to it."""

    key: str
    title: str
    text: str
    version: int
    basis: str
    is_asked: bool
    # It rests on no consent, and an objection ends it.
    is_objectable: bool
    is_permitted: bool
    # They are too young to say so themselves.
    needs_guardian: bool
    since_words: str
    # The event of which a receipt can be had; None where nothing was ever said.
    receipt_id: UUID | None


def own_permissions(subject: Subject) -> list[Permission]:
    """Return every purpose with what the customer has said to it."""
    now = database_now()
    profile_id = subject.people[0].profile_id
    states = current_states([profile_id], at=now)[profile_id]
    versions = {
        (version.purpose_id, version.number): version for version in PurposeVersion.objects.all()
    }
    receipts = _last_events(subject)
    born = birth_dates([profile_id]).get(profile_id)
    return [
        _permission(
            purpose,
            versions[purpose.pk, purpose.current_version],
            states[purpose.key],
            receipts.get(purpose.pk),
            needs_guardian=purpose.legal_basis == LegalBasis.CONSENT
            and not states[purpose.key]["permitted"]
            and is_too_young(born, versions[purpose.pk, purpose.current_version].minimum_age, now),
        )
        for purpose in Purpose.objects.order_by("key")
    ]


def _last_events(subject: Subject) -> dict[int | None, UUID]:
    """Map each purpose to the last event about it that the customer's identifiers have."""
    events = ConsentEvent.objects.filter(
        identifier__in=subject.identifier_ids, body__isnull=False
    ).order_by("seq")
    return dict(events.values_list("purpose_id", "pk"))


def _permission(
    purpose: Purpose,
    version: PurposeVersion,
    state: Mapping[str, Any],
    receipt_id: UUID | None,
    *,
    needs_guardian: bool,
) -> Permission:
    if state["objected"]:
        words = _("You have objected.")
    elif state["state"] in (State.GIVEN, State.RENEWED) and not state["permitted"]:
        words = _("You agreed once; that no longer counts.")
    else:
        words = ""
    is_asked = purpose.legal_basis == LegalBasis.CONSENT
    return Permission(
        purpose.key,
        version.title,
        version.text,
        version.number,
        _(purpose.get_legal_basis_display()),
        is_asked=is_asked,
        is_objectable=not is_asked and can_be_objected(gate_terms(purpose)),
        is_permitted=state["permitted"],
        needs_guardian=needs_guardian,
        since_words=words,
        receipt_id=receipt_id,
    )
