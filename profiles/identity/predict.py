"""Predicting attributions without the people lock, to save time under it.

Invariant: no result depends on a prediction. A merge, an erasure or a changed rule may make it
wrong before the lock is taken, so it is checked again under the lock.
"""

from collections.abc import Iterable

from django.db import connection

from profiles.identifiers import sql
from profiles.identifiers.references import Ref
from profiles.identity.engine import Rules
from profiles.identity.observations import Attribution
from profiles.lib import exact_json


def predict_attributions(
    ref_groups: Iterable[tuple[Ref, ...]], *, rules: Rules
) -> dict[tuple[Ref, ...], Attribution]:
    """Predict where messages with these identifiers will land.

    Only groups whose identifiers all belong to one profile have a prediction.
    """
    groups = set(ref_groups)
    stored = _stored_attributions({ref for refs in groups for ref in refs})
    predictions: dict[tuple[Ref, ...], Attribution] = {}
    may_merge: set[int] = set()
    for refs in groups:
        attributions = [stored[ref] for ref in refs if ref in stored]
        profiles = {attribution.profile_id for attribution in attributions}
        if len(attributions) == len(refs) and len(profiles) == 1:
            anchor = min(refs, key=rules.rank) if len(refs) > 1 else refs[0]
            predictions[refs] = stored[anchor]
        elif len(profiles) > 1:
            may_merge |= profiles
    # No prediction for a profile that another message of the chunk may merge away.
    return {
        refs: attribution
        for refs, attribution in predictions.items()
        if attribution.profile_id not in may_merge
    }


def _stored_attributions(refs: set[Ref]) -> dict[Ref, Attribution]:
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(refs))])
        return {
            Ref(namespace, value): Attribution(profile_id, identifier_id)
            for namespace, value, identifier_id, profile_id, *_, is_quarantined in cursor.fetchall()
            if profile_id is not None and not is_quarantined
        }
