"""Erasure: everything that the registry of personal data knows of a person goes, in one transaction; the proofs stay, nameless.

Invariant: the receipt holds no personal data; run again, after a kill at any line, it comes to the same end.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from consent.customers.mail import erase_mail_files
from consent.models import PrivacyRequest
from consent.requests.lifecycle import ACTIVE, Kind, Status, closed_by_others, subject_now
from profiles.lib.change_queue import mark_changed, nudge
from profiles.lib.database import database_now
from profiles.models import Profile
from profiles.registry import Person, registry
from profiles.services import resettle


def erase(request: PrivacyRequest) -> None:
    """Delete the person whom a verified request is about, under the people lock, and write the receipt.

    The identifiers were suppressed when the request was verified. What other people hold is not touched.
    """
    counts: Counter[str] = Counter(request.receipt.get("erased", {}))
    people = subject_now(request).people
    for person in people:
        counts.update(erase_person(person))
    _settle_the_rest(request, [person.profile_id for person in people])
    request.receipt |= {
        "erased": dict(sorted(counts.items())),
        "kept": {data.label: data.kept for data in registry if data.kept},
        "erased_at": database_now().isoformat(),
    }
    request.body, request.reason = {}, ""
    request.save(update_fields=["body", "reason", "receipt"])


def erase_person(person: Person) -> dict[str, int]:
    """Delete what is held by these identifiers of a profile; return the number of rows by model, and of mail files."""
    counts = {data.label: data.erase(person) for data in registry.in_order_of_erasure()}
    counts["mail files"] = erase_mail_files(person.references)
    return {store: count for store, count in counts.items() if count}


def is_drained(moment: datetime) -> bool:
    """Whether all that was accepted before the moment has been taken in."""
    return all(data.is_drained(moment) for data in registry)


def suppressed_at(receipt: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(receipt["suppressed_at"])


def _settle_the_rest(request: PrivacyRequest, profile_ids: list[int]) -> None:
    """What is left where a part was erased is somebody else's for all we know: each gets what the facts that are left give
    him, and his gate is as it was before this request."""
    made = resettle(profile_ids, now=database_now())
    noted = set(request.body.get("restricted", ())) - closed_by_others(request)
    for profile in Profile.objects.filter(pk__in=made | noted.intersection(profile_ids)):
        profile.is_restricted = _is_restricted_on_request(profile)
        profile.save(update_fields=["is_restricted"])
    left = made.union(profile_ids)
    mark_changed(Profile.objects.filter(pk__in=left).values_list("pk", flat=True))
    nudge("segments.refresh_changed")


def _is_restricted_on_request(profile: Profile) -> bool:
    """Whether somebody asked for the restriction of what is left, which no erasure of another part may lift."""
    held = list(profile.identifiers.values_list("pk", flat=True))
    return PrivacyRequest.objects.filter(
        kind=Kind.RESTRICTION, status__in=(*ACTIVE, Status.DONE), identifier_ids__overlap=held
    ).exists()
