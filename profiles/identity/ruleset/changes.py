"""What differs between two files of rules, as paths with values and as sentences.

Invariant: equal files have no changes, and no change has equal values before and after.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from django.utils.translation import gettext, ngettext

from profiles.identity.ruleset.document import (
    LimitDocument,
    NamespaceDocument,
    RulesDocument,
)


class RuleChange(NamedTuple):
    """One difference: the path of what changed, such as `email.limit`, and its values.

    The sentence is in the language of whoever reads it.
    """

    path: str
    before: Any
    after: Any
    sentence: str


def changes_between(before: RulesDocument, after: RulesDocument) -> Iterator[RuleChange]:
    """Yield what differs, in the order of the later file."""
    former = {rule.namespace: rule for rule in before.namespaces}
    for rule in after.namespaces:
        stood = former.pop(rule.namespace, None)
        yield from _changes_of(stood, rule) if stood else [_added(rule)]
    yield from map(_removed, former.values())
    yield from _changed_caps(before, after)
    yield from _changed_sources(before.joining_sources, after.joining_sources)


def _added(rule: NamespaceDocument) -> RuleChange:
    words = gettext("%(name)s has a rule of its own: %(limit)s.")
    sentence = words % {"name": rule.namespace, "limit": limit_in_words(rule.limit)}
    return RuleChange(rule.namespace, None, msgspec.to_builtins(rule), sentence)


def _removed(rule: NamespaceDocument) -> RuleChange:
    sentence = gettext("%(name)s has no rule of its own any more.") % {"name": rule.namespace}
    return RuleChange(rule.namespace, msgspec.to_builtins(rule), None, sentence)


def _changes_of(before: NamespaceDocument, after: NamespaceDocument) -> Iterator[RuleChange]:
    name = after.namespace
    for field in ("priority", "limit", "unique", "weak", "spelling"):
        values = (getattr(before, field), getattr(after, field))
        # An old version does not know its spellings.
        if values[0] != values[1] and not (field == "spelling" and None in values):
            yield RuleChange(
                f"{name}.{field}",
                msgspec.to_builtins(values[0]),
                msgspec.to_builtins(values[1]),
                _sentence(name, field, *values),
            )
    if sorted(before.blocked_values) != sorted(after.blocked_values):
        yield RuleChange(
            f"{name}.blocked_values",
            before.blocked_values,
            after.blocked_values,
            _blocking(name, before.blocked_values, after.blocked_values),
        )


def _sentence(name: str, field: str, before: Any, after: Any) -> str:
    match field:
        case "limit":
            words = gettext("%(name)s: %(after)s, before %(before)s.")
            before, after = limit_in_words(before), limit_in_words(after)
        case "priority":
            words = gettext("%(name)s has priority %(after)s, before %(before)s.")
        case "unique" if after:
            words = gettext("Two values of %(name)s are never one person's.")
        case "unique":
            words = gettext("One person may have two values of %(name)s.")
        case "weak" if after:
            words = gettext("Any claim may attach values of %(name)s.")
        case "weak":
            words = gettext("Claims may not attach values of %(name)s to people who are vouched.")
        case _:
            words = gettext("%(name)s is spelled as %(after)s, before as %(before)s.")
    return words % {"name": name, "before": before, "after": after}


def limit_in_words(limit: LimitDocument | None) -> str:
    """Return a limit as a part of a sentence: `at most 5 values in 7 days`."""
    if limit is None:
        return gettext("any number of values")
    numbers = {"count": limit.count, "days": limit.days}
    if limit.days is None:
        words = ngettext(
            "at most %(count)s value ever", "at most %(count)s values ever", limit.count
        )
    else:
        words = ngettext(
            "at most %(count)s value in %(days)s days",
            "at most %(count)s values in %(days)s days",
            limit.count,
        )
    return words % numbers


def _blocking(name: str, before: Sequence[str], after: Sequence[str]) -> str:
    added, removed = sorted({*after} - {*before}), sorted({*before} - {*after})
    sentences = []
    if added:
        words = gettext("%(name)s: blocked from now on are %(values)s.")
        sentences.append(words % {"name": name, "values": ", ".join(added)})
    if removed:
        words = gettext("%(name)s: no longer blocked are %(values)s.")
        sentences.append(words % {"name": name, "values": ", ".join(removed)})
    return " ".join(sentences)


def _changed_caps(before: RulesDocument, after: RulesDocument) -> Iterator[RuleChange]:
    daily = (before.caps.daily, after.caps.daily)
    if daily[0] != daily[1]:
        words = gettext(
            "More than %(after)s people in a day quarantine an identifier, before %(before)s."
        )
        yield RuleChange("caps.daily", *daily, words % {"before": daily[0], "after": daily[1]})
    total = (before.caps.total, after.caps.total)
    if total[0] != total[1]:
        words = gettext(
            "More than %(after)s people in all quarantine an identifier, before %(before)s."
        )
        yield RuleChange("caps.total", *total, words % {"before": total[0], "after": total[1]})


def _changed_sources(before: Sequence[str], after: Sequence[str]) -> Iterator[RuleChange]:
    if set(before) == set(after):
        return
    sentences = [
        gettext("Claims of %(source)s may join people.") % {"source": source}
        for source in sorted({*after} - {*before})
    ] + [
        gettext("Claims of %(source)s may no longer join people.") % {"source": source}
        for source in sorted({*before} - {*after})
    ]
    yield RuleChange("joining_sources", list(before), list(after), " ".join(sentences))
