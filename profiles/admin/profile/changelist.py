"""The list of profiles, the search by exact identifier, the page of one profile, and rectification.

Invariant: the search has no LIKE, and no identifier is ever in a URL.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import (
    BoundedList,
    Question,
    ReadOnlyAdmin,
    approximate_count,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.formatting import moment_text
from profiles.admin.kit.list_actions import list_actions
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import Mask, mask_for
from profiles.admin.kit.people import display_name, initials, person_name, readable
from profiles.admin.kit.sections import Link, rendered, sections
from profiles.admin.kit.unfold import ChangeList, display
from profiles.admin.profile import page
from profiles.admin.profile.correction import correction_form
from profiles.admin.profile.deciding import DecideForm, decide_question
from profiles.admin.profile.links import (
    pair_of,
    parting_url,
    ties_of,
    undo_page,
    verdicts_on,
)
from profiles.admin.profile.timeline import Cursor, timeline
from profiles.identifiers.lookup import profiles_by_reference
from profiles.identifiers.normalisers import InvalidIdentifier, normalise
from profiles.identity.engine import PROFILE
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import AuditEntry, Identifier, IdentityFact, Profile, StaffRead
from profiles.reads import status_of
from profiles.services import ContactNotFree, looks_at, note_list, note_reads, search_made

SEE_RESTRICTED = "profiles.view_restricted_profile"
SEE_LOOKS = "profiles.view_auditentry"  # who sees who changed what
RECTIFY = "profiles.change_profile"
DECIDE = "profiles.change_identityrule"  # who may change who is who by rules
MOST_FOUND = 50  # profiles with one value in different namespaces


class ProfileChangeList(BoundedList):
    """A page of profiles with their sources, in two queries more however long it is."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        mask = mask_for(request)
        # A list, since a queryset would load the rows again and lose the attributes.
        profiles = list(self.result_list)
        sources = sources_of([profile.pk for profile in profiles])
        can_see_restricted = request.user.has_perm(SEE_RESTRICTED)
        for profile in profiles:
            profile.sources = sorted(sources.get(profile.pk, ()))
            is_open = can_see_restricted or not profile.is_restricted
            profile.masked_traits = mask.traits(profile.traits) if is_open else {}
            profile.masked_name = person_name(profile.traits, mask) if is_open else ""
        note_list(len(profiles), reader=staff_actor(request), is_open=mask.is_open)
        self.result_list = profiles


