"""The units of data that rules are about, with the rules that act on them.

Invariant: a unit with a rule whose newest version nobody approved is not acted on, so that a new or
changed rule deletes nothing by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from consent.models import RetentionRule, RetentionRuleVersion
from consent.retention.keeping import Terms


@dataclass(frozen=True, slots=True)
class Unit:
    """Events of a name, or traits of a category, with what its rules say; ended ones say nothing.

    `event_id` is None for traits; `category` is empty for events. `title` is what people read.
    """

    event_id: int | None
    category: str
    title: str
    rules: tuple[Terms, ...]
    rule_ids: tuple[str, ...]
    is_approved: bool

    @property
    def key(self) -> str:
        return f"event {self.event_id}" if self.event_id is not None else f"traits {self.category}"


def load_units() -> list[Unit]:
    """Return the units that have rules, in one query; approved or not."""
    rules: dict[tuple[int | None, str], list[RetentionRule]] = defaultdict(list)
    for rule in RetentionRule.objects.select_related("event").order_by("pk"):
        rules[rule.event_id, rule.category].append(rule)
    versions = {
        (version.rule_id, version.number): version for version in RetentionRuleVersion.objects.all()
    }
    units = [
        _unit(group, [versions[rule.pk, rule.version] for rule in group])
        for group in rules.values()
    ]
    return sorted((unit for unit in units if unit.rules or not unit.is_approved), key=_by_title)


def _unit(group: Sequence[RetentionRule], versions: Sequence[RetentionRuleVersion]) -> Unit:
    first = group[0]
    standing = [pair for pair in zip(group, versions, strict=True) if not pair[1].is_ended]
    return Unit(
        first.event_id,
        first.category,
        str(first.event) if first.event else str(first.get_category_display()),
        tuple(
            Terms(rule.purpose_id, version.period, version.anchor, version.grace)
            for rule, version in standing
        ),
        tuple(str(rule.pk) for rule in group),
        all(rule.is_approved for rule in group),
    )


def _by_title(unit: Unit) -> tuple[bool, str]:
    return unit.event_id is None, unit.title


def retained_events() -> dict[tuple[str, str], str]:
    """Return for how long events of rules that act are kept, in words, by kind and name."""
    rules = RetentionRule.objects.filter(event__isnull=False).select_related("event")
    kept: dict[tuple[str, str], list[RetentionRule]] = defaultdict(list)
    for rule in rules.prefetch_related("versions"):
        if rule.event is not None:
            kept[rule.event.kind, rule.event.name].append(rule)
    return {
        name: ", ".join(sorted({rule.current.period for rule in group if not rule.is_ended}))
        for name, group in kept.items()
        if all(rule.is_approved for rule in group) and not all(rule.is_ended for rule in group)
    }
