"""What is held about a customer, in lines that anybody can read.

Invariant: only what the proved identifier reaches is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from consent import services
from consent.models import ConsentEvent, LegalBasis, Purpose, PurposeVersion, State
from consent.requests.archives.legible import PersonWords, person_in_words
from consent.requests.subjects import Subject
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock

# Of each section the newest rows are shown; the archive has all of them.
MAX_ROWS = 50
# The legal bases of article 6, likewise.
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
    basis: str
    is_asked: bool
    is_permitted: bool
    since_words: str
    # The event of which a receipt can be had; None where nothing was ever said.
    receipt_id: UUID | None


def own_data(subject: Subject, identifier_id: int) -> tuple[PersonWords, bool]:
    """Return what is held about the first person of a subject, and whether they have all of it.

    The subject is not nobody.
    """
    with transaction.atomic():
        if not subject.is_whole:
            # Reading a part moves identifiers for a moment, so nobody else may move any.
            people_lock()
            subject = services.find_own_subject(identifier_id)
        preview = services.preview_personal_data(
            subject.people[0],
            is_whole=subject.is_whole,
            at=database_now(),
            max_rows=MAX_ROWS,
        )
    words = person_in_words(preview["traits"], preview["sections"], preview["counts"])
    return words, subject.is_whole


def own_permissions(subject: Subject) -> list[Permission]:
    """Return every purpose with what the customer has said to it."""
    now = database_now()
    profile_id = subject.people[0].profile_id
    states = services.current_states([profile_id], at=now)[profile_id]
    versions = {
        (version.purpose_id, version.number): version for version in PurposeVersion.objects.all()
    }
    receipts = _last_events(subject)
    return [
        _permission(
            purpose,
            versions[purpose.pk, purpose.current_version],
            states[purpose.key],
            receipts.get(purpose.pk),
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
    purpose: Purpose, version: PurposeVersion, state: Mapping[str, Any], receipt_id: UUID | None
) -> Permission:
    if state["objected"]:
        words = _("You have objected.")
    elif state["state"] in (State.GIVEN, State.RENEWED) and not state["permitted"]:
        words = _("You agreed once; that no longer counts.")
    else:
        words = ""
    return Permission(
        purpose.key,
        version.title,
        version.text,
        _(purpose.get_legal_basis_display()),
        is_asked=purpose.legal_basis == LegalBasis.CONSENT,
        is_permitted=state["permitted"],
        since_words=words,
        receipt_id=receipt_id,
    )
