"""Opening a privacy request about one person, in two pages.

Invariant: staff open a request only with a reason and after seeing what it is about.
"""

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from consent.admin.desk.steps import ConfirmedRequestForm, IdentifierForm, NewRequestForm
from consent.models import PrivacyRequest
from consent.requests.cooling import must_cool
from consent.services import NewRequest, events_of, open_request
from profiles.admin.kit.base import MaskedAdmin, Question, question_page, require, staff_actor
from profiles.identifiers.lookup import profiles_by_reference
from profiles.models import EventStat, Identifier, Profile, SourceRecord

OPEN = "consent.add_privacyrequest"
Kind, Door = PrivacyRequest.Kind, PrivacyRequest.Door


def open_page(admin: MaskedAdmin, request: HttpRequest, profile_id: int) -> HttpResponse:
    """Ask for kind and reason, then show what the request is about, then open it."""
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
        return question_page(admin, request, question)
    if "confirmed" not in request.POST:
        return question_page(admin, request, _confirmation(profile, form, back))
    privacy_request = open_request(
        NewRequest(
            kind=form.cleaned_data["kind"],
            references=(f"profile:{profile.uuid}",),
            reason=form.cleaned_data["reason"],
        ),
        door=Door.STAFF,
        actor=staff_actor(request),
    )
    messages.success(request, gettext("The request is open: %s.") % privacy_request)
    return redirect("admin:consent_privacyrequest_change", privacy_request.pk)


def open_by_identifier(admin: MaskedAdmin, request: HttpRequest) -> HttpResponse:
    """Open a request by an identifier; where somebody has it, on the page of that person.

    What nobody has is answered as well: that nothing is held.
    """
    require(request, OPEN)
    form = IdentifierForm(request.POST or None)
    back = reverse("admin:consent_privacyrequest_changelist")
    if not form.is_valid():
        question = Question(
            title=gettext("Open a privacy request"),
            form=form,
            submit=gettext("Continue"),
            back=back,
            warning=gettext("Where somebody has the identifier, their data are shown next."),
        )
        return question_page(admin, request, question)
    reference = form.cleaned_data["identifier"]
    for profile_id in profiles_by_reference([reference]).values():
        return redirect("admin:consent_privacyrequest_open", profile_id)
    privacy_request = open_request(
        NewRequest(
            kind=form.cleaned_data["kind"],
            references=(reference,),
            reason=form.cleaned_data["reason"],
        ),
        door=Door.STAFF,
        actor=staff_actor(request),
    )
    messages.info(request, gettext("Nothing is held under this identifier. Say so in the answer."))
    return redirect("admin:consent_privacyrequest_change", privacy_request.pk)


def _confirmation(profile: Profile, form: NewRequestForm, back: str) -> Question:
    """Return the page that shows how much data the request is about."""
    kind = Kind(form.cleaned_data["kind"])
    names = {"kind": kind.label}
    return Question(
        title=gettext("Open a request of %(kind)s?") % names,
        form=ConfirmedRequestForm(initial=form.cleaned_data | {"confirmed": True}),
        submit=gettext("Open the request of %(kind)s") % names,
        back=back,
        warning=_warning(kind),
        counts=count_rows(profile),
        is_dangerous=kind == Kind.ERASURE,
    )


def _warning(kind: str) -> str:
    if kind != Kind.ERASURE:
        return gettext("This is what the request is about.")
    if must_cool(kind, Door.STAFF):
        return gettext(
            "Everything below is erased for good, and the person cannot be imported again. Until "
            "the cooling-off time ends it can be stopped; the person is restricted at once."
        )
    return gettext("Everything below is erased for good, and the person cannot be imported again.")


def count_rows(profile: Profile) -> dict[str, int]:
    """Count the rows of a profile by kind."""
    # From the statistics: counting a customer's events themselves could take long.
    events = EventStat.objects.filter(profile_id=profile.pk).aggregate(events=Sum("count"))
    return {
        gettext("Identifiers"): Identifier.objects.filter(profile=profile).count(),
        gettext("Events"): events["events"] or 0,
        gettext("Records of sources"): SourceRecord.objects.filter(profile=profile).count(),
        gettext("Traits"): len(profile.traits),
        gettext("Consent events"): events_of([profile.pk]).count(),
    }
