"""Identifying a profile by references, for callers that have no message."""

from collections.abc import Iterable
from datetime import UTC, datetime

from profiles.derived import derive
from profiles.identifiers.lookup import parse_references
from profiles.identifiers.normalisers import InvalidIdentifier, is_blocked
from profiles.identity.observations import Observation
from profiles.identity.resolve import resolve_observations
from profiles.identity.rules import load_blocked, load_rules
from profiles.lib.change_queue import mark_changed
from profiles.models import Source, TrustLevel


def identify(references: Iterable[str], *, source: Source, trust: TrustLevel, now: datetime) -> int:
    """Return the id of the profile that has these identifiers; create it if there is none.

    The caller holds the people lock. Raises InvalidIdentifier.
    """
    refs = tuple(dict.fromkeys(parse_references(references)))
    blocked = load_blocked()
    for ref in refs:
        if is_blocked(ref.namespace, ref.value, blocked.get(ref.namespace, ())):
            raise InvalidIdentifier(ref.namespace, "is a value that stands for nobody")
    observation = Observation.of(refs, source.pk, trust, now.astimezone(UTC).date())
    resolution = resolve_observations(
        [observation], rules=load_rules(), source_keys={source.pk: source.key}, now=now
    )
    derive(resolution.stale_traits)
    mark_changed(resolution.changed_profiles)
    return resolution.attributions[observation].profile_id
