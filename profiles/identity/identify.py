"""Giving a profile to the person whom some identifiers name, for callers that bring no message."""

from collections.abc import Iterable
from datetime import UTC, datetime

from profiles.derived import derive
from profiles.identifiers.lookup import parse_reference
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked
from profiles.identity.observations import Observation
from profiles.identity.resolve import resolve_observations
from profiles.identity.rules import load_rules
from profiles.lib.change_queue import mark_changed
from profiles.models import Source, TrustLevel


def identify(references: Iterable[str], *, source: Source, trust: TrustLevel, now: datetime) -> int:
    """The profile of the person whom these identifiers name together, made where nobody has them.

    The caller holds the people lock. Raises InvalidIdentifier.
    """
    refs = tuple(dict.fromkeys(parse_reference(reference) for reference in references))
    for ref in refs:
        if is_blocked(ref.namespace, ref.value):
            raise InvalidIdentifier(ref.namespace, "is a value that stands for nobody")
    sighting = Observation(refs, source.pk, trust, now.astimezone(UTC).date())
    judgement = resolve_observations(
        [sighting], rules=load_rules(), source_keys={source.pk: source.key}, now=now
    )
    derive(judgement.stale_traits)
    mark_changed(judgement.changed_profiles)
    return judgement.landings[sighting].profile_id
