"""Whose messages will be, as far as can be seen without the people lock: a guess that saves time under it.

Nothing may rest on it. A merge, an erasure or a rule may make it wrong until the lock is held.
"""

from collections.abc import Iterable

from django.db import connection

from profiles.identifiers import sql
from profiles.identifiers.references import Ref
from profiles.identity.engine import Rules
from profiles.identity.observations import Attribution
from profiles.lib import exact_json


def predict_attributions(
    named: Iterable[tuple[Ref, ...]], *, rules: Rules
) -> dict[tuple[Ref, ...], Attribution]:
    """Where messages with these identifiers should land, for those whose identifiers one profile holds.

    Left out are profiles that any of the messages names together, since they may be merged.
    """
    groups = set(named)
    holders = _holders({ref for refs in groups for ref in refs})
    presumed: dict[tuple[Ref, ...], Attribution] = {}
    unsettled: set[int] = set()
    for refs in groups:
        found = [holders[ref] for ref in refs if ref in holders]
        profiles = {landing.profile_id for landing in found}
        if len(found) == len(refs) and len(profiles) == 1:
            presumed[refs] = holders[min(refs, key=rules.rank)] if len(refs) > 1 else found[0]
        elif len(profiles) > 1:
            unsettled |= profiles
    return {
        refs: landing for refs, landing in presumed.items() if landing.profile_id not in unsettled
    }


def _holders(refs: set[Ref]) -> dict[Ref, Attribution]:
    with connection.cursor() as cursor:
        cursor.execute(sql.FIND_IDENTIFIERS, [exact_json.dumps_sorted(list(refs))])
        return {
            Ref(namespace, value): Attribution(profile, identifier)
            for namespace, value, identifier, profile, *_, is_quarantined in cursor.fetchall()
            if profile is not None and not is_quarantined
        }
