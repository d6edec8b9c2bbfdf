"""Who is who: clusters beside scipy's, batches beside one event at a time, and an unmerge.

Each row is measured in a store of its own.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import F
from uuid_utils.compat import uuid7

from benchmarks import store
from benchmarks.lagging import measure_lag
from benchmarks.report import Measure
from benchmarks.world import BATCH, World
from profiles.identifiers.references import Ref
from profiles.identity.engine import Decisions, Fact, NamespaceRule, Rules, Trust, resolve
from profiles.models import (
    DecisionVerdict,
    Event,
    EventName,
    EventStat,
    Identifier,
    IdentityFact,
    Profile,
    Source,
    SourceRecord,
)
from profiles.services import NewDecision, decide

# By which nothing is refused: then the people are the connected components of the graph.
CARD = NamespaceRule("card", 1)
OPEN_RULES = Rules(MappingProxyType({CARD.namespace: CARD}), daily_cap=2**31, total_cap=2**31)


def measure_joining(*, is_quick: bool) -> list[Measure]:
    """Return the rows: batches beside the ORM, clusters beside scipy, an unmerge."""
    messages, events = (500, 1_000) if is_quick else (20_000, 1_000)
    return [
        measure_batches(messages),
        measure_stored_clusters(),
        measure_clusters(200_000 if is_quick else 2_000_000),
        measure_unmerge(events),
        measure_large_component(10_000 if is_quick else 100_000),
        *measure_lag(10_000 if is_quick else 100_000),
    ]


def measure_batches(messages: int) -> Measure:
    """Return the rate of the drain beside that of rows written event by event by the ORM."""
    store.make_database()
    source, _ = store.make_source()
    name = f"{messages:,} messages in batches"
    measure = Measure(name, "the same, event by event by the ORM", "events/s", 15.0)
    for seed in (1, 2, 3):
        # The drain has as many for each of the messages that the ORM takes one by one.
        store.fill_inbox(source, World(seed=seed).bodies(10 * messages), BATCH)
        measure.values.append(10 * messages / store.drain_seconds())
        one_by_one = [
            message for batch in World(seed=seed + 10).batches(messages) for message in batch
        ]
        with store.timed() as timing:
            for message in one_by_one:
                take_by_orm(source, message)
        measure.floors.append(messages / timing.seconds)
    return measure


@transaction.atomic
def take_by_orm(source: Source, message: dict[str, Any]) -> None:
    """Store one message as a program would that asks the ORM for each row."""
    namespace = "user_id" if "userId" in message else "anonymous_id"
    value = message.get("userId") or message["anonymousId"]
    identifier = Identifier.objects.filter(namespace=namespace, value=value).first()
    if identifier is None:
        identifier = _new_person(namespace, value)
    profile = Profile.objects.select_for_update().get(pk=identifier.profile_id)
    at = datetime.fromisoformat(message["timestamp"])
    if message["type"] == "identify":
        record, _ = SourceRecord.objects.get_or_create(
            identifier=identifier, source=source, trust=2, defaults={"profile": profile}
        )
        record.traits |= {key: [each, 1] for key, each in message["traits"].items()}
        record.save()
        profile.traits |= message["traits"]
    else:
        kind, name = EventName.Kind.TRACK, message["event"]
        event_name, _ = EventName.objects.get_or_create(kind=kind, name=name)
        Event.objects.create(
            id=uuid7(),
            profile=profile,
            identifier=identifier,
            source=source,
            name=event_name,
            timestamp=at,
            received_at=datetime.now(UTC),
            properties=message["properties"],
            context=message["context"],
        )
        stat, _ = EventStat.objects.get_or_create(
            profile=profile,
            name=event_name,
            defaults={"count": 0, "sum": 0, "first_at": at, "last_at": at},
        )
        EventStat.objects.filter(pk=stat.pk).update(count=F("count") + 1)
    profile.last_seen_at = at
    profile.save()


def _new_person(namespace: str, value: str) -> Identifier:
    now = datetime.now(UTC)
    profile = Profile.objects.create(uuid=uuid7(), first_seen_at=now, last_seen_at=now)
    days = dict.fromkeys(("since", "first_seen_on", "last_seen_on"), now.date())
    for name, text in (("profile", str(profile.uuid)), (namespace, value)):
        identifier = Identifier.objects.create(
            namespace=name, value=text, profile=profile, component=profile.pk, **days
        )
    return identifier


def measure_stored_clusters() -> Measure:
    """Return the row of the facts that the store of the last row has."""
    facts = [
        [str(pk) for pk in ids]
        for ids in IdentityFact.objects.order_by("seq").values_list("identifier_ids", flat=True)
    ]
    return _measure_clusters(f"clusters of {len(facts):,} facts of a shop", facts)


def measure_clusters(edges: int) -> Measure:
    """Return the row of a random graph, in which most people have few identifiers."""
    chance = random.Random(7)
    nodes = int(2.5 * edges)
    facts = [[str(chance.randrange(nodes)), str(chance.randrange(nodes))] for _ in range(edges)]
    return _measure_clusters(f"clusters of a graph of {edges:,} edges", facts)


def _measure_clusters(name: str, facts: Sequence[Sequence[str]]) -> Measure:
    measure = Measure(name, "scipy's connected components, which must be equal", "s", None, False)
    with store.timed() as timing:
        ours = clusters_by_engine(facts)
    measure.values.append(timing.seconds)
    with store.timed() as timing:
        theirs = clusters_by_scipy(facts)
    measure.floors.append(timing.seconds)
    if ours != theirs:
        raise RuntimeError(f"{name} are not those of scipy")
    return measure


def clusters_by_engine(facts: Iterable[Sequence[str]]) -> set[frozenset[str]]:
    """Return who is one person by the engine of the product."""
    day = date(2026, 1, 1)
    state = resolve(
        (
            Fact(seq, tuple(Ref(CARD.namespace, each) for each in {*named}), "", Trust.SERVER, day)
            for seq, named in enumerate(facts, 1)
        ),
        OPEN_RULES,
        Decisions(),
    )
    people: dict[int, list[str]] = {}
    for ref, assignment in state.assignments().items():
        people.setdefault(assignment.profile, []).append(ref.value)
    return {frozenset(values) for values in people.values()}


def clusters_by_scipy(facts: Iterable[Sequence[str]]) -> set[frozenset[str]]:
    """Return the connected components of the same graph."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers: dict[str, int] = {}
    pairs: list[tuple[int, int]] = []
    for named in facts:
        first, *others = [numbers.setdefault(each, len(numbers)) for each in named]
        pairs += [(first, other) for other in others]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    size = len(numbers)
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    people: dict[int, list[str]] = {}
    for value, number in numbers.items():
        people.setdefault(int(labels[number]), []).append(value)
    return {frozenset(values) for values in people.values()}


