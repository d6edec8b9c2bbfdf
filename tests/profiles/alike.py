"""Made people of whom some come twice, the second time with typing errors and in another source."""

import random
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from profiles.matching.comparisons import SHAPE
from profiles.matching.propose import propose_matches
from profiles.models import Identifier, MatchModel, MatchProposal
from tests.factories import send_messages

GIVEN = (
    *("Ada", "Grace", "Edsger", "Barbara", "Donald", "Alan", "Margaret", "Ken", "Frances", "Tony"),
    *("Radia", "Dennis", "Adele", "Niklaus", "Shafi", "Leslie", "Jean", "Robin", "Hedy", "Guido"),
)
SURNAMES = (
    *("Lovelace", "Hopper", "Dijkstra", "Liskov", "Knuth", "Turing", "Hamilton", "Thompson"),
    *("Allen", "Hoare", "Perlman", "Ritchie", "Goldberg", "Wirth", "Goldwasser", "Lamport"),
    *("Bartik", "Milner", "Lamarr", "Rossum", "Backus", "Naur", "Sammet", "Karp", "Cook", "Rivest"),
)
STREETS = ("rue de la Paix", "Hauptstrasse", "High Street", "Via Roma", "Calle Mayor", "Nygade")
CITIES = ("Lyon", "Berlin", "Leeds", "Roma", "Madrid", "Aarhus", "Gent", "Porto")


def people(number: int, *, seed: int = 7) -> list[dict[str, Any]]:
    """Return the traits of so many different people."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    while len(rows) < number:
        row = {
            "first_name": chance.choice(GIVEN),
            "last_name": chance.choice(SURNAMES),
            "birth_date": f"{chance.randint(1940, 2005)}-{chance.randint(1, 12):02}-"
            f"{chance.randint(1, 28):02}",
            "address": {
                "street": f"{chance.randint(1, 90)} {chance.choice(STREETS)}",
                "postal_code": f"{chance.randint(10_000, 99_999)}",
                "city": chance.choice(CITIES),
            },
        }
        rows.append(row)
    return rows


def mistyped(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the same person with a letter lost, and at times with another address."""
    twin = {**row, "address": dict(row["address"])}
    key = chance.choice(("first_name", "last_name"))
    place = chance.randrange(1, len(twin[key]))
    twin[key] = twin[key][:place] + twin[key][place + 1 :]
    if chance.random() < 0.3:
        twin["address"] |= {"street": "3 New Road", "postal_code": "99111"}
    return twin


def send_people(rows: list[dict[str, Any]], prefix: str, *, source: str = "shop") -> None:
    messages = ({"userId": f"{prefix}{n}", "traits": row} for n, row in enumerate(rows))
    send_messages(*messages, source=source)


def send_town(*, number: int = 240, twins: int = 60) -> set[frozenset[str]]:
    """Send people to the store, and the first of them again; return who is who by `user_id`."""
    rows = people(number)
    chance = random.Random(3)
    send_people(rows, "a")
    exact = twins // 3
    again = [row if n < exact else mistyped(row, chance) for n, row in enumerate(rows[:twins])]
    send_people(again, "b", source="crm")
    return set(pairs(twins))


def pairs(number: int) -> Iterator[frozenset[str]]:
    return (frozenset((f"a{n}", f"b{n}")) for n in range(number))


_learnt: dict[str, Any] = {}


def make_model() -> MatchModel:
    """Store the model that the town teaches; learnt once, since it takes seconds."""
    if not _learnt:
        with transaction.atomic():
            send_town()
            model = propose_matches().model
            _learnt.update({"parameters": model.parameters, "fields": model.fields})
            transaction.set_rollback(True)
    return MatchModel.objects.create(shape=SHAPE, people=300, pairs=20, **_learnt)


def user_ids(proposal: MatchProposal) -> frozenset[str]:
    """Return whom a proposal is about, by their `user_id`."""
    sides = [side.profile_id for side in (proposal.one, proposal.other)]
    rows = Identifier.objects.filter(profile__in=sides, namespace="user_id")
    return frozenset(rows.values_list("value", flat=True))


def proposed() -> set[frozenset[str]]:
    """Return the open proposals, each as the `user_id` of both."""
    rows = MatchProposal.objects.filter(state=MatchProposal.State.OPEN)
    return {user_ids(row) for row in rows}


ADA = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "birth_date": "1985-12-10",
    "address": {"street": "12 rue de la Paix", "postal_code": "69001", "city": "Lyon"},
}
MISTYPED_ADA = ADA | {"last_name": "Lovelac"}
GRACE = ADA | {"first_name": "Grace", "last_name": "Hopper", "birth_date": "1961-12-09"}
