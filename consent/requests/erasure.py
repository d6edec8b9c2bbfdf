"""Erasing people: everything that the registry of personal data knows about them is deleted.

Invariant: the receipt and the proofs that stay contain no personal data. An erasure that is run
again, after a kill at any line, ends in the same state.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from consent.customers.mail import erase_mail_files
from consent.holds.rows import held_summary, set_aside
from consent.models import PrivacyRequest
from consent.requests.effects import is_restricted_by_request, restricted_by_other_erasures
from consent.requests.subjects import current_subject
from profiles.lib.change_queue import mark_changed
from profiles.lib.database import database_now
from profiles.models import Merge, Profile
from profiles.registry import Person, registry
from profiles.services import components_of, resettle_components


def erase(request: PrivacyRequest) -> None:
    """Delete the people whom a verified request is about, and write its receipt.

    The caller holds the people lock. The identifiers were suppressed when the request was
    verified. Data of other people are not touched.
    """
    # Added to those of the first run, since every request is erased twice (see fulfilment).
    counts: Counter[str] = Counter(request.receipt.get("erased", {}))
    people = current_subject(request).people
    # What others have of their facts and verdicts is known before these are deleted.
    components = components_of(person.profile_id for person in people)
    for person in people:
        counts.update(erase_person(replace(person, request_id=request.pk)))
    _resettle_remainders(request, [person.profile_id for person in people], components)
    request.receipt |= {
        "erased": dict(sorted(counts.items())),
        "kept": {data.label: data.kept for data in registry if data.kept},
        "receivers": registry.receivers(request.pk),
        "erased_at": database_now().isoformat(),
    }
    if held := held_summary(request):
        request.receipt["held"] = held
    request.body, request.reason = {}, ""
    request.save(update_fields=["body", "reason", "receipt"])


def erase_person(person: Person) -> dict[str, int]:
    """Delete all data of these identifiers of a profile; what a legal hold names is set aside.

    Returns the number of deleted rows by model label, and of mail files. Zeros are left out.
    """
    set_aside(person)
    absorbed = Merge.objects.standing().filter(survivor=person.profile_id)
    # Once for all stores that keep the past of these under their own ids.
    person = replace(person, absorbed_ids=tuple(absorbed.values_list("absorbed_id", flat=True)))
    counts = {data.label: data.erase(person) for data in registry.in_order_of_erasure()}
    counts["mail files"] = erase_mail_files(person.references)
    return {store: count for store, count in counts.items() if count}


def count_receivers(request_id: UUID) -> None:
    """Count in the receipt of an erasure which receivers forgot them by now."""
    with transaction.atomic():
        for request in PrivacyRequest.objects.select_for_update().filter(pk=request_id):
            request.receipt |= {"receivers": registry.receivers(request_id)}
            request.save(update_fields=["receipt"])


def is_drained(accepted_before: datetime) -> bool:
    """Whether every message that was accepted before this time has been applied."""
    return all(data.is_drained(accepted_before) for data in registry)


def suppressed_at(receipt: dict[str, Any]) -> datetime:
    """Return when the identifiers of an erasure were suppressed, from its receipt."""
    return datetime.fromisoformat(receipt["suppressed_at"])


def _resettle_remainders(
    request: PrivacyRequest, profile_ids: list[int], components: set[int]
) -> None:
    """Resolve anew what is left of the components, which may be a part of an erased profile.

    What is left may belong to other people, so it gets the profiles that the remaining facts give
    it, and their restriction is as it was before this request.
    """
    created = resettle_components(components, profile_ids, now=database_now())
    restricted = set(request.body.get("restricted", ()))
    restricted -= restricted_by_other_erasures(request, restricted)
    reopened = created | restricted.intersection(profile_ids)
    for profile in Profile.objects.filter(pk__in=reopened):
        # This request is active yet, and its part of the profile is gone.
        profile.is_restricted = is_restricted_by_request(profile)
        profile.save(update_fields=["is_restricted"])
    # Fully erased profiles are gone; segments need to hear only of those that are left.
    left = created.union(profile_ids)
    mark_changed(Profile.objects.filter(pk__in=left).values_list("pk", flat=True))
