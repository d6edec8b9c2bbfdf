"""The search on top of every page: pages, actions, segments, requests and people.

Invariant: what is typed comes in the body of a POST and is written down nowhere; each part is
searched only for users who may see it, and people only for those who may see who they are.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config.site.navigation import GROUPS
from consent.models import PrivacyRequest
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.people import display_name
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.services import find_people, search_made
from segments.models import Segment

MOST = 6  # of each kind
MAX_QUERY = 100


class Action(NamedTuple):
    """Something to do, the page where it is done, and who may."""

    title: Any
    url_name: str
    permission: str


class Hit(NamedTuple):
    """One line of the answer."""

    title: str
    kind: str
    url: str
    icon: str


ACTIONS = (
    Action(gettext_lazy("New segment"), "segments_segment_add", "segments.add_segment"),
    Action(
        gettext_lazy("Segment from a template"),
        "segments_segment_templates",
        "segments.add_segment",
    ),
    Action(gettext_lazy("New source"), "profiles_source_add", "profiles.add_source"),
    Action(gettext_lazy("New purpose"), "consent_purpose_add", "consent.add_purpose"),
    Action(gettext_lazy("New API key"), "profiles_apikey_add", "profiles.add_apikey"),
    Action(
        gettext_lazy("Erase, export or restrict somebody: find them first"),
        "profiles_profile_changelist",
        "consent.add_privacyrequest",
    ),
)


@require_POST
def omnibox(request: HttpRequest) -> HttpResponse:
    """Answer with a list of links for what was typed."""
    text = request.POST.get("s", "")[:MAX_QUERY].replace("\x00", "").strip()
    hits = [*_people(request, text), *_others(request, text)] if text else []
    return render(request, "admin/tessera/omnibox.html", {"hits": hits, "text": text})


def _others(request: HttpRequest, text: str) -> Iterator[Hit]:
    yield from _segments(request, text)
    yield from _requests(request, text)
    yield from _actions(request, text)
    yield from _pages(request, text)


def _pages(request: HttpRequest, text: str) -> Iterator[Hit]:
    for job, entries in GROUPS.items():
        for entry in entries:
            is_named = text.casefold() in f"{job} {entry.title}".casefold()
            if is_named and request.user.has_perm(entry.permission):
                yield Hit(str(entry.title), str(job), reverse(entry.url_name), entry.icon)


def _actions(request: HttpRequest, text: str) -> Iterator[Hit]:
    for action in ACTIONS:
        is_named = text.casefold() in str(action.title).casefold()
        if is_named and request.user.has_perm(action.permission):
            url = reverse(f"admin:{action.url_name}")
            yield Hit(str(action.title), _("Action"), url, "bolt")


def _segments(request: HttpRequest, text: str) -> Iterator[Hit]:
    if not request.user.has_perm("segments.view_segment"):
        return
    segments = Segment.objects.filter(Q(name__icontains=text) | Q(key__icontains=text))
    for segment in segments.order_by("-size", "name")[:MOST]:
        url = reverse("admin:segments_segment_overview", args=[segment.pk])
        yield Hit(segment.name, _("Segment"), url, "pie_chart")


def _requests(request: HttpRequest, text: str) -> Iterator[Hit]:
    if not request.user.has_perm("consent.view_privacyrequest"):
        return
    kinds = [
        kind
        for kind, label in PrivacyRequest._meta.get_field("kind").flatchoices
        if text.casefold() in str(label).casefold()
    ]
    rows = PrivacyRequest.objects.filter(kind__in=kinds).order_by("due_at")
    for row in rows[:MOST]:
        url = reverse("admin:consent_privacyrequest_change", args=[row.pk])
        title = f"{row.get_kind_display()}, {row.get_status_display()}"
        yield Hit(title, _("Request"), url, "shield_person")


def _people(request: HttpRequest, text: str) -> Iterator[Hit]:
    """Yield people. To whoever may not see names an answer would tell them."""
    may_see = request.user.has_perms(("profiles.view_profile", SEE_CONTACTS))
    if not may_see or seconds_to_wait(Throttle.OMNIBOX, request.user.pk):
        return
    people = find_people(text, most=MOST)
    if people:
        search_made(found=len(people), actor=staff_actor(request))
    mask = mask_for(request)
    for profile in people:
        url = reverse("admin:profiles_profile_change", args=[profile.pk])
        name = display_name(profile.traits, mask) or _("anonymous")
        city = str(profile.traits.get("city") or "")
        yield Hit(" · ".join(filter(None, (name, city))), _("Person"), url, "person")
