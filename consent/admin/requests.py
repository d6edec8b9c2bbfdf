"""Privacy requests in the admin: their deadlines, steps and receipts, and the pages to act on them.

Invariant: staff open a request only with a reason and after seeing what it is about. Every step
goes through the services.
"""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.request_actions import REQUEST_ACTIONS, ConfirmedRequestForm, NewRequestForm
from consent.models import AccessArchive, PrivacyRequest
from consent.requests.deadlines import CLOSED, time_left
from consent.requests.lifecycle import NewRequest
from consent.services import (
    ArchiveGone,
    WrongStatus,
    act_on_request,
    events_of,
    open_request,
    take_archive,
)
from profiles.admin.kit.base import MaskedAdmin, Question, question_page, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import display
from profiles.lib.database import database_now
from profiles.models import EventStat, Identifier, Profile, SourceRecord
from profiles.services import actor_names

OPEN, ACT = "consent.add_privacyrequest", "consent.change_privacyrequest"
Kind, Status = PrivacyRequest.Kind, PrivacyRequest.Status
SET_APART = "set_apart"
STATUS_COLOURS = {
    Status.RECEIVED: "info",
    Status.VERIFIED: "info",
    Status.IN_PROGRESS: "info",
    Status.AWAITING_VERIFICATION: "warning",
    Status.DONE: "success",
    Status.REFUSED: "danger",
    Status.CANCELLED: "default",
    SET_APART: "danger",
}


