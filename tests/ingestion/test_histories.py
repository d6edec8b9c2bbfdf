"""Random histories through the drain give what a replay and the naive oracles give."""

import random
from collections import defaultdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import RejectedMessage
from ingestion.services import drain_inbox
from profiles.identity.engine import Trust
from profiles.models import Identifier, Profile, SourceRecord
from tests.factories import NOW, make_source
from tests.ingestion.histories import check_events, check_people, messages, send
from tests.tries import tries

PROPERTY = settings(
    deadline=None,
    max_examples=tries(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

requests = st.tuples(
    st.lists(messages(), min_size=1, max_size=4),
    st.sampled_from([Trust.CLAIM, Trust.SERVER]),
    st.integers(0, 8),  # days after the first
    st.booleans(),  # whether the inbox is drained now, or together with what follows
)


@PROPERTY
@given(history=st.lists(requests, min_size=1, max_size=12))
@pytest.mark.django_db
def test_stored_people_equal_replay_and_oracle(history: list[Any]) -> None:
    with transaction.atomic():
        source = make_source(key="web")
        for batch, trust, days, is_drained in history:
            send(batch, source.pk, trust, NOW + timedelta(days=days))
            if is_drained:
                drain_inbox()
        drain_inbox()
        check_people()
        check_events()
        check_traits()
        assert not RejectedMessage.objects.exists()
        transaction.set_rollback(True)


def check_traits() -> None:
    """Compare golden traits with the newest statement of the most trusted source."""
    emails: dict[int, set[str]] = defaultdict(set)
    for identifier in Identifier.objects.filter(namespace="email").exclude(profile=None):
        emails[identifier.profile_id].add(identifier.value)
    for profile in Profile.objects.all():
        statements: dict[str, list[tuple[int, int, int, str, Any]]] = defaultdict(list)
        for record in SourceRecord.objects.filter(profile=profile).prefetch_related("identifier"):
            assert record.identifier.profile_id == profile.pk
            for key, (value, at, arrival) in record.traits.items():
                text = msgspec.json.encode(value).decode()
                statements[key].append((record.trust, at, arrival, text, value))
        golden = {
            key: max(values, key=lambda statement: statement[:4])[4]
            for key, values in statements.items()
        }
        expected = {k: v for k, v in golden.items() if v is not None and k != "email"}
        assert {k: v for k, v in profile.traits.items() if k != "email"} == expected
        addresses = emails[profile.pk]
        assert (
            (profile.traits.get("email") in addresses)
            if addresses
            else ("email" not in profile.traits)
        )


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(5))
def test_order_and_repetition_of_delivery_do_not_matter_where_no_rule_refuses(seed: int) -> None:
    """The same messages, shuffled, split otherwise and sent twice, give the same people."""
    dice = random.Random(seed)
    batch = [
        {
            "type": "identify",
            "messageId": f"i{number}",
            "userId": f"u{number % 4}",
            "anonymousId": f"a{number % 8}",
            # Each at its own time: of equal ones the message that arrives last wins.
            "timestamp": (
                NOW - timedelta(hours=dice.randrange(50), microseconds=number)
            ).isoformat(),
            "traits": {"city": dice.choice(["Lyon", "Rome"]), "n": number},
        }
        for number in range(16)
    ]
    assert drain_shuffled(batch, dice) == drain_shuffled(batch, random.Random(seed + 100))


def drain_shuffled(batch: list[dict[str, Any]], dice: random.Random) -> Any:
    """Send the batch twice, shuffled and split at random; return traits by identifiers."""
    with transaction.atomic():
        source = make_source(key="web")
        order = dice.sample(batch * 2, len(batch) * 2)
        while order:
            size = dice.randrange(1, 6)
            send(order[:size], source.pk, Trust.SERVER, NOW)
            order = order[size:]
            if dice.random() < 0.5:
                drain_inbox()
        drain_inbox()
        people = {
            frozenset(
                profile.identifiers.exclude(namespace="profile").values_list("namespace", "value")
            ): profile.traits
            for profile in Profile.objects.all()
        }
        transaction.set_rollback(True)
    return people
