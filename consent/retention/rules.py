"""Making, changing, ending and approving retention rules.

Invariant: each change is a version, and takes effect only once somebody approved it who has seen a
forecast with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from consent.lib.durations import parse_duration
from consent.models import (
    Anchor,
    Purpose,
    RetentionForecast,
    RetentionRule,
    RetentionRuleVersion,
)
from profiles.lib.people_lock import people_lock
from profiles.models import EventName
from profiles.services import Actor, audited, differences

# What somebody saw longer ago is not what would happen now.
FORECAST_LIFETIME = timedelta(days=1)


class InvalidRule(ValueError):
    """A rule cannot be as it is stated; `path` says which part of it."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path


class ForecastOutdated(Exception):
    """The forecast was made with other rules, or too long ago, to approve a rule by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTerms:
    """What a rule says. Durations are of ISO 8601."""

    period: str
    anchor: str = Anchor.DATA
    grace: str = "P30D"
    is_ended: bool = False


def create_rule(
    *,
    purpose: Purpose,
    terms: RuleTerms,
    actor: Actor,
    now: datetime,
    event: str = "",
    kind: str = EventName.Kind.TRACK,
    category: str = "",
) -> RetentionRule:
    """Say how long a purpose keeps events of a name, or traits of a category.

    Raises InvalidRule.
    """
    _check(terms)
    if bool(event) == bool(category):
        raise InvalidRule("event", "A rule is about events of a name or traits of a category.")
    name = _event_name(event, kind) if event else None
    with audited(actor, "retention_rule.created") as deed:
        people_lock()
        if RetentionRule.objects.filter(event=name, category=category, purpose=purpose).exists():
            raise InvalidRule("purpose", "There is a rule of this purpose already: change it.")
        rule = RetentionRule.objects.create(
            event=name, category=category, purpose=purpose, created_at=now
        )
        _add_version(rule, terms, actor=actor, now=now)
        unit = {"event": event, "category": category, "purpose": purpose.key}
        deed.about("retention_rule", rule.pk, **differences({}, unit | _plain(terms)))
    return rule


def change_rule(
    rule: RetentionRule, *, terms: RuleTerms, actor: Actor, now: datetime
) -> RetentionRule:
    """Give a rule other terms; `is_ended` ends it. Raises InvalidRule."""
    _check(terms)
    with audited(actor, "retention_rule.changed") as deed:
        people_lock()
        rule.refresh_from_db()
        former = terms_of(rule)
        if former == terms:
            return rule
        rule.version += 1
        rule.is_ended = terms.is_ended
        rule.save(update_fields=["version", "is_ended"])
        _add_version(rule, terms, actor=actor, now=now)
        versions = {"version": [rule.version - 1, rule.version]}
        changes = differences(_plain(former), _plain(terms))
        deed.about("retention_rule", rule.pk, **versions, **changes)
    return rule


def approve_rule(
    rule: RetentionRule, *, forecast: RetentionForecast, actor: Actor, now: datetime
) -> RetentionRule:
    """Let the newest version of a rule take effect, having seen what it will delete.

    Raises ForecastOutdated.
    """
    with audited(actor, "retention_rule.approved") as deed:
        people_lock()
        rule.refresh_from_db()
        _check_forecast(rule, forecast, now)
        if rule.is_approved:
            return rule
        changes = {"approved_version": [rule.approved_version, rule.version]}
        rule.approved_version = rule.version
        rule.save(update_fields=["approved_version"])
        version = rule.versions.filter(number=rule.version)
        version.update(approved_by=str(actor), approved_at=now)
        deed.about("retention_rule", rule.pk, **changes, forecast=[None, str(forecast.pk)])
    return rule


def terms_of(rule: RetentionRule) -> RuleTerms:
    """Return the terms of the newest version of a rule."""
    version = rule.versions.get(number=rule.version)
    return RuleTerms(**{name: getattr(version, name) for name in RuleTerms.__dataclass_fields__})


def current_versions() -> dict[str, int]:
    """Return the newest version of each rule, by its id."""
    return {str(pk): version for pk, version in RetentionRule.objects.values_list("pk", "version")}


def _check_forecast(rule: RetentionRule, forecast: RetentionForecast, now: datetime) -> None:
    """The other rules of the unit count as well: what one keeps no longer, another may."""
    unit = RetentionRule.objects.filter(event=rule.event_id, category=rule.category)
    same = all(forecast.versions.get(str(each.pk)) == each.version for each in unit)
    if not same or not now - FORECAST_LIFETIME <= forecast.made_at:
        raise ForecastOutdated("Look at a new forecast first: this one is of other rules, or old.")


def _check(terms: RuleTerms) -> None:
    for name in ("period", "grace"):
        try:
            parse_duration(getattr(terms, name))
        except ValueError as error:
            raise InvalidRule(name, str(error)) from None
    if terms.anchor not in Anchor.values:
        raise InvalidRule("anchor", f"Allowed are: {', '.join(Anchor.values)}.")


def _event_name(name: str, kind: str) -> EventName:
    found = EventName.objects.filter(name=name, kind=kind).first()
    if found is None:
        raise InvalidRule("event", "There are no events of this name.")
    return found


def _add_version(rule: RetentionRule, terms: RuleTerms, *, actor: Actor, now: datetime) -> None:
    RetentionRuleVersion.objects.create(
        rule=rule, number=rule.version, created_by=str(actor), created_at=now, **_plain(terms)
    )


def _plain(terms: RuleTerms) -> dict[str, Any]:
    fields = {name: getattr(terms, name) for name in RuleTerms.__dataclass_fields__}
    return {name: str(value) if isinstance(value, str) else value for name, value in fields.items()}
