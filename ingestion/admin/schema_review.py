"""What staff decide of the properties and traits that they chose in a list."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ingestion.services import SchemaReview, TooManyNames, review_schema
from profiles.admin.kit.base import TesseraAdmin, staff_actor
from profiles.admin.kit.formatting import number, percent
from profiles.admin.kit.unfold import display

CATEGORY_COLOURS = {"ordinary": "default", "contact": "info", "special": "danger"}
REVIEW_COLOURS = {"open": "warning", "reviewed": "default"}
FORBID = "ingestion.add_forbiddenname"
TYPES: Mapping[str, Any] = {
    "text": gettext_lazy("text"),
    "date": gettext_lazy("date"),
    "email": gettext_lazy("e-mail address"),
    "url": gettext_lazy("web address"),
    "number": gettext_lazy("number"),
    "boolean": gettext_lazy("boolean"),
    "list": gettext_lazy("list"),
    "object": gettext_lazy("object"),
    "null": gettext_lazy("nothing"),
}


def types_in_words(types: Mapping[str, int] | None) -> list[tuple[str, str]]:
    """Return the types that were seen with their shares, the most frequent first."""
    counts = types or {}
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(str(TYPES.get(name, name)), percent(count / total)) for name, count in ordered]


def share_of(row: Any) -> str:
    """Return the annotated share of messages as text."""
    return "–" if row.fill is None else percent(row.fill)


class ReviewedAdmin(TesseraAdmin):
    """The base of lists of what is reviewed: figures, and actions that decide.

    `review_of` gives what `review_schema` calls the chosen rows.
    """

    actions = ("ordinary", "contact", "special", "money", "no_money", "forbid")
    sortable_by = ()

    def review_of(self, chosen: QuerySet[Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    @display(description=gettext_lazy("category"), label=CATEGORY_COLOURS)
    def category_label(self, row: Any) -> tuple[str, str]:
        return row.category, row.get_category_display()

    @display(description=gettext_lazy("review"), label=REVIEW_COLOURS)
    def review(self, row: Any) -> tuple[str, str]:
        return ("reviewed", _("reviewed")) if row.is_reviewed else ("open", _("to review"))

    @display(description=gettext_lazy("types seen"))
    def types_seen(self, row: Any) -> str:
        return ", ".join(name for name, _share in types_in_words(row.types)) or "–"

    @display(description=gettext_lazy("filled"))
    def filled(self, row: Any) -> str:
        return share_of(row)

    @display(description=gettext_lazy("in 30 days"))
    def in_days(self, row: Any) -> str:
        return f"≈ {number(round(row.volume))}" if row.volume else "0"

    @display(description=gettext_lazy("last seen"))
    def last_seen(self, row: Any) -> Any:
        return row.last_seen_at

    def has_review_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    def has_forbid_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and request.user.has_perm(FORBID)

    def _decide(self, request: HttpRequest, chosen: QuerySet[Any], **decision: Any) -> None:
        names = self.review_of(chosen)
        try:
            counts = review_schema(SchemaReview(**names, **decision), actor=staff_actor(request))
        except TooManyNames as error:
            messages.error(request, str(error))
            return
        count = counts.properties + counts.traits
        text = ngettext("%(count)d is reviewed.", "%(count)d are reviewed.", count)
        messages.success(request, text % {"count": count})

    @admin.action(description=gettext_lazy("Reviewed: ordinary"), permissions=["review"])
    def ordinary(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, category="ordinary")

    @admin.action(
        description=gettext_lazy("Reviewed: names or reaches people"), permissions=["review"]
    )
    def contact(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, category="contact")

    @admin.action(description=gettext_lazy("Reviewed: special (article 9)"), permissions=["review"])
    def special(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, category="special")

    @admin.action(description=gettext_lazy("Reviewed: amounts of money"), permissions=["review"])
    def money(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, is_money=True)

    @admin.action(description=gettext_lazy("Reviewed: no money"), permissions=["review"])
    def no_money(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, is_money=False)

    @admin.action(
        description=gettext_lazy("Forbid: take nothing under these names any more"),
        permissions=["forbid"],
    )
    def forbid(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        self._decide(request, chosen, forbidden=True)
