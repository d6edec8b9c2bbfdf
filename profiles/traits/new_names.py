"""Names of traits that nobody used before: their first definition, and how many claims may bring.

Invariant: the caller of every function that writes holds the people lock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from profiles.models import TraitDefinition, TrustLevel
from profiles.traits.origins import ORIGINS
from profiles.traits.sensitivity import guess_category
from profiles.traits.statements import TraitStatement


def within_claimed_names(
    statements: Sequence[TraitStatement],
) -> tuple[list[TraitStatement], Counter[int]]:
    """Leave out traits that are too many new names of a source's public keys.

    Returns the statements, and how many traits were left out by source.
    """
    new = _new_claimed_names(statements)
    refused: dict[int, set[str]] = {}
    for source_id, keys in new.items():
        claimed = TraitDefinition.objects.filter(claimed_by=source_id).count()
        refused[source_id] = set(
            sorted(keys)[max(0, settings.CLAIMED_NAMES_PER_SOURCE - claimed) :]
        )
    if not any(refused.values()):
        return list(statements), Counter()
    counts: Counter[int] = Counter()
    bounded = []
    for statement in statements:
        is_claim = statement.key.trust == TrustLevel.CLAIM
        out = refused.get(statement.key.source_id, set()) if is_claim else set()
        kept = {key: value for key, value in statement.traits.items() if key not in out}
        counts[statement.key.source_id] += len(statement.traits) - len(kept)
        bounded.append(statement._replace(traits=kept))
    return bounded, +counts


def _new_claimed_names(statements: Iterable[TraitStatement]) -> dict[int, set[str]]:
    """Return the traits that only claims name and that have no definition, by source."""
    claimed: dict[int, set[str]] = defaultdict(set)
    trusted: set[str] = set()
    for statement in statements:
        if statement.key.trust == TrustLevel.CLAIM:
            claimed[statement.key.source_id].update(statement.traits)
        else:
            trusted.update(statement.traits)
    names = set().union(*claimed.values())
    known = set(TraitDefinition.objects.filter(key__in=names).values_list("key", flat=True))
    return {source_id: keys - known - trusted for source_id, keys in claimed.items()}


def define_new_traits(statements: Iterable[TraitStatement]) -> None:
    """Add a definition, to be reviewed, for each trait that has none; its type is guessed."""
    # A null says nothing of a type, so a trait is defined at its first value.
    samples: dict[str, Any] = {}
    claimants: dict[str, int | None] = {}
    for statement in statements:
        is_claim = statement.key.trust == TrustLevel.CLAIM
        for key, value in statement.traits.items():
            if value is not None:
                samples[key] = value
                if is_claim:
                    claimants.setdefault(key, statement.key.source_id)
                else:
                    claimants[key] = None
    defined = TraitDefinition.objects.filter(key__in=samples).values_list("key", flat=True)
    new = sorted(samples.keys() - set(defined))
    if new:
        TraitDefinition.objects.bulk_create(
            [
                TraitDefinition(
                    key=key[:255],
                    type=_guess_type(samples[key]),
                    origin=ORIGINS.get(key, TraitDefinition.Origin.UNREVIEWED),
                    category=guess_category(key),
                    claimed_by_id=claimants[key],
                )
                for key in sorted(new)
            ],
            ignore_conflicts=True,
        )


def _guess_type(value: Any) -> TraitDefinition.Type:
    match value:
        case bool():  # before numbers, which include it
            return TraitDefinition.Type.BOOLEAN
        case list():
            return TraitDefinition.Type.LIST
        case dict():
            return TraitDefinition.Type.OBJECT
        case str():
            return TraitDefinition.Type.DATE if _is_date(value) else TraitDefinition.Type.TEXT
        case _:
            return TraitDefinition.Type.NUMBER


def _is_date(text: str) -> bool:
    # fromisoformat() also reads compact forms such as 20260131, which are numbers more often.
    if len(text) < 10 or text[4:5] != "-":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
