"""Claims bring a person so many devices a day: what is beyond stays by itself and is counted."""

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
from profiles.models import Event, Identifier, IdentityFact, IdentityRule, TrustLevel
from tests.factories import make_source, profile_of, send_messages
from tests.tries import tries

pytestmark = pytest.mark.django_db
CLAIM = TrustLevel.CLAIM
MOST = 20
WEAK = ("anonymous_id", "ios.id")
# Whom all claims of an attack name.
NAMES: dict[str, Callable[[str], dict[str, Any]]] = {
    "user_id": lambda mark: {"userId": mark},
    "email": lambda mark: {"context": {"traits": {"email": f"{mark}@example.net"}}},
    "phone": lambda mark: {"context": {"traits": {"phone": f"+3361{int(mark, 16) % 10**7:07d}"}}},
    "loyalty": lambda mark: {"context": {"externalIds": [{"type": "loyalty", "id": mark}]}},
}


def devices_beside() -> dict[tuple[int, date], set[int]]:
    """Return the devices that stored claims of a day name beside each other identifier."""
    weak = set(Identifier.objects.filter(namespace__in=WEAK).values_list("pk", flat=True))
    beside: dict[tuple[int, date], set[int]] = defaultdict(set)
    for fact in IdentityFact.objects.filter(trust=CLAIM):
        for identifier_id in set(fact.identifier_ids) - weak:
            beside[identifier_id, fact.day] |= weak & set(fact.identifier_ids)
    return beside


def counted() -> int:
    rows = DroppedCount.objects.filter(reason="claimed_identifier")
    return sum(rows.values_list("count", flat=True))


def visit(device: str, name: dict[str, Any], *, on: str) -> dict[str, Any]:
    """A page view of a device that names somebody."""
    message = {"type": "track", "event": "Viewed"} | name
    if on == "anonymous_id":
        return message | {"anonymousId": device}
    context = message.get("context", {}) | {"device": {"type": "ios", "id": device}}
    # Each message needs an anonymous id or a user id; a name that stands for nobody is neither.
    return {"userId": "anonymous"} | message | {"context": context}


@settings(max_examples=tries(12), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(NAMES)),
    is_vouched=st.booleans(),
    number=st.integers(25, 60),
    size=st.sampled_from([1, 7, 100]),
    on=st.sampled_from(WEAK),
)
@example(kind="email", is_vouched=True, number=60, size=100, on="anonymous_id")
@example(kind="email", is_vouched=True, number=60, size=1, on="anonymous_id")
@example(kind="user_id", is_vouched=False, number=60, size=100, on="ios.id")
def test_no_claims_bring_more_devices_and_nobody_gets_the_events_of_those_beyond(
    kind: str, is_vouched: bool, number: int, size: int, on: str
) -> None:
    mark = uuid4().hex
    make_source(key="web")
    name = NAMES[kind](mark)
    if is_vouched:
        send_messages({"anonymousId": f"{mark}-till", "type": "identify"} | name)
    before = counted()
    visits = [visit(f"{mark}-{place}", name, on=on) for place in range(number)]
    for start in range(0, number, size):
        send_messages(*visits[start : start + size], source="web", trust=CLAIM)
    assert max(map(len, devices_beside().values())) <= MOST
    assert counted() - before == number - MOST
    devices = Identifier.objects.filter(namespace=on, value__startswith=mark)
    beyond = profile_of(f"{on}:{mark}-{number - 1}")
    assert devices.filter(profile=beyond).count() == 1
    assert Event.objects.filter(profile=beyond).count() == 1
    assert devices.values("component").distinct().count() >= number - MOST
    assert list(find_drift()) == []


def test_a_device_that_somebody_has_comes_again_every_day() -> None:
    send_messages({"userId": "ada", "type": "identify"})
    for _ in range(3):
        visits = [visit(f"d{place}", {"userId": "ada"}, on="anonymous_id") for place in range(5)]
        send_messages(*visits, source="web", trust=CLAIM)
    assert counted() == 0
    assert Event.objects.filter(profile=profile_of("user_id:ada")).count() == 15


def test_a_server_brings_as_many_devices_as_it_likes_and_so_do_claims_without_a_limit() -> None:
    send_messages(*(visit(f"s{place}", {"userId": "ada"}, on="ios.id") for place in range(30)))
    assert counted() == 0
    IdentityRule.objects.filter(namespace="ios.id").update(limit_count=None)
    visits = [visit(f"c{place}", {"userId": "ada"}, on="ios.id") for place in range(30)]
    send_messages(*visits, source="web", trust=CLAIM)
    assert counted() == 0
