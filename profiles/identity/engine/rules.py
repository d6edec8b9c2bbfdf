"""The rules of each namespace, by which facts are judged.

Invariant: nothing here changes while facts are judged by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from profiles.identifiers.references import Ref

PROFILE = "profile"  # the namespace of public UUIDs
WEEK, MONTH, YEAR = 7, 30, 365  # days
DEFAULT_PRIORITY = 2**15  # of namespaces without a rule: after every priority that a row can have


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` values gained within `days` days, today included. None means ever."""

    count: int
    days: int | None = None

    def counts(self, since: date, day: date) -> bool:
        """Whether a ref assigned on `since` counts on `day`."""
        return self.days is None or 0 <= (day - since).days < self.days


@dataclass(frozen=True, slots=True)
class NamespaceRule:
    """How refs of one namespace are judged.

    A profile has at most one value of a unique namespace. Weak are anonymous and device
    identifiers, which any claim may attach.
    """

    namespace: str
    priority: int
    limit: Limit | None = None
    is_unique: bool = False
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of all namespaces.

    A ref wanted by more refs than `daily_cap` in a day, or `total_cap` ever, is quarantined. Claims
    of `joining_sources` may join vouched profiles.
    """

    namespaces: Mapping[str, NamespaceRule]
    daily_cap: int = 20
    total_cap: int = 50
    joining_sources: frozenset[str] = frozenset()

    def rule_for(self, namespace: str) -> NamespaceRule:
        """Return the namespace's own rule, or the default: last, five ever, not unique or weak."""
        rule = self.namespaces.get(namespace)
        return rule or NamespaceRule(namespace, DEFAULT_PRIORITY, Limit(5))

    def is_weak(self, ref: Ref) -> bool:
        """Whether the ref is an anonymous or device identifier."""
        rule = self.namespaces.get(ref.namespace)
        return rule is not None and rule.is_weak

    def rank(self, ref: Ref) -> tuple[int, str, str]:
        """Return a sort key that orders refs from the highest priority to the lowest."""
        rule = self.namespaces.get(ref.namespace)
        return (rule.priority if rule else DEFAULT_PRIORITY, ref.namespace, ref.value)


def _device(namespace: str) -> NamespaceRule:
    return NamespaceRule(namespace, 4, Limit(5), is_weak=True)


# The priorities and limits with which Segment's identity resolution starts. A migration writes them
# into the table of rules, where staff change them.
DEFAULT_RULES = Rules(
    namespaces=MappingProxyType(
        {
            rule.namespace: rule
            for rule in (
                NamespaceRule(PROFILE, 0),
                NamespaceRule("user_id", 1, Limit(1), is_unique=True),
                NamespaceRule("email", 2, Limit(5, YEAR)),
                NamespaceRule("phone", 3, Limit(5)),
                NamespaceRule("anonymous_id", 4, Limit(5, WEEK), is_weak=True),
                _device("android.id"),
                _device("android.idfa"),
                _device("android.push_token"),
                _device("ios.id"),
                _device("ios.idfa"),
                _device("ios.push_token"),
            )
        }
    )
)
