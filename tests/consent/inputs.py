"""Ledger entries for the tests of this app."""

from typing import Any

from consent.services import ConsentInput
from profiles.models import Profile, TrustLevel
from tests.factories import NOW


def consent_input(profile: Profile, state: str = "given", **overrides: Any) -> ConsentInput:
    """An entry by the first identifier of a profile, for the purpose newsletter."""
    identifier = profile.identifiers.exclude(namespace="profile").first()
    fields = {
        "identifier_id": identifier.pk,
        "profile_id": profile.pk,
        "purpose": "newsletter",
        "state": state,
        "occurred_at": NOW,
        "received_at": NOW,
        "actor": "subject",
        "method": "checkbox",
        "trust": TrustLevel.SERVER,
    }
    return ConsentInput(**fields | overrides)
