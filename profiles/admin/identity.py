"""Identity rules, outcomes and merges in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import MaskedAdmin, ReadOnlyAdmin, TesseraAdmin, staff_actor
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.unfold import ModelForm, display
from profiles.models import Identifier, IdentityOutcome, IdentityRule, Merge
from profiles.services import REFUSALS, Effect, release_quarantine, save_identity_rule

# What each outcome means, for staff.
MEANINGS = {
    "trust": _("a claim named somebody who is vouched"),
    "unique": _("two different values of a unique identifier"),
    "limit": _("more values than the namespace allows"),
    "not_same": _("staff decided that these are two people"),
    "cap": _("too many people want it"),
    "merge": _("joined to who wanted it, as the rules allow"),
    "takeover": _("a vouched person took it over"),
    "claim_limit": _("a claim beside more devices than the person may have"),
    "pushed_out": _("a claimed device that made room for one of a trusted source"),
    "quarantine": _("shared by so many that it names nobody"),
}

# Outcomes that may be mistakes; merges and takeovers followed the rules.
DOUBTS = (*REFUSALS, Effect.QUARANTINE)


@admin.register(IdentityRule)
class IdentityRuleAdmin(TesseraAdmin):
    """Identity rules by namespace, which apply from the next chunk of messages on."""

    list_display = ("namespace", "priority", "limit", "is_unique", "is_weak", "normaliser")
    ordering = ("priority", "namespace")
    audit_type = "identity_rule"

    def audit_key(self, row: IdentityRule) -> str:
        return row.namespace

    @display(description=_("limit"))
    def limit(self, rule: IdentityRule) -> str:
        if rule.limit_count is None:
            return gettext("any number")
        numbers = {"count": rule.limit_count, "days": rule.limit_days}
        if rule.limit_days:
            return gettext("%(count)s in %(days)s days") % numbers
        return gettext("%(count)s ever") % numbers

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return ("namespace",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: IdentityRule, form: ModelForm, change: Any
    ) -> None:
        save_identity_rule(obj, actor=staff_actor(request))


class DoubtFilter(admin.SimpleListFilter):
    """A filter of outcomes by whether staff may need to look at them."""

    title = _("doubt")
    parameter_name = "doubt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("may need a look")), ("no", gettext("went by the rules"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityOutcome]
    ) -> QuerySet[IdentityOutcome]:
        if self.value() == "yes":
            return queryset.filter(rule__in=DOUBTS)
        return queryset.exclude(rule__in=DOUBTS) if self.value() == "no" else queryset


@admin.register(IdentityOutcome)
class IdentityOutcomeAdmin(MaskedAdmin):
    """Identifiers that a fact dropped, moved or quarantined."""

    list_display = ("rule_and_meaning", "masked_identifier", "person", "wanted_by", "source", "day")
    list_filter = (DoubtFilter, "rule", "day")
    list_select_related = ("fact__source",)
    sortable_by = ()
    fields = ("rule_sentence", "masked_identifier", "person", "wanted_by", "source", "day")
    readonly_fields = fields
    actions = ("release",)

    @admin.action(description=_("Release quarantined identifiers"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[IdentityOutcome]) -> None:
        """Let facts use the identifiers of quarantines again."""
        rows = queryset.filter(rule=Effect.QUARANTINE)
        identifiers = {row.identifier_id: row.identifier for row in rows}.values()
        actor = staff_actor(request)
        released = [release_quarantine(identifier, actor=actor) for identifier in identifiers]
        messages.success(request, _("%d identifiers are released.") % sum(released))

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Whether the user may do what changes who is who: who may change its rules."""
        return request.user.has_perm("profiles.change_identityrule")

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityOutcome]:
        outcomes: QuerySet[IdentityOutcome] = super().get_queryset(request)
        # Not joined: on a cluster identifiers are spread, and outcomes are not.
        return outcomes.select_related("fact__source").prefetch_related("identifier", "wanter")

    @display(description=_("what"), header=True)
    def rule_and_meaning(self, outcome: IdentityOutcome) -> list[str]:
        return [outcome.rule.replace("_", " "), str(MEANINGS.get(outcome.rule, ""))]

    @display(description=_("what"))
    def rule_sentence(self, outcome: IdentityOutcome) -> str:
        return ": ".join(filter(None, self.rule_and_meaning(outcome)))

    @display(description=_("identifier"))
    def masked_identifier(self, outcome: IdentityOutcome) -> str:
        return mask_identifier(outcome, outcome.identifier)

    @display(description=_("held by"))
    def person(self, outcome: IdentityOutcome) -> str:
        return profile_link(outcome.identifier.profile_id, "see the person")

    @display(description=_("wanted by"))
    def wanted_by(self, outcome: IdentityOutcome) -> str:
        if outcome.wanter is None:
            return "–"
        return profile_link(outcome.wanter.profile_id, mask_identifier(outcome, outcome.wanter))

    @display(description=_("source"))
    def source(self, outcome: IdentityOutcome) -> str:
        return str(outcome.fact.source)


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    """Profiles that became one."""

    list_display = (
        *("survivor_link", "absorbed_uuid", "rule", "source", "sides", "merged_at"),
        "undone_at",
    )
    list_filter = ("rule",)
    list_select_related = ("fact__source",)
    sortable_by = ()
    fields = (
        *("survivor_link", "absorbed_uuid", "rule", "source", "sides", "actor", "merged_at"),
        "undone_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Merge]:
        # Not joined: on a cluster profiles are spread, and merges are not.
        merges: QuerySet[Merge] = super().get_queryset(request)
        return merges.prefetch_related("survivor")

    @display(description=_("survivor"))
    def survivor_link(self, merge: Merge) -> str:
        return profile_link(merge.survivor_id, str(merge.survivor.uuid))

    @display(description=_("source"))
    def source(self, merge: Merge) -> str:
        return str(merge.fact.source) if merge.fact else "–"

    @display(description=_("identifiers of each side"))
    def sides(self, merge: Merge) -> str:
        return f"{len(merge.survivor_identifier_ids)} + {len(merge.absorbed_identifier_ids)}"


def mask_identifier(row: Any, identifier: Identifier) -> str:
    """Return the identifier's namespace and value, as the mask of the row lets the user see it."""
    value = row.mask.identifier(identifier.namespace, identifier.value)
    return format_html('<span class="t-chip">{}</span> {}', identifier.namespace, value)
