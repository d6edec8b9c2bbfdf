"""Cases in the admin: an identifier in question, who is named with it, and the answer."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from profiles.admin.decisions import DECIDE, SEE_RESTRICTED
from profiles.admin.health import VIEW
from profiles.admin.identity import mask_identifier
from profiles.admin.kit.base import MaskedAdmin, require, staff_actor
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.unfold import display
from profiles.admin.sides import SideRow, compare_sides
from profiles.api.decision_effects import Effects, answer_case_with_effects
from profiles.cases.answers import POSSIBLE, VERDICTS
from profiles.cases.evidence import CaseView, view_of
from profiles.cases.queue import open_cases
from profiles.lib.queues import MOST_QUEUED, neighbours
from profiles.models import IdentityCase, Profile, StaffRead
from profiles.services import (
    CaseAnswered,
    CaseFault,
    DecisionConflict,
    DecisionError,
    count_open_cases,
    note_reads,
    persons_of,
    postpone_case,
)

Answer = IdentityCase.Answer
Kind = IdentityCase.Kind
LIST = "admin:profiles_identitycase_changelist"
PAGE = "admin:profiles_identitycase_change"
TRIAL, LATER = "try", "later"
STATES = {"open": "info", "answered": "success"}
MOST_SHOWN = 25
TITLES = {
    Kind.TWO_PEOPLE: _("Whose is it?"),
    Kind.TOO_MANY: _("One person, or a shared value?"),
    Kind.SHARED: _("Does it name anybody?"),
    Kind.AGAINST_VERDICT: _("Does the verdict still hold?"),
}
EXPLANATIONS = {
    Kind.TWO_PEOPLE: _(
        "Messages name it together with people whom a rule keeps apart, since each has another "
        "value of what is unique. It stayed with whom it named first."
    ),
    Kind.TOO_MANY: _(
        "Messages would give this person more identifiers of a kind than the rule of the kind "
        "allows. Those beyond it were refused."
    ),
    Kind.SHARED: _(
        "So many people are named with it that it tells nobody apart, such as a shared device or "
        "the address of a company."
    ),
    Kind.AGAINST_VERDICT: _(
        "Somebody proved to be named by both, though a verdict says that they are two people. "
        "The verdict holds until you change it."
    ),
}
# The key that gives each answer on the page.
KEYS = {
    Answer.SAME: "m",
    Answer.NOT_SAME: "n",
    Answer.RELATED: "r",
    Answer.RELEASED: "u",
    Answer.BLOCKED: "b",
    Answer.LEFT: "d",
}
LABELS = {
    Answer.SAME: _("One person"),
    Answer.NOT_SAME: _("Two people"),
    Answer.RELATED: _("One household"),
    Answer.RELEASED: _("Release it"),
    Answer.BLOCKED: _("It names nobody: block it"),
    Answer.LEFT: _("Leave it so"),
}
CONFIRMATIONS = {
    Answer.SAME: _("They are one person now. Under Verdicts it can be undone."),
    Answer.NOT_SAME: _("They stay two people. Under Verdicts it can be undone."),
    Answer.RELATED: _("They stay two people of one household."),
    Answer.RELEASED: _("Messages may name somebody by it again."),
    Answer.BLOCKED: _("No message names anybody by it from now on. Its rule has the value."),
    Answer.LEFT: _("It stays so, and is not asked again unless somebody proves otherwise."),
    LATER: _("It comes last now."),
}


class CaseAnswerForm(forms.Form):
    """What to do about a case, and why."""

    answer = forms.ChoiceField(choices=[(value, value) for value in (*CONFIRMATIONS, TRIAL)])
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=2000, widget=UnfoldAdminTextInputWidget()
    )


@admin.register(IdentityCase)
class IdentityCaseAdmin(MaskedAdmin):
    """The queue of cases; each is answered on its own page."""

    seen_with = VIEW
    list_display = (
        *("masked_identifier", "kind", "refusals", "last_day", "state_label", "answer"),
        "postponed_at",
    )
    list_filter = ("state", "kind")
    sortable_by = ()
    audit_type = "case"

    def audit_key(self, row: IdentityCase) -> str:
        return str(row.uuid)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityCase]:
        # Not joined: on a cluster identifiers are spread, and cases are not.
        cases: QuerySet[IdentityCase] = super().get_queryset(request)
        return cases.prefetch_related("identifier")

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show what speaks in a case, and take an answer."""
        require(request, VIEW)
        case: IdentityCase | None = self.get_object(request, object_id)
        if case is None:
            return self.redirect_missing(request, object_id)
        form = CaseAnswerForm(request.POST if request.method == "POST" else None)
        view = view_of(case, with_restricted=_sees_restricted(request))
        effects: Effects | None = None
        if request.method == "POST":
            require(request, DECIDE)
            if view is not None and form.is_valid():
                before, after = neighbours(open_cases(), case.pk)
                answer = form.cleaned_data["answer"]
                effects = self._answer(request, view, answer, form.cleaned_data["reason"])
                if effects is None:
                    following = after or before
                    return redirect(PAGE, following) if following else redirect(LIST)
        return self._show(request, case, view, form, effects)

    def _answer(
        self, request: HttpRequest, view: CaseView, answer: str, reason: str
    ) -> Effects | None:
        """Give the answer. Returns the effects of a trial, and none of what was done or refused."""
        effects: Effects | None = None
        try:
            if answer == LATER:
                postpone_case(view.case, actor=staff_actor(request))
            else:
                effects = _give(request, view, answer, reason)
        except CaseAnswered:
            messages.warning(request, gettext("Somebody has answered it."))
        except DecisionConflict as conflict:
            words = gettext("Another verdict or a rule keeps them apart: %(chain)s.")
            chain = " – ".join(identifier.namespace for identifier in conflict.chain)
            messages.error(request, words % {"chain": chain})
        except (CaseFault, DecisionError) as error:
            messages.error(request, str(error))
        else:
            if effects is None:
                messages.success(request, str(CONFIRMATIONS[answer]))
        return effects

    def _show(
        self,
        request: HttpRequest,
        case: IdentityCase,
        view: CaseView | None,
        form: CaseAnswerForm,
        effects: Effects | None,
    ) -> HttpResponse:
        before, after = neighbours(open_cases(), case.pk)
        kind = Kind(case.kind)
        _note_reads(request, case, view)
        return self.page(
            request,
            "admin/profiles/case.html",
            title=str(TITLES[kind]),
            case=case,
            view=view,
            explanation=EXPLANATIONS[kind],
            identifier=mask_identifier(case, case.identifier),
            holder=profile_link(case.identifier.profile_id, gettext("its person")),
            counterparts=self._counterparts(case, view),
            sides=_sides(case, view),
            form=form,
            effects=effects,
            answers=_answers(view) if view else [],
            is_open=case.state == IdentityCase.State.OPEN and view is not None,
            may_decide=request.user.has_perm(DECIDE),
            before=before and reverse(PAGE, args=[before]),
            after=after and reverse(PAGE, args=[after]),
            waiting=count_open_cases(),
            most_queued=MOST_QUEUED,
        )

    def _counterparts(self, case: IdentityCase, view: CaseView | None) -> list[dict[str, Any]]:
        shown = view.counterparts[:MOST_SHOWN] if view else ()
        return [
            {
                "row": each,
                "identifier": mask_identifier(case, each.identifier),
                "person": profile_link(each.identifier.profile_id, gettext("see the person")),
            }
            for each in shown
        ]

    @display(description=_("identifier"))
    def masked_identifier(self, case: IdentityCase) -> str:
        return mask_identifier(case, case.identifier)

    @display(description=_("state"), label=STATES)
    def state_label(self, case: IdentityCase) -> tuple[str, str]:
        return case.state, case.get_state_display()


