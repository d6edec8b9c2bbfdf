"""People of the admin's world, with all that belongs to one."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone
from uuid_utils.compat import uuid7

from consent.models import DecidedBy, Method, State
from consent.services import ConsentInput, record_many
from profiles.models import (
    Account,
    AccountMember,
    AccountRecord,
    Event,
    EventName,
    EventStat,
    Identifier,
    IdentityFact,
    IdentityOutcome,
    Merge,
    Profile,
    SourceRecord,
    TrustLevel,
)
from segments.models import Membership, MembershipChange, Segment
from tests.factories import make_profile

# Of everything that is made in one process, so that no name comes twice.
numbers = count(1)


def make_person(source: Any, purpose: Any, segment: Segment, *, events: int = 5) -> Profile:
    """Create a profile with records, a fact, events, a consent, a membership and a merge."""
    number = next(numbers)
    email = f"ada{number}@example.org"
    profile = make_profile(f"email:{email}", f"user_id:u-{number}", f"anonymous_id:a-{number}")
    traits = {"email": email, "first_name": "Ada", "last_name": "Lovelace", "city": "Lyon"}
    Profile.objects.filter(pk=profile.pk).update(traits=traits)
    identifiers = list(Identifier.objects.filter(profile=profile).exclude(namespace="profile"))
    now = timezone.now()
    micros = round(now.timestamp() * 1_000_000)
    SourceRecord.objects.create(
        identifier=identifiers[0],
        profile=profile,
        source=source,
        trust=TrustLevel.SERVER,
        traits={key: [value, micros] for key, value in traits.items()},
    )
    SourceRecord.objects.create(
        identifier=identifiers[0],
        profile=profile,
        source=source,
        trust=TrustLevel.CLAIM,
        traits={"city": ["Paris", micros]},
    )
    fact = IdentityFact.objects.create(
        seq=number,
        digest=uuid7(),
        identifier_ids=[identifier.pk for identifier in identifiers],
        source=source,
        trust=TrustLevel.SERVER,
        day=now.date(),
    )
    IdentityOutcome.objects.create(
        fact=fact, identifier=identifiers[0], wanter=identifiers[1], rule="trust", day=now.date()
    )
    _make_merge(profile, identifiers, fact)
    _make_account(profile, identifiers[0], source)
    make_events(profile, identifiers[0], source, events)
    _give_consent(profile, identifiers[0], purpose)
    Membership.objects.create(segment=segment, profile=profile, entered_at=now)
    MembershipChange.objects.create(
        id=number,
        segment=segment,
        profile=profile,
        changed_at=now,
        has_entered=True,
        reason="change",
    )
    profile.refresh_from_db()
    return profile


def _make_account(profile: Profile, identifier: Identifier, source: Any) -> None:
    number, now = next(numbers), timezone.now()
    traits = {"name": "Acme", "contact_email": "ada.private@example.org", "plan": "pro"}
    at = round(now.timestamp() * 1_000_000)
    said = {key: [value, at, number, 2] for key, value in traits.items()}
    account = Account.objects.create(
        key=f"acme-{number}",
        traits=traits,
        winners={key: [*entry, source.pk, identifier.pk] for key, entry in said.items()},
        is_vouched=True,
    )
    AccountRecord.objects.create(
        account=account,
        identifier=identifier,
        source=source,
        trust=TrustLevel.SERVER,
        traits={key: entry[:3] for key, entry in said.items()},
        first_at=now,
    )
    AccountMember.objects.create(
        profile=profile, account=account, identifier=identifier, is_vouched=True, first_at=now
    )


def make_events(profile: Profile, identifier: Identifier, source: Any, number: int) -> None:
    """Create so many events, an hour apart, and their statistics."""
    name = EventName.objects.get_or_create(kind="track", name="Order Completed")[0]
    now = timezone.now()
    for back in range(number):
        Event.objects.create(
            id=uuid7(),
            profile=profile,
            timestamp=now - timedelta(hours=back),
            identifier=identifier,
            source=source,
            name=name,
            value="19.90",
            properties={"order_id": back, "email": "ada.private@example.org"},
            context={"ip": "203.0.113.9"},
            received_at=now,
        )
    EventStat.objects.update_or_create(
        profile_id=profile.pk,
        name_id=name.pk,
        defaults={"count": number, "sum": 0, "first_at": now, "last_at": now},
    )


def _make_merge(profile: Profile, identifiers: list[Identifier], fact: IdentityFact) -> None:
    Merge.objects.create(
        survivor=profile,
        absorbed_id=0,
        absorbed_uuid=uuid7(),
        survivor_identifier_ids=[identifiers[0].pk],
        absorbed_identifier_ids=[identifiers[1].pk],
        fact=fact,
        rule="unique",
        actor="drain",
    )


def _give_consent(profile: Profile, identifier: Identifier, purpose: Any) -> None:
    now = timezone.now()
    record_many(
        [
            ConsentInput(
                identifier_id=identifier.pk,
                profile_id=profile.pk,
                purpose=purpose.key,
                state=State.GIVEN,
                occurred_at=now,
                received_at=now,
                actor=DecidedBy.SUBJECT,
                method=Method.CHECKBOX,
                trust=TrustLevel.SERVER,
                evidence={"form": "checkout"},
            )
        ]
    )
