"""What a store comes to, as one digest a kind: `python -m tests.store_digest`.

Keys that a database draws are left out, so that two stores of the same messages are equal.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import django

django.setup()

from django.core.serializers.json import DjangoJSONEncoder  # noqa: E402

from consent.models import ConsentState  # noqa: E402
from profiles.models import (  # noqa: E402
    Event,
    EventStat,
    Identifier,
    IdentityOutcome,
    Merge,
    Profile,
    SourceRecord,
)
from segments.models import Membership, MembershipChange, Segment  # noqa: E402


def store_digests() -> dict[str, str]:
    """Return a digest of people, traits, events, consents, merges and segments each."""
    people = _names_of_people()
    return {
        "people": _digest(people.values()),
        "traits": _digest((people[pk], t) for pk, t in Profile.objects.values_list("pk", "traits")),
        "events": _of(Event, people, "timestamp", "name__name", "value", "properties"),
        "statistics": _of(EventStat, people, "name__name", "count", "sum", "first_at", "last_at"),
        "records": _digest(_records(people)),
        "consents": _of(ConsentState, people, "purpose__key", "state", "is_objected"),
        "outcomes": _digest(IdentityOutcome.objects.values_list("rule", "day")),
        "merges": _digest(Merge.objects.values_list("rule")),
        "segments": _digest(Segment.objects.values_list("key", "size")),
        "members": _of(Membership, people, "segment__key"),
        "changes": _of(MembershipChange, people, "segment__key", "has_entered", "reason"),
    }


def _names_of_people() -> dict[int, list[str]]:
    """The identifiers of each person, but for the public ids, which are random."""
    people: dict[int, list[str]] = defaultdict(list)
    for identifier in Identifier.objects.exclude(profile=None).exclude(namespace="profile"):
        people[identifier.profile_id].append(str(identifier))
    return {pk: sorted(names) for pk, names in people.items()}


def _records(people: dict[int, list[str]]) -> Iterator[tuple[object, ...]]:
    """What sources say, without the place of each message among all, which is of its receipt."""
    rows = SourceRecord.objects.values_list("profile_id", "source__key", "trust", "traits")
    for profile_id, source, trust, traits in rows:
        dated = {key: entry[:2] for key, entry in traits.items()}
        yield people.get(profile_id), source, trust, dated


def _of(model: Any, people: dict[int, list[str]], *fields: str) -> str:
    rows = model.objects.values_list("profile_id", *fields)
    return _digest((people.get(profile_id), *values) for profile_id, *values in rows)


def _digest(rows: Iterable[Any]) -> str:
    lines = sorted(json.dumps(row, cls=DjangoJSONEncoder, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(store_digests(), indent=1))  # noqa: T201
