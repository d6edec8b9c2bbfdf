"""Requests about many people in the admin: asking for them, and the page on which they wait.

Invariant: who asked for them is not offered to approve them, and the service refuses it as well.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.desk.bulk_forms import BulkForm, PastedBulkForm
from consent.admin.desk.opening import OPEN
from consent.admin.desk.page import ACT
from consent.admin.desk.steps import ReasonForm
from consent.models import BulkRequest, PrivacyRequest
from consent.requests.bulk import MOST_PEOPLE, requests_of
from consent.services import (
    WrongStatus,
    approve_bulk,
    break_glass,
    decline_bulk,
    open_bulk,
)
from profiles.admin.kit.base import (
    MaskedAdmin,
    MaskedList,
    Question,
    question_page,
    require,
    staff_actor,
)
from profiles.admin.kit.formatting import number
from profiles.admin.kit.list_actions import ListAction, list_actions
from profiles.admin.kit.people import display_name
from profiles.admin.kit.unfold import ChangeList, display
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from profiles.services import (
    Actor,
    SamePerson,
    actor_names,
    are_one_person,
    note_list,
    persons_of,
)

State = BulkRequest.State
CHOSEN = "bulk_persons"
SAMPLE = 5
_DECISIONS: dict[str, tuple[Any, Callable[..., None], Any]] = {
    "approve": (_("Approve"), approve_bulk, _("The requests are opened for all of them.")),
    "decline": (_("Decline"), decline_bulk, _("Nothing happens to anybody.")),
    "break": (
        _("Without a second person"),
        break_glass,
        _("Only where nobody else can approve it in time. All officers are told, with the reason."),
    ),
}


class BulkList(MaskedList):
    """A page of the list whose rows have the names of who asked, in two queries for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        names = actor_names({row.requested_by for row in rows})
        for row in rows:
            row.asker = names[row.requested_by]
        self.result_list = rows


@admin.register(BulkRequest)
class BulkRequestAdmin(MaskedAdmin):
    """Requests about many people."""

    list_display = ("kind_label", "people", "state_label", "asked_by", "requested_at")
    list_filter = ("state",)
    sortable_by = ("requested_at",)
    audit_type = "bulk_request"
    seen_with = "consent.view_privacyrequest"

    def audit_key(self, row: BulkRequest) -> str:
        return str(row.pk)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BulkList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OPEN)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *(
                path(
                    f"<uuid:pk>/{name}/",
                    view(self.decide),
                    {"name": name},
                    name=f"consent_bulkrequest_{name}",
                )
                for name in _DECISIONS
            ),
            *super().get_urls(),
        ]

    @display(description=_("request"))
    def kind_label(self, bulk: BulkRequest) -> str:
        return str(PrivacyRequest.Kind(bulk.kind).label)

    @display(description=_("people"))
    def people(self, bulk: BulkRequest) -> str:
        return number(len(bulk.person_ids))

    @display(description=_("asked by"))
    def asked_by(self, bulk: Any) -> str:
        return str(bulk.asker)

    @display(
        description=_("state"),
        label={State.OPEN: "warning", State.APPROVED: "success", State.BROKEN_GLASS: "danger"},
    )
    def state_label(self, bulk: BulkRequest) -> tuple[str, str]:
        return bulk.state, bulk.get_state_display()

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask whom it is about, which kind and why; then show how many they are; then open it."""
        require(request, OPEN)
        chosen = [int(pk) for pk in request.session.get(CHOSEN, ())]
        form_class = BulkForm if chosen else PastedBulkForm
        form = form_class(request.POST or None, persons=chosen)
        if not form.is_valid():
            return question_page(self, request, _question(form))
        if "confirmed" not in request.POST:
            return question_page(self, request, _confirmation(form))
        bulk = open_bulk(
            form.cleaned_data["kind"],
            form.persons,
            reason=form.cleaned_data["reason"],
            actor=staff_actor(request),
            now=database_now(),
        )
        request.session.pop(CHOSEN, None)
        return redirect("admin:consent_bulkrequest_change", bulk.pk)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show who asked for what, about how many, with a sample."""
        bulk = self.found_or_404(request, object_id or "")
        names = actor_names({bulk.requested_by, bulk.decided_by})
        sample = _sample(bulk)
        note_list(len(sample), reader=staff_actor(request), is_open=bulk.mask.is_open)
        return self.page(
            request,
            "admin/consent/bulk.html",
            title=gettext("Requests about many people"),
            bulk=bulk,
            kind=PrivacyRequest.Kind(bulk.kind).label,
            requested_by=names[bulk.requested_by],
            decided_by=names[bulk.decided_by],
            people=len(bulk.person_ids),
            sample=[(each, display_name(each.traits, bulk.mask)) for each in sample],
            requests=requests_of(bulk)[:SAMPLE],
            may=_may(request, bulk),
        )

    def decide(self, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
        """Ask for a reason, then decide. What was typed stays where it is refused."""
        require(request, ACT)
        bulk = self.found_or_404(request, str(pk))
        title, perform, warning = _DECISIONS[name]
        form = ReasonForm(request.POST or None)
        back = reverse("admin:consent_bulkrequest_change", args=[pk])
        if form.is_valid():
            try:
                perform(
                    bulk,
                    actor=staff_actor(request),
                    reason=form.cleaned_data["reason"],
                    now=database_now(),
                )
            except (SamePerson, WrongStatus, ValueError) as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, bulk.get_state_display())
                return redirect(back)
        question = Question(
            title=str(title),
            form=form,
            submit=str(title),
            back=back,
            warning=str(warning),
            is_dangerous=name != "decline",
        )
        return question_page(self, request, question)


