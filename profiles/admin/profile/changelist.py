"""The list of profiles, the search by exact identifier, the page of one profile, and rectification.

Invariant: nobody is searched for by LIKE, and no identifier is ever part of an address or a query string.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import display
from unfold.views import ChangeList

from profiles.admin.kit.base import (
    BoundedList,
    Question,
    ReadOnlyAdmin,
    about,
    question_page,
    require,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.sections import Link, sections
from profiles.admin.profile import page
from profiles.admin.profile.correction import RectifyForm, initial_correction
from profiles.admin.profile.timeline import Cursor, timeline
from profiles.identifiers.lookup import profiles_by_reference
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identity.engine import PROFILE
from profiles.models import Identifier, IdentityFact, Profile
from profiles.reads import status_of
from profiles.services import rectify

SEE_RESTRICTED = "profiles.view_restricted_profile"
RECTIFY = "profiles.change_profile"
MOST_FOUND = 50


class ProfileChangeList(BoundedList):
    """A page of profiles with the sources that named each of them: two queries more, however long the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        mask = mask_for(request)
        rows = list(self.result_list)
        sources = sources_of([profile.pk for profile in rows])
        can_see_restricted = request.user.has_perm(SEE_RESTRICTED)
        for profile in rows:
            profile.sources = sorted(sources.get(profile.pk, ()))
            is_open = can_see_restricted or not profile.is_restricted
            profile.shown = mask.traits(profile.traits) if is_open else {}
            profile.shown_name = page.own_name(profile.traits, mask) if is_open else ""
        self.result_list = rows


def sources_of(profile_ids: Sequence[int]) -> dict[int, set[str]]:
    """The keys of the sources whose facts name an identifier of each profile."""
    holders = dict(
        Identifier.objects.filter(profile_id__in=profile_ids).values_list("pk", "profile_id")
    )
    found: dict[int, set[str]] = defaultdict(set)
    facts = IdentityFact.objects.filter(identifier_ids__overlap=list(holders))
    for numbers, source in facts.values_list("identifier_ids", "source__key"):
        for number in numbers:
            if number in holders:
                found[holders[number]].add(source)
    return found


