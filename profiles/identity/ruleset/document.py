"""All rules as one document, as it is exported to a file and imported from one.

Invariant: what `document_of_store` returns, `parse_document` accepts, and it changes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import yaml
from django.core.exceptions import ValidationError
from msgspec import Meta, Struct

from profiles.identity.engine import PROFILE
from profiles.identity.rules import (
    Ruleset,
    blocked_of,
    load_caps,
    refuse_respelling,
    rules_of,
)
from profiles.lib.documents import NotADocument, read_document
from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models import IdentityCaps, IdentityRule, Source

Small = Annotated[int, Meta(ge=1, le=32767)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_FIELDS = {"is_unique": "unique", "is_weak": "weak", "normaliser": "spelling"}


class LimitDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """At most `count` values gained within `days` days; null means ever."""

    count: Small
    days: Small | None = None


class NamespaceDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The rule of one namespace. A null limit means any number of values.

    Without `spelling` the one that holds stays.
    """

    namespace: Annotated[str, Meta(min_length=1, max_length=63)]
    priority: Annotated[int, Meta(ge=0, le=32767)]
    limit: LimitDocument | None
    unique: bool = False
    weak: bool = False
    spelling: Literal["none", "lower", "email", "phone"] | None = None
    blocked_values: list[Text] = []


class CapsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """By how many an identifier may be wanted, in a day and in all, before it names nobody."""

    daily: Small = 20
    total: Small = 50


class RulesDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """All rules. A namespace that is not listed has the rule of those that nobody set.

    `joining_sources` are the keys of sources whose claims may join people who are vouched.
    """

    namespaces: list[NamespaceDocument]
    caps: CapsDocument = CapsDocument()
    joining_sources: list[str] = []


class RulesFault(ValueError):
    """A document that cannot be the rules; `path` is where, such as `namespaces[2].limit`."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ParsedRules:
    """A document that was checked, and the rows that it stands for."""

    document: RulesDocument
    rows: list[IdentityRule]
    caps: IdentityCaps

    @property
    def ruleset(self) -> Ruleset:
        """The rules by which facts are judged."""
        rules = rules_of(self.rows, self.caps, self.document.joining_sources)
        return Ruleset(rules, blocked_of(self.rows))


def read_rules(text: str | bytes) -> Any:
    """Return the content of a file of rules, in JSON or YAML. Raises RulesFault."""
    try:
        return read_document(text)
    except NotADocument as error:
        raise RulesFault("", str(error)) from None


def write_document(document: RulesDocument) -> str:
    """Return the document as YAML, which people can read and compare."""
    return yaml.safe_dump(as_plain(document), sort_keys=False, allow_unicode=True)


def as_plain(document: RulesDocument) -> dict[str, Any]:
    """Return the document as JSON values."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    return plain


def document_of_store() -> RulesDocument:
    """Return the rules that hold for messages to come."""
    caps = load_caps()
    joining = Source.objects.filter(joins_people=True).order_by("key")
    return RulesDocument(
        [
            _as_document(row)
            for row in IdentityRule.objects.order_by("priority", "namespace")
            if row.namespace != PROFILE
        ],
        CapsDocument(caps.daily, caps.total),
        list(joining.values_list("key", flat=True)),
    )


def parse_document(content: Any) -> ParsedRules:
    """Check a document against its shape, the sources and the values that came already.

    Raises RulesFault.
    """
    try:
        document = msgspec.convert(content, RulesDocument)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        path = place[1] if place else ""
        raise RulesFault(path, f"{_PLACE.sub('', str(error))}.") from None
    _check_names(document)
    rows = [_row(document, place) for place in range(len(document.namespaces))]
    # No file has the rule of public UUIDs, which is the same in every store.
    rows += IdentityRule.objects.filter(namespace=PROFILE)
    caps = IdentityCaps(pk=1, daily=document.caps.daily, total=document.caps.total)
    return ParsedRules(document, rows, caps)


def _check_names(document: RulesDocument) -> None:
    names: set[str] = set()
    for place, rule in enumerate(document.namespaces):
        path = f"namespaces[{place}].namespace"
        if rule.namespace == PROFILE:
            raise RulesFault(path, "Public ids have a rule of their own.")
        if rule.namespace in names:
            raise RulesFault(path, "This namespace has a rule already.")
        names.add(rule.namespace)
    known = set(Source.objects.values_list("key", flat=True))
    for place, key in enumerate(document.joining_sources):
        if key not in known:
            raise RulesFault(f"joining_sources[{place}]", f"There is no source {key}.")


def _row(document: RulesDocument, place: int) -> IdentityRule:
    """Return the row of a namespace, without saving it. Raises RulesFault."""
    rule = document.namespaces[place]
    stored = IdentityRule.objects.filter(namespace=rule.namespace).first()
    limit = rule.limit
    # The stored row is changed in memory only.
    row = stored or IdentityRule(namespace=rule.namespace)
    row.priority = rule.priority
    row.limit_count = limit.count if limit else None
    row.limit_days = limit.days if limit else None
    row.is_unique = rule.unique
    row.is_weak = rule.weak
    row.normaliser = rule.spelling or _spelling(rule.namespace, stored)
    row.blocked_values = rule.blocked_values
    try:
        row.full_clean()
        refuse_respelling(row)
    except ValidationError as error:
        name, details = next(iter(error.message_dict.items()))
        path = f"namespaces[{place}].{_FIELDS.get(name, name)}"
        raise RulesFault(path, details[0]) from None
    return row


def _spelling(namespace: str, stored: IdentityRule | None) -> str:
    if stored is not None:
        return stored.normaliser
    return str(OWN_NORMALISERS.get(namespace, Normaliser.AS_SENT))


def _as_document(row: IdentityRule) -> NamespaceDocument:
    limit = None if row.limit_count is None else LimitDocument(row.limit_count, row.limit_days)
    spelling: Any = str(row.normaliser)
    return NamespaceDocument(
        row.namespace,
        row.priority,
        limit,
        row.is_unique,
        row.is_weak,
        spelling,
        list(row.blocked_values),
    )


def with_number(content: Mapping[str, Any], path: str, value: int) -> dict[str, Any]:
    """Return a document with another number at a path: `caps.daily`, `email.limit.count`.

    Raises RulesFault.
    """
    document = msgspec.convert(content, RulesDocument)
    name, _, rest = path.removeprefix("namespaces.").partition(".")
    if name == "caps" and rest in ("daily", "total"):
        caps = msgspec.structs.replace(document.caps, **{rest: value})
        return as_plain(msgspec.structs.replace(document, caps=caps))
    for place, rule in enumerate(document.namespaces):
        key = path.removeprefix("namespaces.").removeprefix(f"{rule.namespace}.")
        changed = _changed(rule, key, value)
        if path.removeprefix("namespaces.") == f"{rule.namespace}.{key}" and changed:
            namespaces = [*document.namespaces]
            namespaces[place] = changed
            return as_plain(msgspec.structs.replace(document, namespaces=namespaces))
    detail = "Name a number: caps.daily, caps.total, NAMESPACE.priority, NAMESPACE.limit.count."
    raise RulesFault("", detail)


def _changed(rule: NamespaceDocument, key: str, value: int) -> NamespaceDocument | None:
    if key == "priority":
        return msgspec.structs.replace(rule, priority=value)
    if key not in ("limit.count", "limit.days") or rule.limit is None:
        return None
    limit = msgspec.structs.replace(rule.limit, **{key.removeprefix("limit."): value})
    return msgspec.structs.replace(rule, limit=limit)
