"""Accounts, naively: from all group calls that still stand, one after another.

Written from the wording of `docs/tracking.md`, and sharing no code with the product.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NaiveCall:
    """One group call: who said what of which account, how far it is believed, and when."""

    account: str
    identifier: str
    trust: int
    at: Any
    arrival: int
    traits: dict[str, Any]


@dataclass
class NaiveAccount:
    traits: dict[str, Any] = field(default_factory=dict)
    is_vouched: bool = False
    # The people who count as members, and since when.
    members: dict[str, Any] = field(default_factory=dict)


def accounts_of(calls: Sequence[NaiveCall], people: Mapping[str, str]) -> dict[str, NaiveAccount]:
    """Return the accounts by key. `people` says whose each identifier is."""
    return {key: account_of(key, calls, people) for key in {call.account for call in calls}}


def account_of(key: str, calls: Sequence[NaiveCall], people: Mapping[str, str]) -> NaiveAccount:
    about = [call for call in calls if call.account == key]
    account = NaiveAccount(is_vouched=any(call.trust > 1 for call in about))
    for trait in {name for call in about for name in call.traits}:
        said = [call for call in about if trait in call.traits]
        most_trusted = [call for call in said if call.trust == max(each.trust for each in said)]
        latest = [c for c in most_trusted if c.at == max(each.at for each in most_trusted)]
        last = [call for call in latest if call.arrival == max(each.arrival for each in latest)]
        value = max((call.traits[trait] for call in last), key=json.dumps)
        if value is not None:
            account.traits[trait] = value
    for identifier in {call.identifier for call in about}:
        own = [call for call in about if call.identifier == identifier]
        if account.is_vouched and all(call.trust == 1 for call in own):
            continue
        person, since = people[identifier], min(call.at for call in own)
        account.members[person] = min(since, account.members.get(person, since))
    return account
