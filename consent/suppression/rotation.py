"""Rotating the key of the suppression list: rows are wrapped with the keys that came since.

Invariant: all rows are wrapped in one transaction, so that a look-up needs one chain of keys.
"""

from collections.abc import Sequence

from django.db import connection

from consent.models import Suppression, SuppressionKeyCheck
from consent.suppression import sql
from consent.suppression.keys import SuppressionKey, suppression_keys, wrapped
from consent.suppression.memory import known_digests
from consent.suppression.rows import note_chain
from profiles.lib.people_lock import people_lock
from profiles.services import Actor, audited


def wrap_suppressions(*, actor: Actor) -> int:
    """Wrap the rows of a shorter chain with the keys that came since; return how many.

    From then on no key by itself, nor all of the former ones, confirms a guess.
    """
    with audited(actor, "suppression.wrapped") as deed:
        people_lock()
        keys = suppression_keys()
        # Before any row is wrapped: unless all keys are configured nothing may be written.
        known_digests()
        wrapped_rows = {
            chain.id: _wrap(chain, keys[place:]) for place, chain in enumerate(keys[:-1], start=1)
        }
        total = sum(wrapped_rows.values())
        if total:
            note_chain(keys)
            deed.about("suppression", keys[-1].id, rows=[None, total])
        SuppressionKeyCheck.objects.filter(key_id__in=wrapped_rows).delete()
    return total


def _wrap(chain: SuppressionKey, later: Sequence[SuppressionKey]) -> int:
    rows = Suppression.objects.filter(key_id=chain.id).values_list("pk", "digest")
    digests = {pk: wrapped(bytes(digest), later) for pk, digest in rows}
    with connection.cursor() as cursor:
        cursor.execute(sql.WRAP, [later[-1].id, list(digests), list(digests.values())])
    return len(digests)
