"""Answers to cases: a verdict, a release, a blocked value, or leaving it as it is.

Invariant: an answer does what the same deed by hand does, with the same audit and the same way
back; the case only remembers that it was answered.
"""

from collections.abc import Mapping
from typing import Final

from django.core.exceptions import ValidationError
from django.db.models import Q

from profiles.audit import Actor, audited
from profiles.cases.evidence import is_settled
from profiles.identity.decisions import NewDecision, decide
from profiles.identity.quarantine import release_quarantine
from profiles.identity.rules import load_rules
from profiles.identity.ruleset.versions import save_identity_rule
from profiles.lib.database import database_now
from profiles.lib.people_lock import people_lock
from profiles.models import DecisionVerdict, Identifier, IdentityCase, IdentityRule

Answer = IdentityCase.Answer
Kind = IdentityCase.Kind
State = IdentityCase.State

VERDICTS: Final[Mapping[str, DecisionVerdict]] = {
    Answer.SAME: DecisionVerdict.SAME,
    Answer.NOT_SAME: DecisionVerdict.NOT_SAME,
    Answer.RELATED: DecisionVerdict.RELATED,
}
POSSIBLE: Final[Mapping[str, tuple[Answer, ...]]] = {
    Kind.TWO_PEOPLE: (Answer.SAME, Answer.NOT_SAME, Answer.RELATED, Answer.BLOCKED, Answer.LEFT),
    Kind.AGAINST_VERDICT: (Answer.SAME, Answer.LEFT),
    Kind.SHARED: (Answer.RELEASED, Answer.BLOCKED, Answer.LEFT),
    Kind.TOO_MANY: (Answer.BLOCKED, Answer.LEFT),
}
DEFAULT_REASON = "Answered as a case."
# Of the people whom a verdict concerns; more are closed when somebody opens them.
_MOST_CLOSED = 50


class CaseAnswered(Exception):
    """The case has an answer already."""


class CaseFault(ValueError):
    """An answer that this case cannot have. `field` is at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def answer_case(
    case: IdentityCase,
    answer: Answer,
    *,
    actor: Actor,
    other: Identifier | None = None,
    reason: str = "",
) -> None:
    """Answer an open case. A verdict is about the case's identifier and `other`.

    A verdict that leaves others to ask about leaves the case open. Raises CaseAnswered, CaseFault,
    and what `decide` raises.
    """
    if answer not in POSSIBLE[case.kind]:
        raise CaseFault("answer", f"One of {', '.join(POSSIBLE[case.kind])}.")
    with audited(actor, f"case.{answer}", reason=reason) as deed:
        people_lock()
        _claim(case)
        if answer in VERDICTS:
            _decide(case, VERDICTS[answer], other, actor=actor, reason=reason)
        elif answer == Answer.RELEASED:
            _release(case.identifier, actor=actor, reason=reason)
        elif answer == Answer.BLOCKED:
            _block(case.identifier, actor=actor, reason=reason)
        case.identifier.refresh_from_db()
        if answer not in VERDICTS or is_settled(case):
            _close(case, answer, actor=actor)
        deed.about("case", case.uuid, answer=["", answer])
        deed.naming(case.identifier.pk, *([other.pk] if other else []))
    case.refresh_from_db()


def postpone_case(case: IdentityCase, *, actor: Actor) -> None:
    """Put an open case behind all others. Raises CaseAnswered."""
    with audited(actor, "case.postponed") as deed:
        _claim(case)
        IdentityCase.objects.filter(pk=case.pk).update(postponed_at=database_now())
        deed.about("case", case.uuid)
    case.refresh_from_db()


def _claim(case: IdentityCase) -> None:
    """Keep others from answering the case meanwhile. Raises CaseAnswered."""
    standing = IdentityCase.objects.select_for_update().filter(pk=case.pk, state=State.OPEN)
    if not standing.exists():
        raise CaseAnswered


def _decide(
    case: IdentityCase,
    verdict: DecisionVerdict,
    other: Identifier | None,
    *,
    actor: Actor,
    reason: str,
) -> None:
    if other is None:
        raise CaseFault("other", "Name the identifier that the verdict is about.")
    decide(NewDecision(verdict, case.identifier, other, reason or DEFAULT_REASON), actor=actor)
    _close_settled(case.identifier, other, actor=actor)


def _close_settled(*pair: Identifier, actor: Actor) -> None:
    """Close the cases of these people about which the verdict leaves nothing to ask."""
    profiles = set(
        Identifier.objects.filter(pk__in=[each.pk for each in pair]).values_list(
            "profile_id", flat=True
        )
    ) - {None}
    theirs = Identifier.objects.filter(profile__in=profiles).values_list("pk", flat=True)
    cases = IdentityCase.objects.filter(
        Q(kind=Kind.TWO_PEOPLE) | Q(kind=Kind.AGAINST_VERDICT),
        state=State.OPEN,
        # A list: on a cluster identifiers are spread, and cases are not.
        identifier__in=list(theirs),
    ).prefetch_related("identifier")
    for each in cases[:_MOST_CLOSED]:
        if is_settled(each):
            _close(each, Answer.SETTLED, actor=actor)


def _close(case: IdentityCase, answer: Answer, *, actor: Actor) -> None:
    IdentityCase.objects.filter(pk=case.pk).update(
        state=State.ANSWERED, answer=answer, answered_at=database_now(), actor=str(actor)
    )


def _release(identifier: Identifier, *, actor: Actor, reason: str) -> None:
    if not release_quarantine(identifier, actor=actor, reason=reason):
        raise CaseFault("answer", "It is not in quarantine.")


def _block(identifier: Identifier, *, actor: Actor, reason: str) -> None:
    """Have no fact name anybody by this value any more."""
    if "*" in identifier.value:
        # In the list it stands for any signs.
        raise CaseFault("answer", "A value with * would block others too: block it by its rule.")
    rule = IdentityRule.objects.filter(namespace=identifier.namespace).first()
    rule = rule or _default_rule(identifier.namespace)
    if identifier.value not in rule.blocked_values:
        rule.blocked_values = [*rule.blocked_values, identifier.value]
    try:
        save_identity_rule(rule, actor=actor, reason=reason)
    except ValidationError as error:
        raise CaseFault("answer", " ".join(error.messages)) from None


def _default_rule(namespace: str) -> IdentityRule:
    """Return the rule by which the namespace is judged without a row."""
    rule = load_rules().rule_for(namespace)
    return IdentityRule(
        namespace=namespace,
        priority=rule.priority,
        limit_count=rule.limit.count if rule.limit else None,
        limit_days=rule.limit.days if rule.limit else None,
        is_unique=rule.is_unique,
        is_weak=rule.is_weak,
    )
