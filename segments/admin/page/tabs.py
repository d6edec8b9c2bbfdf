"""What stands on every tab of a segment's page: its name and state, its actions, and the tabs."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from segments.admin.visibility import hiding_for, shown_size
from segments.models import Segment

ADD, CHANGE = "segments.add_segment", "segments.change_segment"
# By the name of the view.
TABS = {
    "overview": _("Overview"),
    "people": _("People"),
    "profile": _("Profile"),
    "overlap": _("Overlap"),
    "change": _("Definition"),
    "decisions": _("By hand"),
    "export": _("Export"),
    "use": _("Use"),
    "versions": _("Versions"),
}


class Tab(NamedTuple):
    """One tab: its title, where it is, and whether it is the one that is open."""

    title: Any
    url: str
    is_open: bool


def head_of(request: HttpRequest, segment: Segment, tab: str) -> dict[str, Any]:
    """Return what stands above the tab of this name."""
    is_hidden = hiding_for(request)(segment)
    may_change = request.user.has_perm(CHANGE)
    is_archived = segment.status == Segment.Status.ARCHIVED
    return {
        "segment": segment,
        "tabs": tabs_of(segment, tab),
        "is_hidden": is_hidden,
        "size": shown_size(segment, is_hidden=is_hidden),
        "may_clone": request.user.has_perm(ADD) and not is_hidden,
        "may_rebuild": may_change and segment.status == Segment.Status.LIVE,
        "may_archive": may_change and not is_archived,
        "may_restore": may_change and is_archived,
        "may_export": may_change and not is_archived and not is_hidden,
        "may_roll_back": may_change and not is_archived and not is_hidden,
    }


def tabs_of(segment: Segment, tab: str) -> list[Tab]:
    return [
        Tab(title, reverse(f"admin:segments_segment_{name}", args=[segment.pk]), name == tab)
        for name, title in TABS.items()
    ]


def tab_page(
    admin: Any, request: HttpRequest, segment: Segment, name: str, **context: Any
) -> HttpResponse:
    """Render a tab below the head of the segment's page."""
    page: HttpResponse = admin.page(
        request,
        f"admin/segments/page/{name}.html",
        title=segment.name,
        **head_of(request, segment, name),
        **context,
    )
    return page
