"""Golden traits, naively: duels between statements, one after another, from the wording alone.

Written from `docs/architecture.md` and the docstring of `profiles/traits/golden.py`, and sharing no
code with it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from profiles.traits.golden import Contact, Lock, Statement


def golden(
    statements: Mapping[str, Sequence[Statement]],
    locks: Mapping[str, Lock],
    policies: Mapping[str, str],
    contacts: Sequence[Contact],
    computed: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the golden record: what wins, then contacts, what is computed, and locks."""
    record: dict[str, Any] = {}
    for key in {*statements, *computed, "email", "phone"}:
        value = champion(statements.get(key, ()), policies.get(key, "most_trusted"))
        record[key] = contact(value, key, contacts) if key in ("email", "phone") else value
        if key in computed:
            record[key] = computed[key]
    for key, lock in locks.items():
        known = [each.value for each in contacts if each.namespace == key]
        if key not in ("email", "phone") or lock.value is None or lock.value in known:
            record[key] = lock.value
    return {key: value for key, value in record.items() if value is not None}


def champion(statements: Sequence[Statement], policy: str) -> Any:
    """Return the value of the statement that no other beats."""
    for statement in statements:
        rivals = (rival for rival in statements if rival is not statement)
        if not any(beats(rival, statement, policy) for rival in rivals):
            return statement.value
    return None


def beats(one: Statement, other: Statement, policy: str) -> bool:
    """Whether the policy prefers the first statement; the later arrival decides what is left."""
    verdicts = {
        "most_trusted": [one.trust - other.trust, one.at - other.at, one.arrival - other.arrival],
        "newest": [one.at - other.at, one.trust - other.trust, one.arrival - other.arrival],
        "not_empty": [
            says_something(one.value) - says_something(other.value),
            one.trust - other.trust,
            one.at - other.at,
            one.arrival - other.arrival,
        ],
        "source_order": [
            other.source_priority - one.source_priority,
            one.at - other.at,
            one.trust - other.trust,
            one.arrival - other.arrival,
        ],
        "first": [
            (one.value is not None) - (other.value is not None),
            other.at - one.at,
            one.trust - other.trust,
            other.arrival - one.arrival,
        ],
    }[policy]
    for verdict in verdicts:
        if verdict:
            return verdict > 0
    return spelled(one.value) > spelled(other.value)


def contact(stated: Any, namespace: str, contacts: Sequence[Contact]) -> str | None:
    """Return the address or number: vouched before claimed, then as stated, then the newest."""
    own = [each for each in contacts if each.namespace == namespace]
    vouched = [each for each in own if each.is_vouched]
    candidates = vouched or own
    as_stated = [
        each
        for each in candidates
        if isinstance(stated, str) and each.value == stated.strip().lower()
    ]
    candidates = as_stated or candidates
    newest = [each for each in candidates if each.since == max(e.since for e in candidates)]
    return max((each.value for each in newest), default=None)


def says_something(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return value is not None
    return len(value.strip() if isinstance(value, str) else value) > 0


def spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
