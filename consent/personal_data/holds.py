"""What legal holds keep of people, and for whom they keep it."""

from consent.holds.rows import forget_terms
from consent.models import HeldRow, LegalHold
from profiles.registry import ErasurePhase, Person, PersonalData, registry


@registry.register
class LegalHoldData(PersonalData):
    model = LegalHold
    title = "Legal holds"
    technical = (
        *("id", "identifier_ids", "suppression_ids", "scope", "sources", "ground", "reason"),
        *("case_reference", "review_on", "placed_by", "placed_at", "lifted_by", "lifted_at"),
        "settled_at",
    )
    phase = ErasurePhase.REQUESTS
    kept = (
        "That a hold was placed and lifted, and on which ground (articles 5(2) and 17(3)); while "
        "it stands, its reason and its case too."
    )

    def erase(self, person: Person) -> int:
        # One that stands is the reason why something stays; a worker empties it once it is lifted.
        lifted = LegalHold.objects.filter(
            lifted_at__isnull=False, identifier_ids__overlap=list(person.identifier_ids)
        )
        return forget_terms(list(lifted.values_list("pk", flat=True)))


@registry.register
class HeldRowData(PersonalData):
    model = HeldRow
    title = "Rows that legal holds keep"
    technical = ("id", "hold", "store", "kind", "content", "request_id", "held_at")
    kept = (
        "What a legal hold names (article 17(3)(b) and (e)), apart from everything else, until the "
        "hold is lifted; without a hold nothing."
    )