def sources_of(profile_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return the keys of the sources whose facts name an identifier of each profile."""
    profile_by_identifier: dict[int, int] = dict(
        Identifier.objects.filter(profile_id__in=profile_ids).values_list("pk", "profile_id")
    )
    sources: dict[int, set[str]] = defaultdict(set)
    facts = IdentityFact.objects.filter(identifier_ids__overlap=list(profile_by_identifier))
    for identifier_ids, source_key in facts.values_list("identifier_ids", "source__key"):
        for identifier_id in identifier_ids:
            if identifier_id in profile_by_identifier:
                sources[profile_by_identifier[identifier_id]].add(source_key)
    return sources


class KnownFilter(admin.SimpleListFilter):
    """A filter of profiles by whether any source stated a trait."""

    title = _("known")
    parameter_name = "known"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("has traits")), ("no", gettext("anonymous"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        if self.value() == "yes":
            return queryset.exclude(traits={})
        return queryset.filter(traits={}) if self.value() == "no" else queryset


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    """Profiles: a list, a search by identifier, and a page for each."""

    list_display = ("person", "email", "city", "sources", "last_seen", "restricted")
    list_display_links = ("person",)
    list_filter = (KnownFilter, "is_restricted")
    sortable_by = ()
    ordering = ("-id",)
    list_before_template = "admin/tessera/find.html"
    change_form_template = "admin/profiles/profile/page.html"

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Render what was changed about the profile, and about those that it absorbed."""
        profile = self.found_or_404(request, object_id)
        identifiers = Identifier.objects.filter(profile=profile)
        entries = AuditEntry.objects.filter(body__identifier_id__in=identifiers.values("pk"))
        return self.history_page(request, profile, entries)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) | list_actions.offered(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProfileChangeList

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("find/", view(self.find), name="profiles_profile_find"),
            path("<int:pk>/rectify/", view(self.rectify), name="profiles_profile_rectify"),
            path("<int:pk>/decide/", view(self.decide), name="profiles_profile_decide"),
            path("<int:pk>/undo/<uuid:uuid>/", view(self.undo), name="profiles_profile_undo"),
            path(
                "<int:pk>/section/<slug:key>/", view(self.section), name="profiles_profile_section"
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        count = ""
        if self.has_view_permission(request):
            count = approximate_count(Profile.objects.all())
        return super().changelist_view(request, {**(extra_context or {}), "profile_count": count})

    @display(description=_("person"), header=True)
    def person(self, profile: Any) -> list[str]:
        name = profile.masked_name or gettext("unnamed")
        return [name, f"…{str(profile.uuid)[-12:]}", initials(profile.masked_name)]

    @display(description=_("e-mail"), empty_value="–")
    def email(self, profile: Any) -> str | None:
        email: str | None = profile.masked_traits.get("email")
        return email

    @display(description=_("city"), empty_value="–")
    def city(self, profile: Any) -> str | None:
        city = profile.masked_traits.get("city")
        return None if city is None else readable(city)

    @display(description=_("sources"))
    def sources(self, profile: Any) -> str:
        return ", ".join(profile.sources)

    @display(description=_("last seen"))
    def last_seen(self, profile: Profile) -> str:
        return moment_text(timezone.localtime(profile.last_seen_at))

    @display(description=_("status"), label={"restricted": "danger", "active": "success"})
    def restricted(self, profile: Profile) -> tuple[str, str]:
        words = gettext("restricted") if profile.is_restricted else gettext("active")
        return status_of(profile), words

    def find(self, request: HttpRequest) -> HttpResponse:
        """Go to the profile of an identifier.

        The identifier comes by POST, because it is personal data and would be logged in a URL.
        """
        require(request, "profiles.view_profile")
        query = request.POST.get("identifier", "")[:300].strip()
        # Each answer tells whether somebody is known, so that guessing has to be slow.
        if query and seconds_to_wait(Throttle.FIND, request.user.pk):
            return HttpResponse(_("Too many searches. Try again later."), status=429)
        profile_ids = find_profiles(query) if query else []
        if query:
            search_made(actor=staff_actor(request), found=len(profile_ids))
        if len(profile_ids) == 1:
            return redirect("admin:profiles_profile_change", profile_ids[0])
        if not profile_ids:
            if query:
                messages.warning(request, _("Nobody holds this identifier."))
            return redirect("admin:profiles_profile_changelist")
        return self.choice_page(request, profile_ids)

    def choice_page(self, request: HttpRequest, profile_ids: Sequence[int]) -> HttpResponse:
        """Render a choice of profiles that have one value in different namespaces."""
        mask = mask_for(request)
        people = [
            {"profile": profile, "name": display_name(profile.traits, mask) or gettext("anonymous")}
            for profile in Profile.objects.filter(pk__in=profile_ids)
            if not profile.is_restricted or request.user.has_perm(SEE_RESTRICTED)
        ]
        return self.page(
            request, "admin/tessera/several.html", title=gettext("Several people"), people=people
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Render the page of one profile."""
        profile = self.get_object(request, object_id or "")
        require(request, "profiles.view_profile")
        if profile is None:
            return self.redirect_missing(request, object_id)
        if profile.is_restricted and not request.user.has_perm(SEE_RESTRICTED):
            return self.page(
                request,
                self.change_form_template,
                title=gettext("Restricted profile"),
                profile=profile,
            )
        return self.profile_page(request, profile, mask_for(request))

    def profile_page(self, request: HttpRequest, profile: Profile, mask: Mask) -> HttpResponse:
        name = display_name(profile.traits, mask)
        name_id = request.GET.get("name", "")
        identifiers = page.identifiers_of(profile)
        own = [each.pk for each in identifiers if each.value == str(profile.uuid)]
        note_reads(own, StaffRead.Page.PROFILE, reader=staff_actor(request), is_open=mask.is_open)
        can_decide = request.user.has_perm(DECIDE) and mask.is_open
        return self.page(
            request,
            self.change_form_template,
            title=name or gettext("Anonymous visitor"),
            profile=profile,
            is_open=True,
            initials=initials(name),
            cards=page.cards(profile, mask),
            identifiers=[
                {
                    "row": identifier,
                    "value": mask.identifier(identifier.namespace, identifier.value),
                }
                for identifier in identifiers
            ],
            graph=page.graph(
                identifiers, mask, partial(parting_url, profile) if can_decide else None
            ),
            merges=page.merges_of(profile),
            looks=looks_at(identifiers) if request.user.has_perm(SEE_LOOKS) else [],
            timeline=timeline(
                profile,
                mask,
                before=Cursor.read(request.GET.get("before", "")),
                # At most 17 digits, which fit a bigint.
                name=int(name_id) if name_id.isdecimal() and len(name_id) < 18 else None,
                now=timezone.now(),
            ),
            sections=list(sections.render(request, profile, mask)),
            links=self.links(request, profile),
            can_rectify=request.user.has_perm(RECTIFY) and mask.is_open,
            can_decide=can_decide,
        )

    def section(self, request: HttpRequest, pk: int, key: str) -> HttpResponse:
        """Render one section that the page asks for by itself, since it takes longer."""
        require(request, "profiles.view_profile")
        profile: Profile = self.found_or_404(request, str(pk))
        section = sections.one(key, request)
        is_hidden = profile.is_restricted and not request.user.has_perm(SEE_RESTRICTED)
        if section is None or is_hidden:
            raise Http404
        return HttpResponse(rendered(section, request, profile, mask_for(request)))

    def links(self, request: HttpRequest, profile: Profile) -> list[Link]:
        visible = sections.visible(request)
        return [link for section in visible for link in section.links(request, profile)]

    def rectify(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form for a correction, then lock the trait at the corrected value."""
        require(request, RECTIFY)
        require(request, SEE_CONTACTS)
        profile = self.found_or_404(request, str(pk))
        back = reverse("admin:profiles_profile_change", args=[pk])
        form = correction_form(request, profile)
        if not form.is_valid():
            question = Question(
                title=gettext("Correct a trait"),
                form=form,
                submit=gettext("Correct and lock"),
                back=back,
                warning=gettext("The value stands whatever sources send later."),
            )
            return question_page(self, request, question)
        try:
            form.correct(profile, actor=staff_actor(request))
        except ContactNotFree as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request,
                gettext("%s is corrected, or decided anew.") % form.cleaned_data["key"],
            )
        return redirect(back)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form for a verdict, then what it would do, then do it."""
        profile = self._decidable(request, pk)
        form = DecideForm(
            profile,
            request.POST or None,
            with_restricted=request.user.has_perm(SEE_RESTRICTED),
            initial=pair_of(profile, request.GET),
        )
        effects = form.effects(actor=staff_actor(request))
        if effects is not None and form.was_tried:
            messages.success(request, gettext("The verdict stands. It can be undone."))
            return redirect("admin:profiles_identitydecision_changelist")
        back = reverse("admin:profiles_profile_change", args=[pk])
        is_first = effects is None and not form.is_bound
        return self.page(
            request,
            "admin/profiles/deciding.html",
            title=gettext("Decide who is who"),
            question=decide_question(form, effects, back),
            media=self.media + form.media,
            ties=ties_of(profile) if is_first else (),
            verdicts=verdicts_on(profile) if is_first else (),
        )

    def undo(self, request: HttpRequest, pk: int, uuid: UUID) -> HttpResponse:
        """Show what undoing a verdict would do, then undo it."""
        profile = self._decidable(request, pk)
        restricted = request.user.has_perm(SEE_RESTRICTED)
        return undo_page(self, request, profile, uuid, restricted=restricted)

    def _decidable(self, request: HttpRequest, pk: int) -> Profile:
        """Return the profile. Raises PermissionDenied unless the user may decide about it."""
        require(request, DECIDE)
        require(request, SEE_CONTACTS)
        profile: Profile = self.found_or_404(request, str(pk))
        if profile.is_restricted:
            require(request, SEE_RESTRICTED)
        return profile


def find_profiles(query: str) -> list[int]:
    """Return the profiles that have `namespace:value`, or the value in any namespace."""
    namespace, colon, _ = query.partition(":")
    if colon and namespace.replace("_", "").replace(".", "").isalnum():
        return list(profiles_by_reference([query]).values())
    identifiers = Identifier.objects.filter(
        value__in={query, *_stored_spellings(query)}, profile__isnull=False
    )
    profile_ids = identifiers.values_list("profile_id", flat=True)[:MOST_FOUND]
    return [profile_id for profile_id in dict.fromkeys(profile_ids) if profile_id is not None]


def _stored_spellings(value: str) -> list[str]:
    """Return how the value would be stored as an address, a telephone number or a public UUID."""
    spellings = [value.lower()]
    for namespace in ("email", "phone", PROFILE):
        try:
            spellings.append(normalise(namespace, value, region=settings.DEFAULT_PHONE_REGION))
        except InvalidIdentifier:
            continue
    return spellings
