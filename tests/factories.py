"""Functions that make the rows from which tests start, with sensible defaults."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
from rest_framework.test import APIClient
from uuid_utils.compat import uuid7

from consent.models import Purpose
from consent.services import PurposeTerms, define_purpose
from ingestion.models import WriteKey
from ingestion.services import InboxBody, accept, create_write_key, drain_inbox
from profiles.models import Identifier, IdentityCase, Profile, Source, TrustLevel
from profiles.models.access import Scope
from profiles.services import Actor, AttributedEvent, create_api_key

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
TESTER = Actor.system("tests")
_numbers = count(1)


def make_source(**overrides: Any) -> Source:
    key = overrides.pop("key", f"source-{next(_numbers)}")
    return Source.objects.get_or_create(key=key, defaults={"name": key.title()} | overrides)[0]


def make_profile(*references: str, is_vouched: bool = True, **overrides: Any) -> Profile:
    """Create a profile with the identifiers `namespace:value`, beside its own UUID."""
    fields = {"uuid": uuid7(), "first_seen_at": NOW, "last_seen_at": NOW} | overrides
    profile = Profile.objects.create(**fields)
    make_identifier(f"profile:{profile.uuid}", profile=profile, is_vouched=False)
    for reference in references:
        make_identifier(reference, profile=profile, is_vouched=is_vouched)
    return profile


def make_identifier(reference: str, **overrides: Any) -> Identifier:
    namespace, _, value = reference.partition(":")
    day = NOW.date()
    fields = {"since": day, "first_seen_on": day, "last_seen_on": day, "component": 0} | overrides
    identifier = Identifier.objects.create(namespace=namespace, value=value, **fields)
    # Alone in its component, which has the number of its first identifier.
    if not identifier.component:
        identifier.component = identifier.pk
        identifier.save(update_fields=["component"])
    return identifier


def make_case(reference: str, **overrides: Any) -> IdentityCase:
    """Put an identifier, which is made, in question."""
    day = NOW.date()
    fields = {"kind": "too_many", "refusals": 3, "first_day": day, "last_day": day, "last_fact": 1}
    identifier = make_profile(reference).identifiers.exclude(namespace="profile").get()
    return IdentityCase.objects.create(identifier=identifier, **(fields | overrides))


def make_write_key(source: Source | None = None, *, kind: str = "secret") -> str:
    """Create a write key and return its secret."""
    _, secret = create_write_key(source or make_source(), kind=WriteKey.Kind(kind), actor=TESTER)
    return secret


def make_api_key(*scopes: str, name: str = "tests") -> str:
    """Create an API key and return its secret. Without scopes it has all of them."""
    _, secret = create_api_key(name, scopes=scopes or Scope.values, actor=TESTER)
    return secret


def make_purpose(key: str = "newsletter", *, now: datetime = NOW, **terms: Any) -> Purpose:
    """Define a purpose, by default one with consent as its legal basis."""
    defaults = {"title": key.title(), "text": f"Why we do {key}.", "legal_basis": "consent"}
    return define_purpose(key=key, terms=PurposeTerms(**(defaults | terms)), now=now, actor=TESTER)


def make_client(*scopes: str) -> APIClient:
    """Return a client of the API with a new key. Without scopes the key has all of them."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(*scopes)}")
    return client


def accept_only(
    *batch: dict[str, Any], source: str = "shop", trust: int = TrustLevel.SERVER
) -> None:
    """Accept messages of a source as one request, without draining them."""
    accept(
        InboxBody("", msgspec.json.encode({"batch": batch})),
        source_id=make_source(key=source).pk,
        trust=trust,
        message_count=len(batch),
        is_opted_out=False,
    )


def send_messages(
    *messages: dict[str, Any], source: str = "shop", trust: int = TrustLevel.SERVER
) -> None:
    """Accept and drain messages of a source. Their type is identify unless they have another."""
    batch = [{"type": "identify"} | message for message in messages]
    accept_only(*batch, source=source, trust=trust)
    drain_inbox()


def profile_of(reference: str) -> Profile:
    """Return the profile of the identifier `namespace:value`."""
    namespace, _, value = reference.partition(":")
    holders = Identifier.objects.filter(namespace=namespace, value=value)
    return Profile.objects.get(pk__in=holders.values("profile_id"))


def drafted_properties(event: AttributedEvent) -> str:
    """Return the properties of an event that a checkpoint of the drain shows, as JSON text."""
    text: str = event.draft.columns[5].obj
    return text
