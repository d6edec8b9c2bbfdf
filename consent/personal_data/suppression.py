"""Whom not to take in again, and whom not to take for whom."""

from collections.abc import Collection, Mapping

from consent.models import SuppressedVerdict, Suppression
from consent.suppression.rows import find_suppressed
from consent.suppression.verdicts import restore_verdicts, suppress_verdicts
from profiles.registry import ErasurePhase, Person, PersonalData, registry


@registry.register
class SuppressionData(PersonalData):
    model = Suppression
    title = "Identifiers that must not come back"
    technical = (
        "id",
        "digest",
        "key_id",
        "normaliser_version",
        "created_at",
        "request_id",
        "refusals",
        "lifted_at",
    )
    kept = (
        "So that the next import does not bring an erased person back (articles 5(2) and 21(3)): "
        "keyed hashes, whose key lies outside the database."
    )

    def kept_out(self, references: Collection[str]) -> set[str]:
        return find_suppressed(references)


@registry.register
class SuppressedVerdictData(PersonalData):
    model = SuppressedVerdict
    title = "Verdicts on people who were erased"
    technical = (
        "id",
        "uuid",
        "number",
        "verdict",
        "one",
        "one_suppression",
        "other",
        "other_suppression",
        "is_of_staff",
        "actor",
        "decided_at",
    )
    kept = (
        "So that two people whom staff told apart are not mixed up if one of them comes back "
        "(article 5(1)(d)): which keyed hash and which identifier are not one person's."
    )
    # While the decisions are still there.
    phase = ErasurePhase.RECORDS

    def recognise(self, identifiers: Mapping[str, int]) -> None:
        restore_verdicts(identifiers)

    def erase(self, person: Person) -> int:
        return suppress_verdicts(person.identifier_ids)
