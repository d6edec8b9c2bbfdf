"""Claims name so many vouched identifiers a day only beside one: what is beyond is counted."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.models import DroppedCount
from profiles.identity.verify import find_drift
from profiles.models import Event, Identifier, IdentityFact, TrustLevel
from tests.factories import make_source, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
CLAIM = TrustLevel.CLAIM
MAX_NAMED = 20
# What is the same in all claims of an attack: kinds of identifiers that a claim can name.
HUBS: dict[str, Callable[[str], dict[str, Any]]] = {
    "anonymous_id": lambda mark: {"anonymousId": mark},
    "ios.id": lambda mark: {"context": {"device": {"type": "ios", "id": mark}}},
    "email": lambda mark: {"traits": {"email": f"{mark}@example.net"}},
    "phone": lambda mark: {"traits": {"phone": f"+3361{int(mark, 16) % 10**7:07d}"}},
    "loyalty": lambda mark: {"context": {"externalIds": [{"type": "loyalty", "id": mark}]}},
}


def named_beside() -> dict[tuple[int, date], set[int]]:
    """Return the vouched identifiers that stored claims of a day name beside each identifier."""
    vouched = set(Identifier.objects.filter(is_vouched=True).values_list("pk", flat=True))
    named: dict[tuple[int, date], set[int]] = defaultdict(set)
    for fact in IdentityFact.objects.filter(trust=CLAIM):
        for identifier_id in fact.identifier_ids:
            named[identifier_id, fact.day] |= vouched & set(fact.identifier_ids) - {identifier_id}
    return named


def counted() -> int:
    rows = DroppedCount.objects.filter(reason="claimed_identifier")
    return sum(rows.values_list("count", flat=True))


def vouch_for(*users: str) -> None:
    send_messages(*({"userId": user, "traits": {"city": "Lyon"}} for user in users))


def test_one_device_names_twenty_customers_a_day_and_the_others_are_counted() -> None:
    users = [f"u{number}" for number in range(30)]
    vouch_for(*users)
    for user in users:
        send_messages({"userId": user, "anonymousId": "kiosk"}, source="web", trust=CLAIM)
    component = Identifier.objects.get(value="kiosk").component
    in_it = Identifier.objects.filter(component=component, namespace="user_id")
    assert (in_it.count(), counted()) == (MAX_NAMED, 10)
    # The same once more is no news of anybody, and those beyond are beyond again.
    for user in users:
        send_messages({"userId": user, "anonymousId": "kiosk"}, source="web", trust=CLAIM)
    assert (in_it.count(), counted()) == (MAX_NAMED, 20)
    assert list(find_drift()) == []


def test_a_server_may_name_whom_it_likes() -> None:
    users = [f"u{number}" for number in range(30)]
    vouch_for(*users)
    send_messages(*({"userId": user, "anonymousId": "kiosk"} for user in users))
    assert counted() == 0


@settings(max_examples=tries(12), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    hub=st.sampled_from(sorted(HUBS)),
    is_hub_vouched=st.booleans(),
    customers=st.integers(22, 45),
    size=st.sampled_from([1, 7, 60]),
    with_own=st.booleans(),
)
@example(hub="anonymous_id", is_hub_vouched=False, customers=40, size=60, with_own=False)
def test_no_claims_name_more_beside_one_and_each_lands_on_whom_it_names(
    hub: str, is_hub_vouched: bool, customers: int, size: int, with_own: bool
) -> None:
    mark = uuid4().hex
    make_source(key="web")
    users = [f"{mark}-{number}" for number in range(customers)]
    vouch_for(*users)
    shared = HUBS[hub](mark)
    if is_hub_vouched:
        send_messages(shared | {"anonymousId": f"{mark}-till"})
    before = counted()
    claims = [
        {"type": "track", "event": "Viewed", "userId": user}
        | shared
        | ({"anonymousId": f"{user}-own"} if with_own and hub != "anonymous_id" else {})
        for user in users
    ]
    if "traits" in shared:
        claims = [claim | {"context": {"traits": shared["traits"]}} for claim in claims]
    for start in range(0, customers, size):
        send_messages(*claims[start : start + size], source="web", trust=CLAIM)
    assert counted() - before == customers - MAX_NAMED
    assert max(map(len, named_beside().values())) == MAX_NAMED
    for user in users:
        assert Event.objects.filter(profile=profile_of(f"user_id:{user}")).count() == 1
    assert list(find_drift()) == []
