"""Legal holds in the admin: who has one, what it keeps, and the pages to place and lift one.

Invariant: what is held is shown only to staff who may act on privacy requests and see contact data.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent.admin.desk.page import ACT
from consent.admin.desk.steps import ReasonForm
from consent.admin.titles import title_of
from consent.holds.rows import count_rows
from consent.models import HeldRow, LegalHold
from consent.services import (
    HoldLifted,
    InvalidHold,
    NewHold,
    change_hold,
    holdable_stores,
    lift_hold,
    place_hold,
)
from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import display
from profiles.lib.database import database_now
from profiles.models import Identifier, Profile
from profiles.services import actor_names

SHOWN_ROWS = 100
PLACED, DUE, LIFTED = "placed", "due", "lifted"
# What the form proposes; staff choose.
_REVIEW_AFTER = timedelta(days=180)


class TermsForm(forms.Form):
    """Asks for what may change while a hold stands."""

    reason = forms.CharField(
        max_length=2000, label=_("Reason"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    case_reference = forms.CharField(
        max_length=120,
        required=False,
        label=_("Case"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("The reference of the case, such as a file number."),
    )
    review_on = forms.DateField(
        label=_("Review on"),
        widget=UnfoldAdminSingleDateWidget(),
        help_text=_("Staff are reminded from this day on. Nothing is released by itself."),
    )


class NewHoldForm(TermsForm):
    """Asks what of a person to keep, and why."""

    stores = forms.MultipleChoiceField(
        label=_("What to keep"), widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    kinds = forms.CharField(
        required=False,
        label=_("Only these kinds"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_(
            "One a line, such as “events: Order Completed” or “source_records: shop”. A store "
            "without a line is kept whole."
        ),
    )
    sources = forms.CharField(
        required=False,
        label=_("Keep messages of"),
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Keys of sources whose messages are still kept after the erasure."),
    )
    ground = forms.ChoiceField(
        label=_("Ground"), choices=LegalHold.Ground.choices, widget=UnfoldAdminSelectWidget()
    )
    field_order = ("stores", "kinds", "sources", "ground", "reason", "case_reference", "review_on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By a setter that fields of other kinds lack.
        self.fields["stores"].choices = [  # type: ignore[attr-defined]
            (store, f"{title_of(data)} ({store})") for store, data in holdable_stores().items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        scope: dict[str, list[str]] = {store: [] for store in cleaned.get("stores", ())}
        for line in cleaned.get("kinds", "").splitlines():
            store, _colon, kind = (part.strip() for part in line.partition(":"))
            if line.strip() and (store not in scope or not kind):
                self.add_error("kinds", gettext("A line names a store that is chosen, and a kind."))
            elif line.strip():
                scope[store].append(kind)
        return {**cleaned, "scope": scope, "sources": cleaned.get("sources", "").split()}


class StandingFilter(admin.SimpleListFilter):
    """Filters by whether a hold still stands, and whether somebody should look at it."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (PLACED, gettext("standing")),
            (DUE, gettext("review due")),
            (LIFTED, gettext("lifted")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LegalHold]) -> QuerySet[LegalHold]:
        match self.value():
            case "placed":
                return queryset.filter(lifted_at=None)
            case "due":
                return queryset.filter(lifted_at=None, review_on__lte=database_now().date())
            case "lifted":
                return queryset.filter(lifted_at__isnull=False)
        return queryset


