"""Privacy requests: their deadlines, steps and receipts, and how staff open and decide them.

Invariant: nothing is opened without a reason and a look at what it is about, and every step goes through the services.
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
from unfold.decorators import display

from consent.admin.request_actions import REQUEST_ACTIONS, ConfirmedRequestForm, NewRequestForm
from consent.models import AccessArchive, ConsentEvent, PrivacyRequest
from consent.requests.lifecycle import NewRequest
from consent.services import (
    ArchiveGone,
    WrongStatus,
    act_on,
    open_request,
    take_archive,
)
from profiles.admin.kit.base import MaskedAdmin, Question, question_page, require
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.lib.database import database_now
from profiles.models import EventStat, Identifier, Profile, SourceRecord

OPEN, ACT = "consent.add_privacyrequest", "consent.change_privacyrequest"
Kind, Status = PrivacyRequest.Kind, PrivacyRequest.Status
CLOSED = (Status.DONE, Status.REFUSED, Status.CANCELLED)
STATUSES = {
    **dict.fromkeys(("received", "verified", "in progress"), "info"),
    **dict.fromkeys(("awaiting verification",), "warning"),
    "done": "success",
    "refused": "danger",
}


class OpenFilter(admin.SimpleListFilter):
    """Open requests have a deadline to keep."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "open"), ("no", "closed")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PrivacyRequest]
    ) -> QuerySet[PrivacyRequest]:
        if self.value() == "yes":
            return queryset.exclude(status__in=CLOSED).order_by("due_at")
        return queryset.filter(status__in=CLOSED) if self.value() == "no" else queryset


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(MaskedAdmin):
    """What customers asked of us, and by when it is due."""

    list_display = ("kind_shown", "status_shown", "days_left", "door", "received_at", "due_at")
    list_filter = (OpenFilter, "kind", "status", "door")
    sortable_by = ("received_at", "due_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Opened from the page of a profile, where it is plain whom it is about."""
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

    @display(description="request")
    def kind_shown(self, request: PrivacyRequest) -> str:
        return request.get_kind_display()

    @display(description="status", label=STATUSES)
    def status_shown(self, request: PrivacyRequest) -> str:
        return request.get_status_display()

    @display(
        description="time left",
        label={"overdue": "danger", "due soon": "warning", "in time": "success", "": "info"},
    )
    def days_left(self, request: PrivacyRequest) -> tuple[str, str]:
        return time_left(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one request."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = self.get_object(request, object_id or "")
        if asked is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        body = asked.mask.tree({"reason": asked.reason, **asked.body})
        if not asked.mask.is_open:
            body.pop("references", None)
            body.pop("changes", None)
        archive = AccessArchive.objects.defer("content").filter(request=asked).first()
        return self.page(
            request,
            "admin/consent/request.html",
            title=str(asked),
            asked=asked,
            urgency=time_left(asked),
            log=list(asked.log.all()),
            receipt=formatted_json(asked.receipt),
            body=formatted_json(body),
            people=list(subjects(asked)),
            archive=archive,
            archive_is_there=archive is not None
            and archive.fetched_at is None
            and archive.expires_at > timezone.now(),
            may=self.steps_of(request, asked),
        )

    def steps_of(self, request: HttpRequest, asked: PrivacyRequest) -> dict[str, bool]:
        """Which buttons there are: by where the request stands, for who may press them."""
        may_act = request.user.has_perm(ACT)
        is_waiting = asked.status in (Status.RECEIVED, Status.AWAITING_VERIFICATION)
        is_active = asked.status in (Status.VERIFIED, Status.IN_PROGRESS)
        return {
            "verify": may_act and is_waiting,
            "refuse": may_act and asked.status not in (*CLOSED, Status.RECEIVED),
            "cancel": may_act and is_waiting,
            "extend": may_act and asked.status not in CLOSED and asked.extended_at is None,
            "act": may_act and is_active,
            "archive": may_act and request.user.has_perm(SEE_CONTACTS),
        }

    def open(self, request: HttpRequest, profile_id: int) -> HttpResponse:
        """Ask for kind and reason, show what it is about, and open the request once that is confirmed."""
        require(request, OPEN)
        require(request, "profiles.view_profile")
        profile = Profile.objects.filter(pk=profile_id).first()
        back = reverse("admin:profiles_profile_change", args=[profile_id])
        if profile is None:
            return redirect("admin:profiles_profile_changelist")
        form = NewRequestForm(request.POST or None)
        if not form.is_valid():
            question = Question(
                title="Open a privacy request", form=form, submit="Continue", back=back
            )
            return question_page(self, request, question)
        if "confirmed" not in request.POST:
            return self.confirm(request, profile, form, back)
        asked = open_request(
            NewRequest(
                kind=form.cleaned_data["kind"],
                references=(f"profile:{profile.uuid}",),
                reason=form.cleaned_data["reason"],
            ),
            door=PrivacyRequest.Door.STAFF,
            actor=request.user.get_username(),
        )
        messages.success(request, f"The request is open: {asked}.")
        return redirect("admin:consent_privacyrequest_change", asked.pk)

    def confirm(
        self, request: HttpRequest, profile: Profile, form: NewRequestForm, back: str
    ) -> HttpResponse:
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
            counts=counts_of(profile),
            is_dangerous=is_erasure,
        )
        return question_page(self, request, question)

    def step(self, request: HttpRequest, pk: UUID, step: str) -> HttpResponse:
        """Ask, then take the step, where the request still stands where it starts from."""
        require(request, ACT)
        asked, taken = self.found_or_404(request, str(pk)), REQUEST_ACTIONS[step]
        back = reverse("admin:consent_privacyrequest_change", args=[pk])
        form = taken.form(request.POST or None)
        if not form.is_valid():
            return question_page(self, request, taken.question(form, back))
        try:
            taken.take(asked, form.cleaned_data, request.user.get_username())
            messages.success(request, f"The request is {asked.get_status_display()}.")
        except (WrongStatus, ValueError) as fault:
            messages.error(request, str(fault))
        return redirect(back)

    def act(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Do now what a worker would do within seconds."""
        require(request, ACT)
        self.found_or_404(request, str(pk))
        if request.method == "POST":
            if act_on(pk):
                messages.success(request, "Done.")
            else:
                messages.info(request, "Not done yet: messages are still on their way in.")
        return redirect("admin:consent_privacyrequest_change", pk)

    def archive(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Hand out the archive, once."""
        require(request, ACT)
        require(request, SEE_CONTACTS)
        asked = self.found_or_404(request, str(pk))
        page = redirect("admin:consent_privacyrequest_change", pk)
        if request.method != "POST":
            return page
        try:
            content = take_archive(asked, now=database_now())
        except ArchiveGone as fault:
            messages.error(request, str(fault))
            return page
        self.log_change(request, asked, "fetched the archive")
        answer = HttpResponse(content, content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="{asked.pk}.zip"'
        answer["Cache-Control"] = "no-store"
        return answer


def time_left(asked: PrivacyRequest) -> tuple[str, str]:
    """How urgent a request is, and in words; nothing for a closed one."""
    if asked.status in CLOSED:
        return "", "closed"
    days = (timezone.localdate(asked.due_at) - timezone.localdate()).days
    if days < 0:
        return "overdue", f"{-days} day{'' if days == -1 else 's'} overdue"
    urgency = "due soon" if days <= 3 else "in time"
    return urgency, f"{days} day{'' if days == 1 else 's'} left"


def subjects(asked: PrivacyRequest) -> QuerySet[Profile]:
    """The profiles that a request is about, as far as they still are."""
    holders = Identifier.objects.filter(pk__in=asked.identifier_ids).values("profile_id")
    return Profile.objects.filter(pk__in=holders)


def counts_of(profile: Profile) -> dict[str, int]:
    """What is held of a person, by kind."""
    events = EventStat.objects.filter(profile_id=profile.pk).aggregate(events=Sum("count"))
    consents = ConsentEvent.objects.filter(identifier__profile_id=profile.pk)
    return {
        "Identifiers": Identifier.objects.filter(profile=profile).count(),
        "Events": events["events"] or 0,
        "Records of sources": SourceRecord.objects.filter(profile=profile).count(),
        "Traits": len(profile.traits),
        "Consent events": consents.count(),
    }


def formatted_json(body: Any) -> str:
    return json.dumps(body, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2) if body else ""