def _note_reads(request: HttpRequest, case: Any, view: CaseView | None) -> None:
    """Note whose data the page shows: that of the holder, and of the one it is compared with."""
    if view is None:
        return
    shown = [case.identifier, *([view.question.identifier] if view.question else [])]
    profiles = Profile.objects.filter(pk__in=[each.profile_id for each in shown])
    note_reads(
        persons_of(profiles),
        StaffRead.Page.CASE,
        reader=staff_actor(request),
        is_open=case.mask.is_open,
    )


def _give(request: HttpRequest, view: CaseView, answer: str, reason: str) -> Effects | None:
    """Give an answer, or try what joining would do. Returns the effects of a trial only."""
    is_trial = answer == TRIAL
    given = Answer.SAME if is_trial else Answer(answer)
    effects = answer_case_with_effects(
        view.case,
        given,
        actor=staff_actor(request),
        other=view.question.identifier if given in VERDICTS and view.question else None,
        reason=reason,
        with_restricted=_sees_restricted(request),
        is_dry_run=is_trial,
    )
    return effects if is_trial else None


def _answers(view: CaseView) -> list[tuple[str, str, str]]:
    """Return the answers that the page offers: value, label and key."""
    is_quarantined = view.case.identifier.quarantined_at is not None
    return [
        (answer.value, str(LABELS[answer]), KEYS[answer])
        for answer in POSSIBLE[view.case.kind]
        if (answer not in VERDICTS or view.question)
        and (answer != Answer.RELEASED or is_quarantined)
    ]


def _sides(case: Any, view: CaseView | None) -> list[SideRow]:
    """Return the two people of the one question that is left, side by side."""
    if view is None or view.question is None:
        return []
    ids = [case.identifier.profile_id, view.question.identifier.profile_id]
    profiles = Profile.objects.in_bulk([pk for pk in ids if pk])
    if len(profiles) < 2:
        return []
    return compare_sides((profiles[ids[0]], profiles[ids[1]]), case.mask)


def _sees_restricted(request: HttpRequest) -> bool:
    return request.user.has_perm(SEE_RESTRICTED)