@admin.register(LegalHold)
class LegalHoldAdmin(ReadOnlyAdmin):
    """Legal holds, which are placed from the page of a profile."""

    list_display = ("ground_label", "state", "review_on", "placed_at")
    list_filter = (StandingFilter, "ground", "placed_at")
    sortable_by = ("review_on", "placed_at")
    audit_type = "legal_hold"
    seen_with = "consent.view_privacyrequest"

    def audit_key(self, row: LegalHold) -> str:
        return str(row.pk)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("place/<int:profile_id>/", view(self.place), name="consent_legalhold_place"),
            path("<uuid:pk>/lift/", view(self.lift), name="consent_legalhold_lift"),
            path("<uuid:pk>/edit/", view(self.edit), name="consent_legalhold_edit"),
            *super().get_urls(),
        ]

    @display(description=_("ground"))
    def ground_label(self, hold: LegalHold) -> str:
        return hold.get_ground_display()

    @display(description=_("state"), label={PLACED: "info", DUE: "danger", LIFTED: "default"})
    def state(self, hold: LegalHold) -> tuple[str, str]:
        return state_of(hold)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what a hold keeps, and of whom."""
        hold = self.found_or_404(request, object_id or "")
        may_act = request.user.has_perm(ACT)
        sees_rows = may_act and request.user.has_perm(SEE_CONTACTS)
        rows = HeldRow.objects.filter(hold=hold)
        names = actor_names(filter(None, (hold.placed_by, hold.lifted_by)))
        stores = holdable_stores()
        return self.page(
            request,
            "admin/consent/hold.html",
            title=str(hold),
            hold=hold,
            state=state_of(hold),
            scope=[(title_of(stores[store]), kinds) for store, kinds in hold.scope.items()],
            profiles=Profile.objects.filter(
                pk__in=Identifier.objects.filter(pk__in=hold.identifier_ids).values("profile_id")
            ),
            counts=[(title_of(stores[key]), count) for key, count in count_rows(rows).items()],
            rows=list(rows.order_by("-pk")[:SHOWN_ROWS]) if sees_rows else [],
            shown_rows=SHOWN_ROWS,
            sees_words=may_act,
            placed_by=names[hold.placed_by],
            lifted_by=names.get(hold.lifted_by, ""),
            may_act=may_act and hold.lifted_at is None,
        )

    def place(self, request: HttpRequest, profile_id: int) -> HttpResponse:
        """Ask what of a person to keep, and place the hold."""
        require(request, ACT)
        require(request, "profiles.view_profile")
        profile = Profile.objects.filter(pk=profile_id).first()
        if profile is None:
            return redirect("admin:profiles_profile_changelist")
        review_on = database_now().date() + _REVIEW_AFTER
        form = NewHoldForm(request.POST or None, initial={"review_on": review_on})
        if form.is_valid() and (hold := _placed(form, profile, request)):
            messages.success(request, gettext("The hold is placed."))
            return redirect("admin:consent_legalhold_change", hold.pk)
        question = Question(
            title=gettext("Place a legal hold"),
            form=form,
            submit=gettext("Place the hold"),
            back=reverse("admin:profiles_profile_change", args=[profile_id]),
            warning=gettext(
                "An erasure takes everything but what is named here. What is kept is in no segment "
                "and leaves by no outlet."
            ),
        )
        return question_page(self, request, question)

    def edit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask when the hold is reviewed next, and for its reason and case."""
        require(request, ACT)
        hold = self.found_or_404(request, str(pk))
        initial = {name: getattr(hold, name) for name in TermsForm.base_fields}
        form = TermsForm(request.POST or None, initial=initial)
        back = redirect("admin:consent_legalhold_change", pk)
        if form.is_valid() and _changed(form, hold, request):
            messages.success(request, gettext("The hold is changed."))
            return back
        question = Question(
            title=gettext("Change the hold"),
            form=form,
            submit=gettext("Save"),
            back=reverse("admin:consent_legalhold_change", args=[pk]),
        )
        return question_page(self, request, question)

    def lift(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask why the hold ends, and lift it."""
        require(request, ACT)
        hold = self.found_or_404(request, str(pk))
        back = reverse("admin:consent_legalhold_change", args=[pk])
        form = ReasonForm(request.POST or None)
        if not form.is_valid():
            question = Question(
                title=gettext("Lift the hold"),
                form=form,
                submit=gettext("Lift the hold"),
                back=back,
                warning=gettext(
                    "What only this hold keeps of an erased person is deleted at once and for good."
                ),
                counts=count_rows(HeldRow.objects.filter(hold=hold)) or None,
                is_dangerous=True,
            )
            return question_page(self, request, question)
        try:
            lift_hold(
                hold,
                actor=staff_actor(request),
                reason=form.cleaned_data["reason"],
                now=database_now(),
            )
            messages.success(request, gettext("The hold is lifted; the erasure goes on."))
        except HoldLifted as error:
            messages.error(request, str(error))
        return redirect(back)


def state_of(hold: LegalHold) -> tuple[str, str]:
    """Return the state of a hold and its name."""
    if hold.lifted_at is not None:
        return LIFTED, gettext("lifted")
    # The clock of this machine: the list asks it for each row.
    if hold.review_on <= timezone.now().date():
        return DUE, gettext("review due")
    return PLACED, gettext("standing")


def _placed(form: NewHoldForm, profile: Profile, request: HttpRequest) -> LegalHold | None:
    """Place a hold, or put what is wrong with it into the form."""
    fields = form.cleaned_data
    new_hold = NewHold(
        references=[f"profile:{profile.uuid}"],
        scope=fields["scope"],
        sources=fields["sources"],
        ground=fields["ground"],
        reason=fields["reason"],
        case_reference=fields["case_reference"],
        review_on=fields["review_on"],
    )
    try:
        return place_hold(new_hold, actor=staff_actor(request), now=database_now())
    except InvalidHold as error:
        field = error.path if error.path in form.fields else None
        form.add_error(field, str(error))
        return None


def _changed(form: TermsForm, hold: LegalHold, request: HttpRequest) -> bool:
    """Change a hold, or put what is wrong with it into the form."""
    try:
        change_hold(hold, changes=form.cleaned_data, actor=staff_actor(request), now=database_now())
    except (InvalidHold, HoldLifted) as error:
        form.add_error("review_on", str(error))
        return False
    return True
