"""Match proposals in the admin: two people side by side, what speaks for one person, the answer."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from profiles.admin.decisions import DECIDE, SEE_RESTRICTED, VIEW
from profiles.admin.kit.base import ReadOnlyAdmin, require, staff_actor
from profiles.admin.kit.masks import Mask, hide_text, mask_for
from profiles.admin.kit.unfold import display
from profiles.api.decision_effects import Effects, answer_with_effects
from profiles.lib.queues import MOST_QUEUED, neighbours
from profiles.matching.fields import Field
from profiles.matching.queue import count_open_proposals, open_proposals
from profiles.matching.views import ProposalView, views_of
from profiles.models import MatchProposal, Profile, StaffRead
from profiles.services import (
    DecisionConflict,
    DecisionError,
    ProposalAnswered,
    answer_proposal,
    note_reads,
    persons_of,
    postpone_proposal,
)

State = MatchProposal.State
LIST = "admin:profiles_matchproposal_changelist"
PAGE = "admin:profiles_matchproposal_change"
TRIAL, LATER = "try", "later"
STATES = {"open": "info", "accepted": "success", "declined": "warning", "related": "warning"}
FIELDS = {
    Field.GIVEN_NAME: _("Given name"),
    Field.SURNAME: _("Surname"),
    Field.BIRTH_DATE: _("Date of birth"),
    Field.EMAIL: _("E-mail"),
    Field.PHONE: _("Phone"),
    Field.STREET: _("Street"),
    Field.POSTCODE: _("Postcode"),
    Field.CITY: _("City"),
    Field.NATIONAL_ID: _("National id"),
}
SAID = {
    State.ACCEPTED: _("They are one person now. Under Verdicts it can be undone."),
    State.RELATED: _("They stay two people of one household."),
    State.DECLINED: _("They are not proposed again."),
    LATER: _("It comes last now."),
}


class AnswerForm(forms.Form):
    """What to do about a proposal, and why."""

    answer = forms.ChoiceField(choices=[(value, value) for value in (*SAID, TRIAL)])
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=2000, widget=UnfoldAdminTextInputWidget()
    )


class Bar(NamedTuple):
    """One step of the waterfall: from where to where the evidence moves, in percent of the width.

    `agrees` is "same", "alike" or "other", and empty where a side has no value. `bits` is the
    weight as text; `is_for` says that it speaks for one person.
    """

    label: str
    one: Sequence[str]
    other: Sequence[str]
    agrees: str
    bits: str
    left: str
    width: str
    is_for: bool


@admin.register(MatchProposal)
class MatchProposalAdmin(ReadOnlyAdmin):
    """The queue of proposals; each is answered on its own page."""

    seen_with = VIEW
    list_display = ("pair", "share", "state_label", "scored_at", "postponed_at", "answered_at")
    list_filter = ("state",)
    sortable_by = ()
    audit_type = "proposal"

    def audit_key(self, row: MatchProposal) -> str:
        return str(row.uuid)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MatchProposal]:
        # Not joined: on a cluster identifiers are spread, and proposals are not.
        proposals: QuerySet[MatchProposal] = super().get_queryset(request)
        return proposals.prefetch_related("one", "other")

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the two people side by side, and take an answer."""
        require(request, VIEW)
        proposal: MatchProposal | None = self.get_object(request, object_id)
        if proposal is None:
            return self.redirect_missing(request, object_id)
        form = AnswerForm(request.POST if request.method == "POST" else None)
        view = next(iter(views_of([proposal], with_restricted=_sees_restricted(request))), None)
        effects: Effects | None = None
        if request.method == "POST":
            require(request, DECIDE)
            if view is not None and form.is_valid():
                before, after = neighbours(open_proposals(), proposal.pk)
                answer = form.cleaned_data["answer"]
                effects = self._answer(request, proposal, answer, form.cleaned_data["reason"])
                if effects is None:
                    following = after or before
                    return redirect(PAGE, following) if following else redirect(LIST)
        return self._show(request, proposal, view, form, effects)

    def _answer(
        self, request: HttpRequest, proposal: MatchProposal, answer: str, reason: str
    ) -> Effects | None:
        """Give the answer. Returns the effects of a trial, and none of what was done or refused."""
        actor = staff_actor(request)
        effects: Effects | None = None
        try:
            if answer == LATER:
                postpone_proposal(proposal, actor=actor)
            elif answer == State.DECLINED:
                answer_proposal(proposal, State.DECLINED, actor=actor, reason=reason)
            else:
                is_trial = answer == TRIAL
                tried = answer_with_effects(
                    proposal,
                    State.ACCEPTED if is_trial else State(answer),
                    actor=actor,
                    reason=reason,
                    with_restricted=_sees_restricted(request),
                    is_dry_run=is_trial,
                )
                effects = tried if is_trial else None
        except ProposalAnswered:
            messages.warning(request, gettext("Somebody has answered it, or they are one by now."))
        except DecisionConflict as conflict:
            words = gettext("Another verdict or a rule keeps them apart: %(chain)s.")
            chain = " – ".join(identifier.namespace for identifier in conflict.chain)
            messages.error(request, words % {"chain": chain})
        except DecisionError as error:
            messages.error(request, str(error))
        else:
            if effects is None:
                messages.success(request, str(SAID[answer]))
        return effects

    def _show(
        self,
        request: HttpRequest,
        proposal: MatchProposal,
        view: ProposalView | None,
        form: AnswerForm,
        effects: Effects | None,
    ) -> HttpResponse:
        before, after = neighbours(open_proposals(), proposal.pk)
        if view is not None and view.pair is not None:
            note_reads(
                persons_of(Profile.objects.filter(pk__in=view.pair)),
                StaffRead.Page.PROPOSAL,
                reader=staff_actor(request),
                is_open=mask_for(request).is_open,
            )
        return self.page(
            request,
            "admin/profiles/proposal.html",
            title=gettext("One person or two?"),
            proposal=proposal,
            view=view,
            share=_share(proposal),
            bars=list(_bars(view, mask_for(request))) if view else [],
            form=form,
            effects=effects,
            is_open=proposal.state == State.OPEN and view is not None,
            may_decide=request.user.has_perm(DECIDE),
            before=before and reverse(PAGE, args=[before]),
            after=after and reverse(PAGE, args=[after]),
            waiting=count_open_proposals(),
            most_queued=MOST_QUEUED,
        )

    @display(description=_("people"))
    def pair(self, proposal: MatchProposal) -> str:
        # Public ids, which reveal nothing.
        one, other = (f"…{side.value[-12:]}" for side in (proposal.one, proposal.other))
        return format_html("{} – {}", one, other)

    @display(description=_("probability"))
    def share(self, proposal: MatchProposal) -> str:
        return _share(proposal)

    @display(description=_("state"), label=STATES)
    def state_label(self, proposal: MatchProposal) -> tuple[str, str]:
        return proposal.state, proposal.get_state_display()


