"""RFM models and life-cycles in the admin: their groups as a treemap, and who moved where.

Invariant: what is shown of a family with sensitive groups is hidden like the groups themselves.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from profiles.admin.kit.base import ReadOnlyAdmin, require
from profiles.admin.kit.charts import Tile, treemap
from profiles.admin.kit.formatting import number
from profiles.admin.kit.unfold import display
from profiles.models import EventName
from profiles.services import currencies_of
from segments.admin.visibility import hiding_for
from segments.language.phrases import language_of
from segments.models import Segment, SegmentFamily
from segments.services import Move, movement, part_in_words

VIEW = "segments.view_segment"
MOVEMENT_DAYS = 30


class GroupRow(NamedTuple):
    """One group: who is in it now, what they spent by the last boundaries, who came and went."""

    name: str
    url: str
    size: int
    value: Decimal | None
    came: int
    left: int


@admin.register(SegmentFamily)
class SegmentFamilyAdmin(ReadOnlyAdmin):
    """Families of segments, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "kind", "event", "recomputed_at")
    list_select_related = ("live_version",)
    ordering = ("name",)

    @display(description=gettext_lazy("recomputed"))
    def recomputed_at(self, family: SegmentFamily) -> Any:
        return family.live_version.computed_at if family.live_version else None

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the groups of a family, with links to their segments."""
        require(request, VIEW)
        family: SegmentFamily = self.found_or_404(request, object_id)
        return self.family_page(request, family)

    def family_page(self, request: HttpRequest, family: SegmentFamily) -> TemplateResponse:
        segments = list(family.segments.order_by("pk"))
        hides = hiding_for(request)
        is_hidden = any(hides(segment) for segment in segments)
        rows = [] if is_hidden else group_rows(family, segments)
        names = EventName.objects.filter(name=family.event)
        shows_money = family.kind == SegmentFamily.Kind.RFM and not is_hidden
        currencies = currencies_of(names) if shows_money else []
        return self.page(
            request,
            "admin/segments/family.html",
            title=family.name,
            family=family,
            rows=rows,
            is_hidden=is_hidden,
            has_values=family.live_version is not None,
            mixed=currencies if len(currencies) > 1 else [],
            days=MOVEMENT_DAYS,
            treemap=treemap(
                [_tile(row) for row in rows], title=_("How many people are in which group")
            ),
        )


def _tile(row: GroupRow) -> Tile:
    title = f"{row.name}: {number(row.size)} (+{number(row.came)} −{number(row.left)})"
    return Tile(row.name, row.size, title, row.url)


def group_rows(family: SegmentFamily, segments: list[Segment]) -> list[GroupRow]:
    """Return the groups with who came and went in the last days. Takes two queries."""
    moves = movement(family, timezone.now() - timedelta(days=MOVEMENT_DAYS))
    figures = family.live_version.figures if family.live_version else {}
    language = language_of(get_language())
    return [
        GroupRow(
            name=part_in_words(segment.part, language),
            url=reverse("admin:segments_segment_overview", args=[segment.pk]),
            size=segment.size,
            value=figures.get(segment.part, {}).get("value"),
            came=_moved(moves, present=segment.part),
            left=_moved(moves, former=segment.part),
        )
        for segment in segments
    ]


def _moved(moves: list[Move], *, former: str = "", present: str = "") -> int:
    """Return how many people came into a group, or left it."""
    return sum(
        move.people
        for move in moves
        if move.former != move.present and (former == move.former or present == move.present)
    )
