"""What a store comes to, as one digest a kind: `python -m tests.store_digest`.

Keys that a database draws are left out, so that two stores of the same messages are equal.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
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
        "events": _of(Event, people, "id", "timestamp", "name__name", "value", "properties"),
        "statistics": _of(EventStat, people, "name__name", "count", "sum", "first_at", "last_at"),
        "records": _of(SourceRecord, people, "source__key", "trust", "traits"),
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


def _of(model: Any, people: dict[int, list[str]], *fields: str) -> str:
    rows = model.objects.values_list("profile_id", *fields)
    return _digest((people.get(profile_id), *values) for profile_id, *values in rows)


def _digest(rows: Iterable[Any]) -> str:
    lines = sorted(json.dumps(row, cls=DjangoJSONEncoder, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(store_digests(), indent=1))  # noqa: T201