def _sees_restricted(request: HttpRequest) -> bool:
    return request.user.has_perm(SEE_RESTRICTED)


def _share(proposal: MatchProposal) -> str:
    # Never rounded to certainty.
    return f"{min(proposal.probability, 0.999):.1%}"


def _bars(view: ProposalView, mask: Mask) -> Iterator[Bar]:
    """Yield the waterfall: how rare one person is among all pairs, and what each field adds."""
    steps = list(_steps(view))
    ends = [0.0]
    for _label, weight, _values in steps:
        ends.append(ends[-1] + weight)
    low, width = min(ends), (max(ends) - min(ends)) or 1.0
    for (label, weight, (one, other)), start in zip(steps, ends, strict=False):
        yield Bar(
            label,
            _shown(one, mask),
            _shown(other, mask),
            agrees=_agreement(one, other, weight),
            bits=f"{weight:+.1f}",
            left=f"{100 * (min(start, start + weight) - low) / width:.1f}%",
            width=f"{max(100 * abs(weight) / width, 0.5):.1f}%",
            is_for=weight >= 0,
        )


def _shown(values: Sequence[str], mask: Mask) -> list[str]:
    return [text if mask.is_open else hide_text(text) for text in values]


def _steps(view: ProposalView) -> Iterator[tuple[str, float, tuple[Sequence[str], Sequence[str]]]]:
    yield gettext("Two people at random"), view.proposal.prior, ((), ())
    for step in view.steps:
        yield str(FIELDS[Field(step.field)]), step.weight, step.values


def _agreement(one: Sequence[str], other: Sequence[str], weight: float) -> str:
    if not one or not other:
        return ""
    return "same" if set(one) & set(other) else "alike" if weight > 0 else "other"
