"""The views of the tabs of a segment's page. None of them writes anything about a segment."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from profiles.admin.kit.base import require, staff_actor
from profiles.admin.kit.masks import mask_for
from profiles.models import Profile
from profiles.services import search_made
from segments.admin import segment_page
from segments.admin.page import overlap, overview, people, profile, use, versions
from segments.admin.page.tabs import tab_page
from segments.admin.visibility import hiding_for, hiding_past_for
from segments.admin.why import make_branch, nearly_in
from segments.definitions.behind import events_behind
from segments.language.phrases import language_of
from segments.services import why


class TabActions:
    """The tabs in the admin of segments, but for the definition, which is the form."""

    def tab_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view
        tabs = {
            "overview": self.overview,
            "people": self.people,
            "profile": self.profile,
            "overlap": self.overlap,
            "use": self.use,
            "versions": self.versions,
        }
        return [
            *(
                path(f"<int:pk>/{name}/", view(tab), name=f"segments_segment_{name}")
                for name, tab in tabs.items()
            ),
            path("<int:pk>/why/<int:profile_id>/", view(self.why), name="segments_segment_why"),
        ]

    def overview(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """How large it is, who comes and goes and why, and what the members are worth."""
        segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "overview")
        contents = overview.load_overview(
            segment,
            mask_for(request),
            timezone.now(),
            with_past=not hiding_past_for(request)(segment),
        )
        return tab_page(self, request, segment, "overview", **contents)

    def people(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """The members, searched and sorted."""
        segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "people")
        mask = mask_for(request)
        choices = people.column_choices(mask)
        search = people.read_search(request.POST, choices)
        page = people.people_page(segment, search, mask, timezone.localdate())
        if search.words:
            search_made(found=len(page.rows or ()), actor=staff_actor(request))
        return tab_page(
            self,
            request,
            segment,
            "people",
            people=page,
            search=search,
            choices=choices,
            titles=[choices[name] for name in search.columns],
            orders=people.ORDERS,
            is_open=mask.is_open,
        )

    def profile(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """What members are like, beside everybody else."""
        segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "profile")
        contents = profile.load_profile(segment, mask_for(request))
        return tab_page(self, request, segment, "profile", **contents)

    def overlap(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """Which members are in other segments too."""
        segment = self.found_or_404(request, str(pk))
        hides = hiding_for(request)
        if hides(segment):
            return tab_page(self, request, segment, "overlap")
        tab = overlap.load_overlap(segment, request.GET, hides)
        return tab_page(self, request, segment, "overlap", overlap=tab)

    def use(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """What leans on it, who took its members, and the call that gets them."""
        segment = self.found_or_404(request, str(pk))
        return tab_page(self, request, segment, "use", **use.load_use(request, segment))

    def versions(self: Any, request: HttpRequest, pk: int) -> HttpResponse:
        """What each version changed, and who entered and left by it."""
        segment = self.found_or_404(request, str(pk))
        if hiding_for(request)(segment):
            return tab_page(self, request, segment, "versions")
        rows = versions.load_versions(segment, mask_for(request))
        return tab_page(self, request, segment, "versions", versions=rows)

    def why(self: Any, request: HttpRequest, pk: int, profile_id: int) -> HttpResponse:
        """Show why a profile is a member or not, node by node, and when that changes."""
        segment = self.found_or_404(request, str(pk))
        require(request, "profiles.view_profile")
        if hiding_for(request)(segment):
            raise PermissionDenied
        profile = get_object_or_404(Profile, pk=profile_id, is_restricted=False)
        mask = mask_for(request)
        explanation = why(segment, profile, language=language_of(get_language()))
        page: HttpResponse = self.page(
            request,
            "admin/segments/why.html",
            title=_("Why %(segment)s?") % {"segment": segment.name},
            segment=segment,
            person=segment_page.make_member(profile, mask, profile.last_seen_at),
            explanation=explanation,
            nearly=nearly_in(explanation),
            tree=make_branch(explanation.tree, mask, events_behind(segment, profile)),
        )
        return page