class KnownFilter(admin.SimpleListFilter):
    """Known people are those of whom a source said something; the others only passed by."""

    title = "known"
    parameter_name = "known"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "has traits"), ("no", "anonymous")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        if self.value() == "yes":
            return queryset.exclude(traits={})
        return queryset.filter(traits={}) if self.value() == "no" else queryset


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ("person", "email", "city", "sources", "last_seen", "restricted")
    list_display_links = ("person",)
    list_filter = (KnownFilter, "is_restricted")
    sortable_by = ()
    ordering = ("-id",)
    list_before_template = "admin/tessera/find.html"
    change_form_template = "admin/profiles/profile/page.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileChangeList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("find/", view(self.find), name="profiles_profile_find"),
            path("<int:pk>/rectify/", view(self.rectify), name="profiles_profile_rectify"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        counted = about(Profile.objects.all()) if self.has_view_permission(request) else ""
        return super().changelist_view(request, {**(extra_context or {}), "how_many": counted})

    @display(description="person", header=True)
    def person(self, profile: Any) -> list[str]:
        name = profile.shown_name or "unnamed"
        return [name, f"…{str(profile.uuid)[-12:]}", initials(profile.shown_name)]

    @display(description="e-mail", empty_value="–")
    def email(self, profile: Any) -> str | None:
        return profile.shown.get("email")

    @display(description="city", empty_value="–")
    def city(self, profile: Any) -> str | None:
        city = profile.shown.get("city")
        return None if city is None else page.readable(city)

    @display(description="sources")
    def sources(self, profile: Any) -> str:
        return ", ".join(profile.sources)

    @display(description="last seen")
    def last_seen(self, profile: Profile) -> str:
        return timezone.localtime(profile.last_seen_at).strftime("%-d %b %Y %H:%M")

    @display(description="status", label={"restricted": "danger", "active": "success"})
    def restricted(self, profile: Profile) -> str:
        return status_of(profile)

    def find(self, request: HttpRequest) -> HttpResponse:
        """Go to whoever holds an identifier. Asked by POST, since what is asked is personal."""
        require(request, "profiles.view_profile")
        asked = request.POST.get("identifier", "")[:300].strip()
        found = find_profiles(asked) if asked else []
        if len(found) == 1:
            return redirect("admin:profiles_profile_change", found[0])
        if not found:
            if asked:
                messages.warning(request, "Nobody holds this identifier.")
            return redirect("admin:profiles_profile_changelist")
        return self.several(request, found)

    def several(self, request: HttpRequest, found: Sequence[int]) -> HttpResponse:
        """Several people go by the same value in different namespaces."""
        mask = mask_for(request)
        people = [
            {"profile": profile, "name": page.shown_name(profile.traits, mask) or "anonymous"}
            for profile in Profile.objects.filter(pk__in=found)
            if not profile.is_restricted or request.user.has_perm(SEE_RESTRICTED)
        ]
        return self.page(
            request, "admin/tessera/several.html", title="Several people", people=people
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one profile."""
        profile = self.get_object(request, object_id or "")
        require(request, "profiles.view_profile")
        if profile is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if profile.is_restricted and not request.user.has_perm(SEE_RESTRICTED):
            return self.page(
                request, self.change_form_template, title="Restricted profile", profile=profile
            )
        return self.whole_page(request, profile)

    def whole_page(self, request: HttpRequest, profile: Profile) -> HttpResponse:
        mask = mask_for(request)
        name = request.GET.get("name", "")
        identifiers = page.identifiers_held(profile)
        return self.page(
            request,
            self.change_form_template,
            title=page.shown_name(profile.traits, mask) or "Anonymous visitor",
            profile=profile,
            is_open=True,
            initials=initials(page.shown_name(profile.traits, mask)),
            cards=page.cards(profile, mask),
            identifiers=[
                {"row": one, "value": mask.identifier(one.namespace, one.value)}
                for one in identifiers
            ],
            graph=page.graph(identifiers, mask),
            merges=page.merges_of(profile),
            timeline=timeline(
                profile,
                mask,
                before=Cursor.read(request.GET.get("before", "")),
                name=int(name) if name.isdecimal() and len(name) < 18 else None,
                now=timezone.now(),
            ),
            sections=list(sections.draw(request, profile, mask)),
            links=self.links(request, profile),
            can_rectify=request.user.has_perm(RECTIFY) and mask.is_open,
        )

    def links(self, request: HttpRequest, profile: Profile) -> list[Link]:
        declared = sections.visible(request)
        return [link for section in declared for link in section.links(request, profile)]

    def rectify(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Correct one trait so that it stays corrected."""
        require(request, RECTIFY)
        require(request, SEE_CONTACTS)
        profile = self.found_or_404(request, str(pk))
        back = reverse("admin:profiles_profile_change", args=[pk])
        form = RectifyForm(request.POST or None, initial=initial_correction(request, profile))
        if not form.is_valid():
            question = Question(
                title="Correct a trait",
                form=form,
                submit="Correct and lock",
                back=back,
                warning="The value stands whatever sources send later.",
            )
            return question_page(self, request, question)
        rectify(
            profile.pk,
            {form.cleaned_data["key"]: form.cleaned_data["value"]},
            actor=request.user.get_username(),
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, f"{form.cleaned_data['key']} is corrected and locked.")
        return redirect(back)


def find_profiles(asked: str) -> list[int]:
    """The profiles of whoever holds `namespace:value`, or the bare value in any namespace."""
    namespace, colon, _ = asked.partition(":")
    if colon and namespace.replace("_", "").replace(".", "").isalnum():
        return list(profiles_by_reference([asked]).values())
    spellings = {asked, *_spellings(asked)}
    holders: QuerySet[Identifier] = Identifier.objects.filter(
        value__in=spellings, profile__isnull=False
    )
    return list(dict.fromkeys(holders.values_list("profile_id", flat=True)[:MOST_FOUND]))


def _spellings(asked: str) -> list[str]:
    """What a bare value would be as an address, a telephone number or a public UUID."""
    found = [asked.lower()]
    for namespace in ("email", "phone", PROFILE):
        try:
            found.append(normalise(namespace, asked, region=settings.DEFAULT_PHONE_REGION))
        except InvalidIdentifier:
            continue
    return found


def initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2] if word[0].isalnum()).upper() or "?"