def _may(request: HttpRequest, bulk: BulkRequest) -> dict[str, bool]:
    may_decide = bulk.state == State.OPEN and request.user.has_perm(ACT)
    is_own = are_one_person(Actor.parse(bulk.requested_by), staff_actor(request))
    return {"approve": may_decide and not is_own, "decline": may_decide, "break": may_decide}


def _sample(bulk: BulkRequest) -> list[Profile]:
    persons = Identifier.objects.filter(pk__in=bulk.person_ids[:SAMPLE], profile__isnull=False)
    return list(Profile.objects.filter(pk__in=list(persons.values_list("profile_id", flat=True))))


def _question(form: BulkForm) -> Question:
    return Question(
        title=gettext("Requests about many people"),
        form=form,
        submit=gettext("Continue"),
        back=reverse("admin:consent_bulkrequest_changelist"),
        counts={gettext("People"): len(form.persons)} if form.persons else None,
    )


def _confirmation(form: BulkForm) -> Question:
    """Return the page that shows about how many people it is, with the same fields hidden."""
    hidden = type(form)(initial=form.cleaned_data | {"confirmed": True}, persons=form.persons)
    hidden.fields["confirmed"] = forms.BooleanField()
    for field in hidden.fields.values():
        field.widget = forms.HiddenInput()
    counts = {gettext("People"): len(form.persons)}
    if form.not_held:
        counts[gettext("Identifiers that nobody has")] = form.not_held
    kind = PrivacyRequest.Kind(form.cleaned_data["kind"])
    return Question(
        title=gettext("Open a request of %(kind)s for each of them?") % {"kind": kind.label},
        form=hidden,
        submit=gettext("Open the requests"),
        back=reverse("admin:consent_bulkrequest_changelist"),
        counts=counts,
        is_dangerous=kind == PrivacyRequest.Kind.ERASURE,
    )


def _choose(request: HttpRequest, chosen: QuerySet[Profile]) -> HttpResponseRedirect:
    """Keep whom somebody has chosen in the list, and go on to kind and reason."""
    request.session[CHOSEN] = persons_of(list(chosen[:MOST_PEOPLE]))
    return redirect("admin:consent_bulkrequest_add")


list_actions.declare(
    ListAction(
        key="privacy_requests",
        title=_("Open privacy requests"),
        permission=OPEN,
        run=_choose,
    )
)