def measure_unmerge(events: int) -> Measure:
    """Return the seconds in which a person with so many events is parted by a verdict."""
    store.make_database()
    source, _ = store.make_source()
    measure = Measure(f"unmerge of {events:,} events", "one second", "s", 1.0, False)
    for number in range(3):
        user, browser = f"u-{number}", f"b-{number}"
        store.load(source, list(_history(user, browser, events)), BATCH)
        sides = [
            Identifier.objects.get(namespace=namespace, value=value)
            for namespace, value in (("user_id", user), ("anonymous_id", browser))
        ]
        if sides[0].profile_id != sides[1].profile_id:
            raise RuntimeError("they are not one person")
        new = NewDecision(DecisionVerdict.NOT_SAME, sides[0], sides[1], "a benchmark")
        with store.timed() as timing:
            decide(new, actor=store.BENCHMARK)
        measure.values.append(timing.seconds)
        measure.floors.append(1.0)
    return measure


def measure_large_component(identifiers: int) -> Measure:
    """Return the seconds in which a verdict replays a component of so many identifiers.

    The drain waits as long: the mark is how far it may lag.
    """
    store.make_database()
    source, _ = store.make_source()
    messages = [
        {
            "type": "identify",
            "userId": f"u-{number}",
            "messageId": f"m-{number}",
            "traits": {"email": f"person-{number}@mail.fr"},
        }
        for number in range(identifiers // 2)
    ]
    bodies = [
        json.dumps({"batch": messages[start : start + BATCH]}).encode()
        for start in range(0, len(messages), BATCH)
    ]
    store.load(source, bodies, BATCH)
    # As facts leave them that a rule refused: one component of many people.
    sent = Identifier.objects.exclude(namespace="profile")
    Identifier.objects.update(component=sent.earliest("pk").component)
    measure = Measure(
        f"unmerge in a component of {identifiers:,}",
        "lag of 15 s",
        "s",
        1.0,
        is_larger_better=False,
    )
    for number in range(3):
        sides = [sent.get(value=value) for value in (f"u-{number}", f"person-{number}@mail.fr")]
        new = NewDecision(DecisionVerdict.NOT_SAME, sides[0], sides[1], "a benchmark")
        with store.timed() as timing:
            decide(new, actor=store.BENCHMARK)
        measure.values.append(timing.seconds)
        measure.floors.append(15.0)
    return measure


def _history(user: str, browser: str, events: int) -> Iterator[bytes]:
    """Yield requests: events of a user and of a browser, then what joins the two."""
    now = datetime.now(UTC).isoformat()
    messages: list[dict[str, Any]] = [
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": f"{user}-{number}",
            "timestamp": now,
            **({"userId": user} if number % 2 else {"anonymousId": browser}),
        }
        for number in range(events)
    ]
    messages += [
        {"type": "identify", "userId": user, "anonymousId": browser, "messageId": f"{user}-join"}
    ] * BATCH
    for start in range(0, len(messages), BATCH):
        yield json.dumps({"batch": messages[start : start + BATCH]}).encode()
