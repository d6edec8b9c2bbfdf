"""The list of segments: the columns beside the name, and what each costs to know.

Invariant: a page takes a fixed number of queries, whatever its length. How many of the members may
be reached is counted afterwards, when the page is there.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import Exists, OuterRef, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from profiles.admin.kit.base import BoundedList, staff_actor
from profiles.admin.kit.formatting import number
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import display
from profiles.lib.estimates import estimated_rows
from segments.admin import segment_page
from segments.admin.visibility import hiding_for, hiding_past_for, shown_size
from segments.definitions.dependencies import read_live_nodes
from segments.memberships.figures import LARGE_SHARE, SMALL_SIZE, STILL_DAYS
from segments.memberships.worth import reach_by_purpose
from segments.models import MembershipChange, Segment, SegmentStar
from segments.services import star_segment

MAX_COMPARED = 20
MAX_REACHED = 100
ACTION = (
    '<a class="t-icon" href="{}" title="{}" aria-label="{}">'
    '<span class="material-symbols-outlined" aria-hidden="true">{}</span></a>'
)


class SegmentList(BoundedList):
    """A page of segments with all that its columns show, in a few queries more."""

    def url_for_result(self, result: Any) -> str:
        return reverse("admin:segments_segment_overview", args=[result.pk])

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """What the user has starred comes first, unless they chose an order."""
        ordering = super().get_ordering(request, queryset)
        return ordering if ORDER_VAR in self.params else ["-is_starred", *ordering]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A list, since a queryset would load the rows again and lose what is added to them.
        rows: list[Any] = list(self.result_list)
        now, hides, hides_past = timezone.now(), hiding_for(request), hiding_past_for(request)
        if not request.user.has_perm(SEE_CONTACTS):
            prefetch_related_objects(rows, "versions")  # the past is judged by them
        sparklines = segment_page.sparklines([segment.pk for segment in rows], now)
        used_by, flags = _used_by(rows), _flags(rows, now)
        for segment in rows:
            is_hidden = hides(segment)
            segment.is_hidden = is_hidden
            segment.sparkline = "" if hides_past(segment) else sparklines.get(segment.pk, "")
            segment.shown_size = shown_size(segment, is_hidden=is_hidden)
            segment.used_by_count = used_by[segment.key]
            segment.flags = [] if is_hidden else flags[segment.pk]
        self.result_list = rows


def _used_by(rows: Iterable[Segment]) -> Mapping[str, int]:
    """Return how many live segments refer to each. Takes one query."""
    live = read_live_nodes()
    return {row.key: len(live.referring(row.key)) for row in rows}


def _flags(rows: Iterable[Segment], now: datetime) -> Mapping[int, list[str]]:
    """Return in words what may be wrong with each segment that is built. Takes two queries."""
    built = [row for row in rows if row.live_version is not None]
    since = now - timedelta(days=STILL_DAYS)
    moving = set(
        MembershipChange.objects.filter(
            segment_id__in=[row.pk for row in built], changed_at__gte=since
        )
        .order_by()
        .values_list("segment_id", flat=True)
        .distinct()
    )
    people = estimated_rows("profiles_profile") or 0
    flags: dict[int, list[str]] = {row.pk: [] for row in rows}
    for row in built:
        if row.size < SMALL_SIZE:
            flags[row.pk].append(pgettext("segment", "small"))
        if people and row.size > LARGE_SHARE * people:
            flags[row.pk].append(pgettext("segment", "large"))
        if row.pk not in moving:
            flags[row.pk].append(pgettext("segment", "still"))
    return flags


COLUMNS = (
    "star",
    "name_and_key",
    "formatted_size",
    "sparkline",
    "reach",
    "labels",
    "owner",
    "used_by",
    "status_label",
    "row_actions",
)


class StarredFilter(admin.SimpleListFilter):
    """Keeps the segments that the user has starred."""

    title = gettext_lazy("star")
    parameter_name = "starred"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("mine"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_starred=True) if self.value() == "yes" else queryset


class ListColumns:
    """The columns of the list, its order, and the actions of a row and of several."""

    def list_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/star/", view(self.give_star), name="segments_segment_star"),
            path("reach/", view(self.show_reach), name="segments_segment_reach"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        stars = SegmentStar.objects.filter(segment=OuterRef("pk"), user_id=request.user.pk or 0)
        rows: QuerySet[Segment] = super().get_queryset(request)  # type: ignore[misc]
        return rows.annotate(is_starred=Exists(stars))

    @display(description="")
    def star(self, segment: Any) -> SafeString:
        return star_button(segment, is_starred=segment.is_starred)

    @display(description=gettext_lazy("reach"))
    def reach(self, segment: Any) -> SafeString:
        """A place that is filled in when the page is there."""
        if segment.is_hidden or segment.purpose is None or segment.status != "live":
            return SafeString("–")
        return format_html(
            '<span class="t-reach" id="reach-{}" data-segment="{}" title="{}">…</span>',
            segment.pk,
            segment.pk,
            _("permit %(purpose)s") % {"purpose": segment.purpose.key},
        )

    @display(description=gettext_lazy("used by"))
    def used_by(self, segment: Any) -> str:
        return str(segment.used_by_count or "")

    @display(description="")
    def row_actions(self, segment: Any) -> SafeString:
        links = [
            ("overlap", _("Compare"), "join_inner"),
            ("clone", _("Copy"), "content_copy"),
            ("export", _("Export"), "download"),
        ]
        if segment.status != Segment.Status.ARCHIVED:
            links.append(("archive", _("Archive it"), "archive"))
        parts = [
            (
                reverse(f"admin:segments_segment_{name}", args=[segment.pk]),
                title,
                f"{title}: {segment.name}",
                icon,
            )
            for name, title, icon in links
        ]
        return format_html_join("", ACTION, parts)

    @admin.action(description=gettext_lazy("Compare these"))
    def compare(self, request: HttpRequest, queryset: QuerySet[Segment]) -> HttpResponse:
        """Open the overlap of the selected segments."""
        first, *others = list(queryset.order_by("-size", "key")[:MAX_COMPARED])
        query = "&".join(f"with={other.key}" for other in others)
        url = reverse("admin:segments_segment_overlap", args=[first.pk])
        return redirect(f"{url}?{query}")

    def give_star(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Give the user's star to a segment, or take it away."""
        segment = self.found_or_404(request, str(pk))
        is_starred = SegmentStar.objects.filter(
            segment=segment, user_id=request.user.pk or 0
        ).exists()
        if request.method == "POST":
            is_starred = not is_starred
            star_segment(segment, is_starred=is_starred, actor=staff_actor(request))
        if request.headers.get("HX-Request"):
            return HttpResponse(star_button(segment, is_starred=is_starred))
        return redirect("admin:segments_segment_changelist")

    def show_reach(self: Any, request: HttpRequest) -> HttpResponse:
        """Return how many members of each of some segments permit its purpose."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        wanted = [
            int(pk) for pk in request.GET.getlist("segment") if pk.isdecimal() and len(pk) < 18
        ]
        hides = hiding_for(request)
        live = Segment.objects.filter(pk__in=wanted, status=Segment.Status.LIVE)
        rows = [row for row in live.select_related("purpose") if row.purpose and not hides(row)]
        reach = reach_by_purpose(rows, timezone.now())
        return HttpResponse(
            format_html_join(
                "",
                '<span id="reach-{}" hx-swap-oob="innerHTML">{}</span>',
                ((row.pk, number(reach[row.pk]) if row.pk in reach else "–") for row in rows),
            )
        )


def star_button(segment: Segment, *, is_starred: bool) -> SafeString:
    """Return the button that gives or takes the star, for one place on the page."""
    words = _("Take the star from %(name)s") if is_starred else _("Star %(name)s")
    label = words % {"name": segment.name}
    return format_html(
        '<button type="button" class="t-star" hx-post="{}" hx-swap="outerHTML"'
        ' aria-pressed="{}" aria-label="{}" title="{}">{}</button>',
        reverse("admin:segments_segment_star", args=[segment.pk]),
        "true" if is_starred else "false",
        label,
        label,
        "★" if is_starred else "☆",
    )
