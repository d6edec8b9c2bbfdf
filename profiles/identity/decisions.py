"""Deciding whether two identifiers are one person's, whatever facts say, and undoing it.

Invariant: a pair of identifiers has one standing verdict at most, and every replay obeys it from
the first fact on. Writing and undoing one replays the components of both identifiers.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from profiles.audit import Actor, audited
from profiles.identity import sql
from profiles.identity.engine import PROFILE
from profiles.identity.facts import MergeRule
from profiles.identity.resettle import resettle
from profiles.identity.rules import load_rules
from profiles.lib.database import array_of, database_now
from profiles.lib.people_lock import people_lock
from profiles.models import (
    ActorKind,
    DecisionVerdict,
    Identifier,
    IdentityDecision,
)


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A verdict on two identifiers, and why.

    `survivor` is the public UUID that the one profile keeps; without it, that of the profile
    created first. What no person decided `is_automatic`: it obeys unique namespaces.
    """

    verdict: DecisionVerdict
    one: Identifier
    other: Identifier
    reason: str
    survivor: UUID | None = None
    is_automatic: bool = False


class DecisionError(ValueError):
    """A decision that cannot stand. `field` is at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class DecisionConflict(Exception):
    """A verdict of "same" that another rule forbids.

    `chain` has the identifiers from the one that was named to the other, by way of the two that
    must not be one person's.
    """

    def __init__(self, rule: str, chain: Sequence[Identifier]) -> None:
        super().__init__(rule)
        self.rule = rule
        self.chain = list(chain)


def decide(new: NewDecision, *, actor: Actor) -> IdentityDecision:
    """Write a verdict, in the place of an older one on the pair, and move people accordingly.

    Raises DecisionError, and DecisionConflict where it would bring together what another keeps
    apart, or where a service's verdict would join two values of a unique namespace.
    """
    with audited(actor, "decision.made", reason=new.reason) as deed:
        people_lock()
        one, other = _pair(new)
        is_of_staff = actor.kind != ActorKind.SERVICE and not new.is_automatic
        if new.verdict == DecisionVerdict.SAME:
            _refuse_conflict(one, other, is_of_staff=is_of_staff)
        now = database_now()
        standing = IdentityDecision.objects.filter(one=one, other=other, ended_at=None)
        former = standing.first()
        standing.update(ended_at=now)
        decision = IdentityDecision.objects.create(
            verdict=new.verdict,
            one=one,
            other=other,
            survivor=_survivor(new, one, other),
            is_of_staff=is_of_staff,
            actor=str(actor),
            reason=new.reason,
            decided_at=now,
        )
        _settle(decision, now)
        verdicts = [former.verdict if former else None, decision.verdict]
        deed.about("decision", decision.uuid, verdict=verdicts)
        deed.naming(one.pk, other.pk)
    return decision


def undo_decision(decision: IdentityDecision, *, actor: Actor, reason: str = "") -> bool:
    """End a verdict, as if it had never been given. Returns whether it stood."""
    with audited(actor, "decision.undone", reason=reason) as deed:
        people_lock()
        now = database_now()
        standing = IdentityDecision.objects.filter(pk=decision.pk, ended_at=None)
        if not standing.update(ended_at=now):
            return False
        _settle(decision, now)
        deed.about("decision", decision.uuid, verdict=[decision.verdict, None])
        deed.naming(decision.one_id, decision.other_id)
    return True


def keep_apart(one: Identifier, other: Identifier, *, actor: Actor, reason: str) -> None:
    """Part two identifiers of one profile for good; the later one gets a profile of its own."""
    decide(NewDecision(DecisionVerdict.NOT_SAME, one, other, reason), actor=actor)


def _pair(new: NewDecision) -> tuple[Identifier, Identifier]:
    """Return the two identifiers as they are stored, in the order in which pairs are kept."""
    if new.one.pk == new.other.pk:
        raise DecisionError("other", "The two identifiers are the same one.")
    for side, identifier in (("one", new.one), ("other", new.other)):
        if identifier.namespace == PROFILE:
            # No fact assigns it: it follows its profile, and a verdict on it would move nobody.
            raise DecisionError(side, "Name an identifier that sources send, not a public id.")
    by_id = Identifier.objects.in_bulk([new.one.pk, new.other.pk])
    if len(by_id) < 2:
        raise DecisionError("other", "One of the identifiers was erased meanwhile.")
    first, second = sorted(by_id)
    return by_id[first], by_id[second]


def _survivor(new: NewDecision, one: Identifier, other: Identifier) -> UUID | None:
    if new.survivor is None:
        return None
    if new.verdict != DecisionVerdict.SAME:
        raise DecisionError("survivor", "Only a verdict of same has a survivor.")
    profile_ids = [one.profile_id, other.profile_id]
    uuids = Identifier.objects.filter(namespace=PROFILE, profile__in=profile_ids)
    if not uuids.filter(value=str(new.survivor)).exists():
        raise DecisionError("survivor", "Neither of the two profiles goes by this id.")
    return new.survivor


def _settle(decision: IdentityDecision, now: datetime) -> None:
    """Replay the facts of both sides under the verdicts that stand now."""
    pair = Identifier.objects.filter(pk__in=[decision.one_id, decision.other_id])
    if decision.verdict == DecisionVerdict.SAME:
        components = sorted(set(pair.values_list("component", flat=True)))
        with connection.cursor() as cursor:
            targets = [components[0]] * (len(components) - 1)
            cursor.execute(sql.JOIN_COMPONENTS, [array_of(components[1:]), array_of(targets)])
    profile_ids = pair.filter(profile__isnull=False).values_list("profile_id", flat=True)
    resettle(
        {profile_id for profile_id in profile_ids if profile_id}, now=now, cause=MergeRule.DECISION
    )


def _refuse_conflict(one: Identifier, other: Identifier, *, is_of_staff: bool) -> None:
    """Raise DecisionConflict if something keeps the two profiles apart."""
    sides = [_identifiers_with(one), _identifiers_with(other)]
    if sides[0].keys() & sides[1].keys():
        return  # They are one person's already.
    if not is_of_staff:
        _refuse_unique(one, other, *(side.values() for side in sides))
    for decision in _verdicts_apart(sides[0].keys(), sides[1].keys()):
        pair = (decision.one_id, decision.other_id)
        if pair != (one.pk, other.pk):  # The verdict on this very pair is replaced.
            first, second = pair if pair[0] in sides[0] else pair[::-1]
            chain = (one, sides[0][first], sides[1][second], other)
            raise DecisionConflict(decision.verdict, list(dict.fromkeys(chain)))


def _identifiers_with(identifier: Identifier) -> dict[int, Identifier]:
    """Return all identifiers of the identifier's profile, or it alone if it has none."""
    if identifier.profile_id is None:
        return {identifier.pk: identifier}
    rows = Identifier.objects.filter(profile=identifier.profile_id)
    return {row.pk: row for row in rows.order_by("pk")}


def _verdicts_apart(some: AbstractSet[int], others: AbstractSet[int]) -> Iterable[IdentityDecision]:
    apart = IdentityDecision.objects.filter(ended_at=None).exclude(verdict=DecisionVerdict.SAME)
    return apart.filter(
        Q(one__in=list(some), other__in=list(others))
        | Q(one__in=list(others), other__in=list(some))
    ).order_by("pk")


def _refuse_unique(
    one: Identifier, other: Identifier, some: Iterable[Identifier], others: Iterable[Identifier]
) -> None:
    rules = load_rules()
    taken = {row.namespace: row for row in some if rules.rule_for(row.namespace).is_unique}
    for row in others:
        if row.namespace in taken:
            chain = (one, taken[row.namespace], row, other)
            raise DecisionConflict("unique", list(dict.fromkeys(chain)))
