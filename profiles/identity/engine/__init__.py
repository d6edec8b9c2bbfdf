"""Who is who: a pure function of facts, rules and decisions, without Django or a database.

Invariant: folding `apply` over facts in order of `seq` gives the same people whether the state was
kept, reloaded in part, or built from nothing. The rules in words are the decision note
0002-identity-rules-made-precise; a second, naive implementation in the tests checks them.
"""

from profiles.identity.engine.apply import apply_fact, resolve
from profiles.identity.engine.facts import Fact, Trust
from profiles.identity.engine.outcomes import Dropped, Outcome, RefMove, RefusalRule
from profiles.identity.engine.rules import (
    DEFAULT_RULES,
    MONTH,
    PROFILE,
    UNNAMED_PRIORITY,
    WEEK,
    YEAR,
    Decisions,
    Limit,
    NamespaceRule,
    Rules,
)
from profiles.identity.engine.state import Holding, IdentityState

__all__ = [
    "DEFAULT_RULES",
    "MONTH",
    "PROFILE",
    "UNNAMED_PRIORITY",
    "WEEK",
    "YEAR",
    "Decisions",
    "Dropped",
    "Fact",
    "Holding",
    "IdentityState",
    "Limit",
    "NamespaceRule",
    "Outcome",
    "RefMove",
    "RefusalRule",
    "Rules",
    "Trust",
    "apply_fact",
    "resolve",
]
