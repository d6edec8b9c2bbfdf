"""What staff work with: files of requests, and requests about many people."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from consent.models import BulkRequest, RequestAttachment
from profiles.identifiers.lookup import holders_of_identifiers
from profiles.registry import ErasurePhase, Person, PersonalData, Rows, registry


@registry.register
class RequestAttachmentData(PersonalData):
    model = RequestAttachment
    title = "Files of privacy requests"
    given = ("name", "content")
    technical = ("id", "request", "content_type", "size", "added_by", "added_at")
    phase = ErasurePhase.RECORDS

    def read(self, profile_ids: Sequence[int]) -> Rows:
        """Return the files of requests that are about one person alone, without their content."""
        holders = holders_of_identifiers(profile_ids)
        files = RequestAttachment.objects.filter(request__identifier_ids__overlap=list(holders))
        rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
        fields = ("name", "content_type", "size", "added_at", "request__identifier_ids")
        for *row, identifier_ids in files.values_list(*fields):
            owners = {holders.get(identifier) for identifier in identifier_ids}
            if len(owners) == 1 and (owner := owners.pop()) is not None:
                rows[owner].append(dict(zip(fields, row, strict=False)))
        return rows

    def erase(self, person: Person) -> int:
        files = RequestAttachment.objects.filter(
            request__identifier_ids__overlap=list(person.identifier_ids)
        )
        return files.delete()[0]


@registry.register
class BulkRequestData(PersonalData):
    model = BulkRequest
    title = "Requests about many people"
    technical = (
        "id",
        "kind",
        "reason",
        "person_ids",
        "state",
        "requested_by",
        "requested_at",
        "decided_by",
        "decided_at",
        "decision_reason",
        "opened",
        "alerted_at",
    )
    phase = ErasurePhase.RECORDS
    kept = "Who asked for requests about many people, and who approved it; ids point at nothing."

    def erase(self, person: Person) -> int:
        # What staff noted may name somebody. What still waits needs its reason.
        bulks = BulkRequest.objects.filter(person_ids__overlap=list(person.identifier_ids))
        noted = bulks.exclude(state=BulkRequest.State.OPEN).exclude(reason="", decision_reason="")
        return noted.update(reason="", decision_reason="")
