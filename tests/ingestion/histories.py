"""Random histories of messages, and what must be true of the store after any of them."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from ingestion.models import InboxRow
from ingestion.services import InboxBody, accept
from profiles.identifiers.references import Ref
from profiles.identity.engine import Decisions, Fact, Trust, resolve
from profiles.models import Event, EventStat, Identifier, IdentityFact, Profile
from profiles.services import load_rules
from tests.factories import NOW
from tests.oracles import identity as oracle

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
    for event in Event.objects.prefetch_related("identifier"):
        assert event.profile_id == event.identifier.profile_id
        stats[event.profile_id] += 1
        sums[event.profile_id] += Decimal(str(event.properties["revenue"]))
    stored = {stat.profile_id: (stat.count, stat.sum) for stat in EventStat.objects.all()}
    assert stored == {profile: (stats[profile], sums[profile]) for profile in stats}
