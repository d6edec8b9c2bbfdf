"""The identity engine: profiles as a pure function of facts, rules and decisions.

Invariant: folding `apply_fact` over facts in order of `seq` gives the same people whether the state
was kept, reloaded in part or built from an empty one. The rules in words are in the decision note
0002-identity-rules-made-precise; the tests have a second, naive implementation to check them with.
"""

from profiles.identity.engine.apply import apply_fact, resolve, set_apart
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.outcomes import NO_WANTS, Dropped, Join, Outcome, RefMove, RefusalRule
from profiles.identity.engine.rules import (
    DEFAULT_PRIORITY,
    DEFAULT_RULES,
    MONTH,
    PROFILE,
    WEEK,
    YEAR,
    Limit,
    NamespaceRule,
    Rules,
)
from profiles.identity.engine.state import Assignment, IdentityState
from profiles.identity.engine.verdicts import Decisions, Verdict

__all__ = [
    "DEFAULT_PRIORITY",
    "DEFAULT_RULES",
    "MONTH",
    "NO_WANTS",
    "PROFILE",
    "WEEK",
    "YEAR",
    "Assignment",
    "Decisions",
    "Dropped",
    "Fact",
    "IdentityState",
    "Join",
    "Limit",
    "NamespaceRule",
    "Outcome",
    "RefMove",
    "RefusalRule",
    "Rules",
    "Trust",
    "Verdict",
    "apply_fact",
    "resolve",
    "set_apart",
]
