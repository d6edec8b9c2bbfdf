"""Random messages of a small world: people come back, log in, and change their traits."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

BATCH = 100
VISITS_AT_ONCE = 200
PRODUCTS = ("kettle", "lamp", "chair", "boots", "racket", "novel", "tent", "skis")
CITIES = ("Paris", "Lyon", "Lille", "Nantes", "Rennes", "Nice")
CONTEXT = {
    "library": {"name": "analytics-python", "version": "2.4.0"},
    "locale": "fr-FR",
    "page": {"path": "/shop", "referrer": "https://search.example.org/"},
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """The mean number of messages in a visit, and the share of messages that are logins.

    Both decide how much work messages are: a person's first visit on a day is a new fact of
    identity, and so is a login.
    """

    mean_visit: float
    logins: float


# A shop's website: three to five pages a visit, with one or two actions on each.
WEBSITE = Traffic(mean_visit=10, logins=0.07)
# The hardest case: nearly every message is about a person who was not seen on that day.
STRANGERS = Traffic(mean_visit=1, logins=0.12)
# The share of messages that are sent twice.
REPEATS = 0.03


@dataclass(slots=True, eq=False)
class Visit:
    """A visit with so many messages left. `is_anonymous` until the person logs in."""

    person: int
    is_anonymous: bool
    left: int


@dataclass(slots=True)
class World:
    """Makes batches of messages as real traffic brings them.

    Many visits go on at once. There are logins, which join an anonymous past to an account,
    changing traits, new people, and messages that are sent twice.
    """

    seed: int = 7
    people: int = 20_000
    traffic: Traffic = WEBSITE
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _random: random.Random = field(init=False)
    _number: int = 0
    _recent: list[dict[str, Any]] = field(default_factory=list)
    _visits: list[Visit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def batches(self, messages: int) -> Iterator[list[dict[str, Any]]]:
        """Yield so many messages in batches."""
        for _ in range(messages // BATCH):
            yield [self._message() for _ in range(BATCH)]

    def bodies(self, messages: int) -> list[bytes]:
        """Return so many messages as request bodies of /v1/batch."""
        sent_at = self.now.isoformat()
        return [
            json.dumps({"batch": batch, "sentAt": sent_at}, separators=(",", ":")).encode()
            for batch in self.batches(messages)
        ]

    def _message(self) -> dict[str, Any]:
        draw = self._random.random()
        if draw < REPEATS and self._recent:
            return self._random.choice(self._recent)
        self._number += 1
        visit = self._visit()
        is_login = draw < REPEATS + self.traffic.logins
        message = self._identify(visit) if is_login else self._event(visit)
        when = self.now - timedelta(seconds=self._random.randrange(60 * 86_400))
        message |= {"messageId": f"{self.seed}-{self._number}", "timestamp": when.isoformat()}
        self._recent = [*self._recent[-200:], message]
        return message

    def _visit(self) -> Visit:
        """Choose one of the visits that go on, after beginning new ones for those that ended."""
        while len(self._visits) < VISITS_AT_ONCE:
            person = int(self._random.betavariate(1, 3) * self.people)
            mean_further = self.traffic.mean_visit - 1
            further = int(self._random.expovariate(1 / mean_further)) if mean_further else 0
            self._visits.append(Visit(person, self._random.random() < 0.4, 1 + further))
        visit = self._random.choice(self._visits)
        visit.left -= 1
        if visit.left == 0:
            self._visits.remove(visit)
        return visit

    def _event(self, visit: Visit) -> dict[str, Any]:
        person = visit.person
        identifiers = (
            {"anonymousId": f"anon-{person}"}
            if visit.is_anonymous
            else {"userId": f"user-{person}"}
        )
        is_order = self._random.random() < 0.2
        properties: dict[str, Any] = {
            "product": self._random.choice(PRODUCTS),
            "category": "outdoor",
            "price": round(self._random.uniform(1, 300), 2),
        }
        if is_order:
            properties["revenue"] = round(self._random.uniform(5, 500), 2)
        name = "Order Completed" if is_order else "Product Viewed"
        track = {"type": "track", "event": name, "properties": properties, "context": CONTEXT}
        return identifiers | track

    def _identify(self, visit: Visit) -> dict[str, Any]:
        """Return a login. From then on the visit belongs to the account."""
        person = visit.person
        traits = {
            "city": self._random.choice(CITIES),
            "age_group": self._random.randrange(2, 8) * 10,
            "newsletter": self._random.random() < 0.5,
        }
        if self._random.random() < 0.5:
            traits["email"] = f"person{person}@mail{person % 7}.example.org"
        identifiers: dict[str, Any] = {"userId": f"user-{person}"}
        if visit.is_anonymous or self._random.random() < 0.3:
            identifiers["anonymousId"] = f"anon-{person}"
        visit.is_anonymous = False
        return identifiers | {"type": "identify", "traits": traits, "context": CONTEXT}


def with_user_agent(body: bytes, number: int) -> bytes:
    """Return a batch whose messages come from a browser, one of some hundred versions."""
    agent = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{number % 300}.0.0.0 Safari/537.36"
    return body.replace(b'"locale":', f'"userAgent":"{agent}","locale":'.encode())
