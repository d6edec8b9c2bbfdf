"""Verdicts that keep people apart through the erasure of one of them, or of both.

While a side is erased its suppression stands for it: the keyed hash of its identifier. Once that
identifier is stored again the verdict is a decision again, before a fact that names it is judged.

Invariant: nothing of the erased person is kept beside what the suppression list has anyway. The
reason goes, since staff may have written of them in it.
"""

from collections.abc import Collection, Mapping

from django.db.models import Q

from consent.models import SuppressedVerdict
from consent.suppression.rows import suppressed_references
from profiles.identifiers.references import Ref, reference_of
from profiles.models import DecisionVerdict, Identifier, IdentityDecision

REASON = "It stood before an erasure, which deleted its reason."


def suppress_verdicts(identifier_ids: Collection[int]) -> int:
    """Keep the verdicts that part identifiers, which are about to be erased, from others.

    The decisions themselves are left to the caller. A verdict ends where nothing keeps a side out,
    as with people who are deleted when their time is over. Returns how many kept ones ended so.
    """
    names_them = Q(one__in=identifier_ids) | Q(other__in=identifier_ids)
    standing = IdentityDecision.objects.filter(names_them, ended_at=None)
    decisions = list(standing.exclude(verdict=DecisionVerdict.SAME))
    kept = list(SuppressedVerdict.objects.filter(names_them))
    if not decisions and not kept:
        return 0
    suppressions = _suppressions_of(identifier_ids)
    for decision in decisions:
        verdict = _verdict_of(decision)
        if _suppress_sides(verdict, suppressions):
            verdict.save()
    ended = [verdict.pk for verdict in kept if not _suppress_sides(verdict, suppressions)]
    for verdict in kept:
        if verdict.pk not in ended:
            verdict.save()
    SuppressedVerdict.objects.filter(pk__in=ended).delete()
    return len(ended)


def restore_verdicts(identifiers: Mapping[str, int]) -> None:
    """Give verdicts back their sides that are stored again: ids of identifiers by reference."""
    # Nearly always there is none, and nothing is hashed.
    if not SuppressedVerdict.objects.exists():
        return
    returned = {
        suppression_id: identifiers[reference]
        for suppression_id, reference in suppressed_references(identifiers).items()
    }
    names_them = Q(one_suppression__in=returned) | Q(other_suppression__in=returned)
    for verdict in SuppressedVerdict.objects.filter(names_them):
        if verdict.one_suppression_id in returned:
            verdict.one_id = returned[verdict.one_suppression_id]
            verdict.one_suppression_id = None
        if verdict.other_suppression_id in returned:
            verdict.other_id = returned[verdict.other_suppression_id]
            verdict.other_suppression_id = None
        if verdict.one_id and verdict.other_id:
            _decide_again(verdict)
        else:
            verdict.save()


def _suppressions_of(identifier_ids: Collection[int]) -> dict[int, int | None]:
    """Return the row that keeps each of the identifiers out, or None."""
    rows = Identifier.objects.filter(pk__in=identifier_ids).values_list("pk", "namespace", "value")
    ids = {reference_of(Ref(namespace, value)): pk for pk, namespace, value in rows}
    standing = suppressed_references(ids, is_lifted=False)
    return dict.fromkeys(identifier_ids) | {ids[ref]: row_id for row_id, ref in standing.items()}


def _verdict_of(decision: IdentityDecision) -> SuppressedVerdict:
    return SuppressedVerdict(
        uuid=decision.uuid,
        number=decision.pk,
        verdict=decision.verdict,
        one_id=decision.one_id,
        other_id=decision.other_id,
        is_of_staff=decision.is_of_staff,
        actor=decision.actor,
        decided_at=decision.decided_at,
    )


def _suppress_sides(verdict: SuppressedVerdict, suppressions: Mapping[int, int | None]) -> bool:
    """Put suppressions in the place of erased sides; return whether there is one for each."""
    if verdict.one_id is not None and verdict.one_id in suppressions:
        verdict.one_suppression_id = suppressions[verdict.one_id]
        verdict.one_id = None
    if verdict.other_id is not None and verdict.other_id in suppressions:
        verdict.other_suppression_id = suppressions[verdict.other_id]
        verdict.other_id = None
    sides = (
        verdict.one_id or verdict.one_suppression_id,
        verdict.other_id or verdict.other_suppression_id,
    )
    return all(sides)


def _decide_again(verdict: SuppressedVerdict) -> None:
    # Pairs are kept in the order of their ids, and who is back has another than before.
    one_id, other_id = sorted(side for side in (verdict.one_id, verdict.other_id) if side)
    IdentityDecision.objects.create(
        pk=verdict.number,
        uuid=verdict.uuid,
        verdict=verdict.verdict,
        one_id=one_id,
        other_id=other_id,
        is_of_staff=verdict.is_of_staff,
        actor=verdict.actor,
        reason=REASON,
        decided_at=verdict.decided_at,
    )
    verdict.delete()
