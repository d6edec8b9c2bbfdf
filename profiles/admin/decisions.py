"""Verdicts on who is who in the admin: what stands, what stood, and undoing it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.identity import mask_identifier
from profiles.admin.kit.base import MaskedAdmin, staff_actor
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.unfold import display
from profiles.identifiers.lookup import restricted_identifiers
from profiles.models import IdentityDecision
from profiles.services import actor_names, undo_decision

VIEW = "profiles.view_merge"  # who sees merges sees what staff decided about them
DECIDE = "profiles.change_identityrule"  # who may change who is who by rules
SEE_RESTRICTED = "profiles.view_restricted_profile"


class StandingFilter(admin.SimpleListFilter):
    """A filter of verdicts by whether they hold."""

    title = _("state")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("stands")), ("no", _("undone or replaced"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityDecision]
    ) -> QuerySet[IdentityDecision]:
        if self.value() in ("yes", "no"):
            return queryset.filter(ended_at__isnull=self.value() == "yes")
        return queryset


@admin.register(IdentityDecision)
class IdentityDecisionAdmin(MaskedAdmin):
    """Verdicts on pairs of identifiers."""

    seen_with = VIEW
    list_display = ("pair", "verdict", "why", "by", "decided_at", "standing")
    list_filter = (StandingFilter, "verdict")
    sortable_by = ()
    fields = ("pair", "verdict", "why", "by", "decided_at", "ended_at")
    readonly_fields = fields
    actions = ("undo",)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(DECIDE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityDecision]:
        # Not joined: on a cluster identifiers are spread, and verdicts are not.
        decisions: QuerySet[IdentityDecision] = super().get_queryset(request)
        return decisions.prefetch_related("one", "other")

    @admin.action(description=_("Undo these verdicts"), permissions=["decide"])
    def undo(self, request: HttpRequest, queryset: QuerySet[IdentityDecision]) -> None:
        """Take verdicts back, as if they had never been given."""
        actor = staff_actor(request)
        undone = sum(
            undo_decision(decision, actor=actor)
            for decision in queryset
            if request.user.has_perm(SEE_RESTRICTED)
            or not restricted_identifiers([decision.one, decision.other])
        )
        words = ngettext("%d verdict is undone.", "%d verdicts are undone.", undone)
        messages.success(request, words % undone)

    @display(description=_("identifiers"))
    def pair(self, decision: IdentityDecision) -> str:
        sides = [
            profile_link(identifier.profile_id, mask_identifier(decision, identifier))
            for identifier in (decision.one, decision.other)
        ]
        return format_html("{}<br>{}", *sides)

    @display(description=_("reason"))
    def why(self, decision: Any) -> str:
        # Free text of staff, which may name people.
        return decision.reason if decision.mask.is_open else gettext("hidden")

    @display(description=_("by"))
    def by(self, decision: IdentityDecision) -> str:
        return actor_names([decision.actor])[decision.actor]

    @display(description=_("state"), label={"stands": "success", "ended": "info"})
    def standing(self, decision: IdentityDecision) -> tuple[str, str]:
        if decision.ended_at is None:
            return "stands", gettext("stands")
        return "ended", gettext("undone or replaced")
