"""Random histories through the drain give what a replay and the naive oracles give."""

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import InboxRow, RejectedMessage
from ingestion.services import InboxBody, accept, drain_inbox
from profiles.identifiers.references import Ref
from profiles.identity.engine import Decisions, Fact, Trust, resolve
from profiles.models import Event, EventStat, Identifier, IdentityFact, Profile, SourceRecord
from profiles.services import load_rules
from tests.factories import NOW, make_source
from tests.oracles import identity as oracle

PROPERTY = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
users = st.sampled_from([None, "u1", "u2", "u3"])
anonyms = st.sampled_from([None, "a1", "a2", "a3"])
emails = st.sampled_from([None, "e1@x.org", "E2@x.org", "e3@x.org"])


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    user, anonym = draw(users), draw(anonyms)
    message: dict[str, Any] = {"userId": user, "anonymousId": anonym or (None if user else "a9")}
    email = draw(emails)
    if draw(st.booleans()):
        traits = {
            "city": draw(st.sampled_from(["Lyon", "Rome", None])),
            "n": draw(st.integers(0, 2)),
        }
        if email:
            traits["email"] = email
        message |= {"type": "identify", "traits": traits}
    else:
        price = draw(st.sampled_from(["0.10", "2", "1e1"]))
        message |= {"type": "track", "event": "Order", "properties": {"revenue": Decimal(price)}}
        message["context"] = {"traits": {"email": email}}
    if draw(st.booleans()):
        hours = draw(st.integers(0, 200))
        message["timestamp"] = (NOW - timedelta(hours=hours)).isoformat()
    if draw(st.integers(0, 3)) == 0:
        message["messageId"] = draw(st.sampled_from(["m1", "m2"]))
    return message


requests = st.tuples(
    st.lists(messages(), min_size=1, max_size=4),
    st.sampled_from([Trust.CLAIM, Trust.SERVER]),
    st.integers(0, 8),  # days after the first
    st.booleans(),  # whether the inbox is drained now, or together with what follows
)


def send(batch: list[dict[str, Any]], source_id: int, trust: int, received_at: datetime) -> None:
    accept(
        InboxBody("", encode(batch)),
        source_id=source_id,
        trust=trust,
        message_count=len(batch),
        is_opted_out=False,
    )
    newest = InboxRow.objects.latest("id")
    InboxRow.objects.filter(pk=newest.pk).update(received_at=received_at)


def encode(batch: list[dict[str, Any]]) -> bytes:
    return msgspec.json.Encoder(decimal_format="number").encode({"batch": batch})


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


def check_people() -> None:
    facts = stored_facts()
    replayed = resolve(facts, load_rules(), Decisions())
    naive, _ = oracle.replay(facts, load_rules(), frozenset())
    stored: dict[int, set[Ref]] = defaultdict(set)
    for identifier in Identifier.objects.exclude(profile=None).exclude(namespace="profile"):
        ref = Ref(identifier.namespace, identifier.value)
        stored[identifier.profile_id].add(ref)
        assignment = replayed.assignment_of(ref)
        assert assignment is not None
        assert identifier.is_vouched == assignment.is_vouched
        assert identifier.since == assignment.since
        assert (identifier.quarantined_at is not None) == (ref in replayed.quarantined_refs())
    clusters = {frozenset(refs) for refs in stored.values()}
    assert clusters == {frozenset(person.refs) for person in naive.people}
    assert set(Profile.objects.values_list("pk", flat=True)) == set(stored)
    assert Identifier.objects.filter(namespace="profile", profile=None).count() == 0
    assert set(
        Identifier.objects.filter(namespace="profile").values_list("profile", flat=True)
    ) == set(stored)
    check_components()


def stored_facts() -> list[Fact]:
    names = {row.pk: Ref(row.namespace, row.value) for row in Identifier.objects.all()}
    return [
        Fact(
            fact.seq,
            tuple(names[number] for number in fact.identifier_ids),
            "web",
            Trust(fact.trust),
            fact.day,
        )
        for fact in IdentityFact.objects.order_by("seq")
    ]


def check_components() -> None:
    """Identifiers share a component exactly where a chain of shared facts joins them."""
    groups: list[set[int]] = []
    for fact in IdentityFact.objects.all():
        touching = [group for group in groups if group & set(fact.identifier_ids)]
        groups = [group for group in groups if group not in touching]
        groups.append(set(fact.identifier_ids).union(*touching))
    rows = dict(Identifier.objects.exclude(namespace="profile").values_list("pk", "component"))
    by_component: dict[int, set[int]] = defaultdict(set)
    for pk, component in rows.items():
        by_component[component].add(pk)
    assert sorted(map(sorted, by_component.values())) == sorted(map(sorted, groups))


def check_events() -> None:
    stats: Counter[int] = Counter()
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for event in Event.objects.select_related("identifier"):
        assert event.profile_id == event.identifier.profile_id
        stats[event.profile_id] += 1
        sums[event.profile_id] += Decimal(str(event.properties["revenue"]))
    stored = {stat.profile_id: (stat.count, stat.sum) for stat in EventStat.objects.all()}
    assert stored == {profile: (stats[profile], sums[profile]) for profile in stats}


def check_traits() -> None:
    """Compare golden traits with the newest statement of the most trusted source."""
    emails: dict[int, set[str]] = defaultdict(set)
    for identifier in Identifier.objects.filter(namespace="email").exclude(profile=None):
        emails[identifier.profile_id].add(identifier.value)
    for profile in Profile.objects.all():
        statements: dict[str, list[tuple[int, int, int, str, Any]]] = defaultdict(list)
        for record in SourceRecord.objects.filter(profile=profile).select_related("identifier"):
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