class OpenFilter(admin.SimpleListFilter):
    """Filters by whether the request is still open; open requests are sorted by deadline."""

    title = _("open")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("open")), ("no", gettext("closed"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PrivacyRequest]
    ) -> QuerySet[PrivacyRequest]:
        if self.value() == "yes":
            return queryset.exclude(status__in=CLOSED).order_by("due_at")
        return queryset.filter(status__in=CLOSED) if self.value() == "no" else queryset


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(MaskedAdmin):
    """Privacy requests and their deadlines."""

    list_display = ("kind_label", "status_label", "days_left", "door", "received_at", "due_at")
    list_filter = (OpenFilter, "kind", "status", "door")
    sortable_by = ("received_at", "due_at")
    audit_type = "privacy_request"

    def audit_key(self, row: PrivacyRequest) -> str:
        return str(row.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # Requests are opened from the page of a profile, so that it is clear whom they are about.
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("open/<int:profile_id>/", view(self.open), name="consent_privacyrequest_open"),
            *(
                path(
                    f"<uuid:pk>/{step}/",
                    view(self.step),
                    {"step": step},
                    name=f"consent_privacyrequest_{step}",
                )
                for step in REQUEST_ACTIONS
            ),
            path("<uuid:pk>/act/", view(self.act), name="consent_privacyrequest_act"),
            path("<uuid:pk>/archive/", view(self.archive), name="consent_privacyrequest_archive"),
            *super().get_urls(),
        ]

    @display(description=_("request"))
    def kind_label(self, privacy_request: PrivacyRequest) -> str:
        return privacy_request.get_kind_display()

    @display(description=_("status"), label=STATUS_COLOURS)
    def status_label(self, privacy_request: PrivacyRequest) -> tuple[str, str]:
        if privacy_request.failed_at and privacy_request.status not in CLOSED:
            return SET_APART, gettext("set apart")
        return privacy_request.status, privacy_request.get_status_display()

    @display(
        description=_("time left"),
        label={"overdue": "danger", "due soon": "warning", "in time": "success", "": "info"},
    )
    def days_left(self, privacy_request: PrivacyRequest) -> tuple[str, str]:
        return time_left(privacy_request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page of one request."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        privacy_request = self.get_object(request, object_id or "")
        if privacy_request is None:
            return self.redirect_missing(request, object_id)
        mask = privacy_request.mask
        body = mask.tree({"reason": privacy_request.reason, **privacy_request.body})
        # These two consist of identifiers and traits, so masking single values is not enough.
        if not mask.is_open:
            body.pop("references", None)
            body.pop("changes", None)
        archive = AccessArchive.objects.defer("content").filter(request=privacy_request).first()
        log = list(privacy_request.log.all())
        names = actor_names([privacy_request.requested_by, *(entry.actor for entry in log)])
        return self.page(
            request,
            "admin/consent/request.html",
            title=str(privacy_request),
            privacy_request=privacy_request,
            urgency=time_left(privacy_request),
            log=[(entry, names[entry.actor]) for entry in log],
            requested_by=names[privacy_request.requested_by],
            receipt=formatted_json(privacy_request.receipt),
            body=formatted_json(body),
            profiles=list(profiles_of(privacy_request)),
            archive=archive,
            can_be_fetched=archive is not None
            and archive.fetched_at is None
            and archive.expires_at > timezone.now(),
            may=self.permitted_steps(request, privacy_request),
        )

    def permitted_steps(
        self, request: HttpRequest, privacy_request: PrivacyRequest
    ) -> dict[str, bool]:
        """Return which buttons to show, by the status of the request and the user's permissions."""
        may_act = request.user.has_perm(ACT)
        status = privacy_request.status
        is_unverified = status in (Status.RECEIVED, Status.AWAITING_VERIFICATION)
        can_be_extended = status not in CLOSED and privacy_request.extended_at is None
        return {
            "verify": may_act and is_unverified,
            "refuse": may_act and status not in (*CLOSED, Status.RECEIVED),
            "cancel": may_act and is_unverified,
            "extend": may_act and can_be_extended,
            "act": may_act and status in (Status.VERIFIED, Status.IN_PROGRESS),
            "archive": may_act and request.user.has_perm(SEE_CONTACTS),
        }

    def open(self, request: HttpRequest, profile_id: int) -> HttpResponse:
        """Open a request about a profile, in two pages.

        The first asks for kind and reason, the second shows what the request is about.
        """
        require(request, OPEN)
        require(request, "profiles.view_profile")
        profile = Profile.objects.filter(pk=profile_id).first()
        back = reverse("admin:profiles_profile_change", args=[profile_id])
        if profile is None:
            return redirect("admin:profiles_profile_changelist")
        form = NewRequestForm(request.POST or None)
        if not form.is_valid():
            question = Question(
                title=gettext("Open a privacy request"),
                form=form,
                submit=gettext("Continue"),
                back=back,
            )
            return question_page(self, request, question)
        if "confirmed" not in request.POST:
            return self.confirm(request, profile, form, back)
        privacy_request = open_request(
            NewRequest(
                kind=form.cleaned_data["kind"],
                references=(f"profile:{profile.uuid}",),
                reason=form.cleaned_data["reason"],
            ),
            door=PrivacyRequest.Door.STAFF,
            actor=staff_actor(request),
        )
        messages.success(request, gettext("The request is open: %s.") % privacy_request)
        return redirect("admin:consent_privacyrequest_change", privacy_request.pk)

    def confirm(
        self, request: HttpRequest, profile: Profile, form: NewRequestForm, back: str
    ) -> HttpResponse:
        """Show how much data the request is about, and ask for confirmation."""
        kind = Kind(form.cleaned_data["kind"])
        is_erasure = kind == Kind.ERASURE
        question = Question(
            title=f"Open a request of {kind.label}?",
            form=ConfirmedRequestForm(initial=form.cleaned_data | {"confirmed": True}),
            submit=f"Open the request of {kind.value}",
            back=back,
            warning="Everything below is erased for good, and the person cannot be imported again."
            if is_erasure
            else "This is what the request is about.",
            counts=count_data(profile),
            is_dangerous=is_erasure,
        )
        return question_page(self, request, question)

    def step(self, request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
        """Ask for the fields of a step, then take it."""
        require(request, ACT)
        privacy_request = self.found_or_404(request, str(pk))
        request_action = REQUEST_ACTIONS[step]
        back = reverse("admin:consent_privacyrequest_change", args=[pk])
        form = request_action.form(request.POST or None)
        if not form.is_valid():
            return question_page(self, request, request_action.question(form, back))
        try:
            request_action.perform(privacy_request, form.cleaned_data, staff_actor(request))
            status = privacy_request.get_status_display()
            messages.success(request, gettext("The request is now: %s.") % status)
        except (WrongStatus, ValueError) as error:
            # Somebody else may have moved the request since the page was shown.
            messages.error(request, str(error))
        return redirect(back)

    def act(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Fulfil a request at once instead of waiting for a worker."""
        require(request, ACT)
        self.found_or_404(request, str(pk))
        if request.method == "POST":
            if act_on_request(pk, actor=staff_actor(request)):
                messages.success(request, _("Done."))
            else:
                messages.info(request, _("Not done yet: messages are still on their way in."))
        return redirect("admin:consent_privacyrequest_change", pk)

    def archive(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Download the archive, once."""
        require(request, ACT)
        require(request, SEE_CONTACTS)
        privacy_request = self.found_or_404(request, str(pk))
        page = redirect("admin:consent_privacyrequest_change", pk)
        # A GET, such as one of a prefetching browser, must not use the archive up.
        if request.method != "POST":
            return page
        try:
            content = take_archive(privacy_request, actor=staff_actor(request), now=database_now())
        except ArchiveGone as error:
            messages.error(request, str(error))
            return page
        response = HttpResponse(content, content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{privacy_request.pk}.zip"'
        response["Cache-Control"] = "no-store"
        return response


def profiles_of(privacy_request: PrivacyRequest) -> QuerySet[Profile]:
    """Return the profiles that now have the identifiers of a request."""
    identifiers = Identifier.objects.filter(pk__in=privacy_request.identifier_ids)
    return Profile.objects.filter(pk__in=identifiers.values("profile_id"))


def count_data(profile: Profile) -> dict[str, int]:
    """Count the data of a profile by kind."""
    # From the statistics: counting a customer's events themselves could take long.
    events = EventStat.objects.filter(profile_id=profile.pk).aggregate(events=Sum("count"))
    consents = events_of([profile.pk])
    return {
        "Identifiers": Identifier.objects.filter(profile=profile).count(),
        "Events": events["events"] or 0,
        "Records of sources": SourceRecord.objects.filter(profile=profile).count(),
        "Traits": len(profile.traits),
        "Consent events": consents.count(),
    }


def formatted_json(value: Any) -> str:
    """Return a value as indented JSON, or nothing where it is empty."""
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2) if value else ""
