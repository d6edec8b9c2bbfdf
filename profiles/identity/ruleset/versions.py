"""Versions of the rules: who made each, why, and what it changed.

Invariant: every change of rules begins a version in its own transaction, under the people lock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from profiles.audit import Actor, save_audited
from profiles.identity.engine import PROFILE, Rules
from profiles.identity.rules import (
    Origin,
    Ruleset,
    begin_version,
    is_of_version,
    load_rules,
    refuse_respelling,
    ruleset_of,
)
from profiles.identity.ruleset.changes import RuleChange, changes_between
from profiles.identity.ruleset.document import (
    CapsDocument,
    LimitDocument,
    NamespaceDocument,
    RulesDocument,
    as_plain,
    document_of_store,
)
from profiles.lib.people_lock import people_lock
from profiles.models import IdentityRule, IdentityRulesVersion, RulesApplication

# Who began a version that holds rules as they were when a fact came.
FIRST_FACT = Actor.system("identity")


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with its file, and what differs from the one before; nothing of the first one.

    `application` is the judging of older facts by it, where there was one.
    """

    version: IdentityRulesVersion
    document: RulesDocument
    changes: tuple[RuleChange, ...]
    application: RulesApplication | None


def keep_version(
    *, actor: Actor, reason: str = "", ruleset: Ruleset | None = None
) -> IdentityRulesVersion:
    """Begin a version of the rules that are stored now. The caller holds the people lock.

    With a ruleset facts that are judged again do without what it blocks.
    """
    origin = Origin(str(actor), reason, as_plain(document_of_store()))
    return begin_version(ruleset or Ruleset(load_rules()), origin)


def record_rules(rules: Rules) -> Rules:
    """Keep the rules as a version, unless they are the last one. The caller holds the people lock.

    Returns the rules by which facts are judged from now on: those that hold under the lock, where
    they changed since the caller read them.
    """
    last = IdentityRulesVersion.objects.last()
    if is_of_version(rules, last):
        return rules
    current = load_rules()
    if not is_of_version(current, last):
        keep_version(actor=FIRST_FACT)
    return current


def save_identity_rule(rule: IdentityRule, *, actor: Actor, reason: str = "") -> None:
    """Save the rule of a namespace. The next chunk obeys it. Raises ValidationError.

    The normaliser changes only while nobody has an identifier of the namespace, nor was erased by
    one: values that are stored would name nobody any more, or two people, and erased people, of
    whom only hashes of spellings are kept, would be strangers.
    """
    with transaction.atomic():
        # The drain stores identifiers under it.
        people_lock()
        if RulesApplication.objects.filter(finished_at=None).exists():
            raise ValidationError("A change of the rules is being applied: wait until it is done.")
        refuse_respelling(rule)
        # What stood until now is kept too, where no fact has recorded it: staff may go back to it.
        record_rules(load_rules())
        before = document_of_store()
        save_audited(rule, actor=actor, noun="identity_rule", key=rule.namespace)
        if document_of_store() != before:
            keep_version(actor=actor, reason=reason)


def all_versions() -> QuerySet[IdentityRulesVersion]:
    """Return all versions, the newest first, each with the number of the one before."""
    older = IdentityRulesVersion.objects.filter(pk__lt=OuterRef("pk")).order_by("-pk")
    rows = IdentityRulesVersion.objects.order_by("-pk")
    return rows.annotate(former=Subquery(older.values("pk")[:1]))


def view_versions(versions: Iterable[IdentityRulesVersion]) -> list[VersionView]:
    """Return versions of `all_versions` with what each changed. Takes two queries."""
    rows = list(versions)
    formers = {row.pk: _former(row) for row in rows}
    former_rows = IdentityRulesVersion.objects.in_bulk([pk for pk in formers.values() if pk])
    applications = {
        row.version_id: row for row in RulesApplication.objects.filter(version__in=formers)
    }
    return [_view(row, former_rows.get(formers[row.pk] or 0), applications) for row in rows]


def document_of(version: IdentityRulesVersion) -> RulesDocument:
    """Return the file of a version. Of an old one it lacks spellings, which stay as they are."""
    if version.document is not None:
        return msgspec.convert(version.document, RulesDocument)
    ruleset = ruleset_of(version)
    rules = ruleset.rules
    namespaces = [
        NamespaceDocument(
            rule.namespace,
            rule.priority,
            LimitDocument(rule.limit.count, rule.limit.days) if rule.limit else None,
            rule.is_unique,
            rule.is_weak,
            blocked_values=sorted(ruleset.blocked.get(rule.namespace, ())),
        )
        for rule in sorted(
            rules.namespaces.values(), key=lambda each: (each.priority, each.namespace)
        )
        if rule.namespace != PROFILE
    ]
    caps = CapsDocument(rules.daily_cap, rules.total_cap)
    return RulesDocument(namespaces, caps, sorted(rules.joining_sources))


def _former(version: IdentityRulesVersion) -> int | None:
    number: int | None = getattr(version, "former", None)
    return number


def _view(
    version: IdentityRulesVersion,
    former: IdentityRulesVersion | None,
    applications: Mapping[int, RulesApplication],
) -> VersionView:
    document = document_of(version)
    changes = changes_between(document_of(former), document) if former else ()
    return VersionView(version, document, tuple(changes), applications.get(version.pk))
