"""What governs identity: the rules of each namespace, and the decisions of staff.

Invariant: nothing here changes while facts are judged by it.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from profiles.identifiers.references import Ref

PROFILE = "profile"
WEEK, MONTH, YEAR = 7, 30, 365
UNNAMED_PRIORITY = 2**15  # after every priority that a rule row can hold


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` values gained within `days` days, today included; `days` None: ever."""

    count: int
    days: int | None = None

    def counts(self, since: date, day: date) -> bool:
        """Whether a ref held since `since` is counted on `day`."""
        return self.days is None or 0 <= (day - since).days < self.days


@dataclass(frozen=True, slots=True)
class NamespaceRule:
    """How refs of one namespace take part. `is_weak`: anonymous and device identifiers."""

    namespace: str
    priority: int
    limit: Limit | None = None
    is_unique: bool = False
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of every namespace, the caps on wanters, the sources whose claims join people."""

    namespaces: Mapping[str, NamespaceRule]
    daily_cap: int = 20
    total_cap: int = 50
    joining_sources: frozenset[str] = frozenset()

    def rule_for(self, namespace: str) -> NamespaceRule:
        """The namespace's own rule; without one: after the named, five ever, not unique or weak."""
        named = self.namespaces.get(namespace)
        return named or NamespaceRule(namespace, UNNAMED_PRIORITY, Limit(5))

    def is_weak(self, ref: Ref) -> bool:
        """Whether the ref is an anonymous or device identifier."""
        rule = self.namespaces.get(ref.namespace)
        return rule is not None and rule.is_weak

    def rank(self, ref: Ref) -> tuple[int, str, str]:
        """Sorts refs from the highest priority to the lowest."""
        rule = self.namespaces.get(ref.namespace)
        return (rule.priority if rule else UNNAMED_PRIORITY, ref.namespace, ref.value)


def _device(namespace: str) -> NamespaceRule:
    return NamespaceRule(namespace, 4, Limit(5), is_weak=True)


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


class Decisions:
    """Unordered pairs of refs that staff declared not to be the same person."""

    __slots__ = ("_rivals",)

    def __init__(self, pairs: Iterable[tuple[Ref, Ref]] = ()) -> None:
        self._rivals: dict[Ref, set[Ref]] = {}
        for one, other in pairs:
            self._rivals.setdefault(one, set()).add(other)
            self._rivals.setdefault(other, set()).add(one)

    def __bool__(self) -> bool:
        return bool(self._rivals)

    def rivals_of(self, ref: Ref) -> AbstractSet[Ref]:
        """The refs that must not be in one profile with this one."""
        return self._rivals.get(ref, frozenset())
