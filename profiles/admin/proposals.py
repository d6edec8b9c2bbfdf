"""Match proposals in the admin: two people side by side, what speaks for one person, the answer."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.answering import LATER, TRIAL, QueueAdmin, StateFilter, sees_restricted
from profiles.admin.decisions import VIEW
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.formatting import percent
from profiles.admin.kit.masks import Mask, hide_text, mask_for
from profiles.admin.kit.unfold import display
from profiles.api.decision_effects import Effects, answer_with_effects
from profiles.matching.fields import Field
from profiles.matching.queue import open_proposals
from profiles.matching.views import ProposalView, views_of
from profiles.models import MatchModel, MatchProposal, Profile, StaffRead
from profiles.services import answer_proposal, postpone_proposal

State = MatchProposal.State
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
# The label and the key of each answer on the page.
ANSWERS = {
    State.ACCEPTED: (_("One person"), "m"),
    State.DECLINED: (_("Two people"), "n"),
    State.RELATED: (_("One household"), "r"),
}
CONFIRMATIONS = {
    State.ACCEPTED: _("They are one person now. Under Verdicts it can be undone."),
    State.RELATED: _("They stay two people of one household."),
    State.DECLINED: _("They are not proposed again."),
    LATER: _("It comes last now."),
}


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
class MatchProposalAdmin(QueueAdmin):
    """The queue of proposals."""

    seen_with = VIEW
    list_display = ("pair", "share", "state_label", "scored_at", "postponed_at", "answered_at")
    list_filter = (StateFilter,)
    sortable_by = ()
    audit_type = "proposal"
    template = "admin/profiles/proposal.html"
    confirmations = CONFIRMATIONS
    answered_meanwhile = _("Somebody has answered it, or they are one by now.")
    read_page = StaffRead.Page.PROPOSAL

    def get_queryset(self, request: HttpRequest) -> QuerySet[MatchProposal]:
        # Not joined: on a cluster identifiers are spread, and proposals are not.
        proposals: QuerySet[MatchProposal] = super().get_queryset(request)
        return proposals.prefetch_related("one", "other")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List the proposals, with what they were learnt of, or why there can be none."""
        model = MatchModel.objects.first()
        context = {"is_compared": True, "model": model}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def queue(self) -> QuerySet[MatchProposal]:
        return open_proposals()

    def view_of(self, row: MatchProposal, *, with_restricted: bool) -> ProposalView | None:
        return next(iter(views_of([row], with_restricted=with_restricted)), None)

    def give(
        self, request: HttpRequest, view: ProposalView, answer: str, reason: str
    ) -> Effects | None:
        actor, proposal = staff_actor(request), view.proposal
        if answer == LATER:
            postpone_proposal(proposal, actor=actor)
            return None
        if answer == State.DECLINED:
            answer_proposal(proposal, State.DECLINED, actor=actor, reason=reason)
            return None
        is_trial = answer == TRIAL
        effects = answer_with_effects(
            proposal,
            State.ACCEPTED if is_trial else State(answer),
            actor=actor,
            reason=reason,
            with_restricted=sees_restricted(request),
            is_dry_run=is_trial,
        )
        return effects if is_trial else None

    def people_on(self, view: ProposalView) -> QuerySet[Profile]:
        return Profile.objects.filter(pk__in=view.pair or ())

    def content(
        self, request: HttpRequest, row: MatchProposal, view: ProposalView | None
    ) -> dict[str, Any]:
        return {
            "title": gettext("One person or two?"),
            "share": _share(row),
            "bars": list(_bars(view, mask_for(request))) if view else [],
            "may_join": True,
            "answers": [(state.value, str(label), key) for state, (label, key) in ANSWERS.items()],
        }

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


def _share(proposal: MatchProposal) -> str:
    # Never rounded to certainty.
    return percent(min(proposal.probability, 0.999), places=1)


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
            _masked(one, mask),
            _masked(other, mask),
            agrees=_agreement(one, other, weight),
            bits=f"{'+' if weight >= 0 else '−'}{number_format(abs(weight), decimal_pos=1)}",
            left=f"{100 * (min(start, start + weight) - low) / width:.1f}%",
            width=f"{max(100 * abs(weight) / width, 0.5):.1f}%",
            is_for=weight >= 0,
        )


def _masked(values: Sequence[str], mask: Mask) -> list[str]:
    return [text if mask.is_open else hide_text(text) for text in values]


def _steps(view: ProposalView) -> Iterator[tuple[str, float, tuple[Sequence[str], Sequence[str]]]]:
    yield gettext("Two people at random"), view.proposal.prior, ((), ())
    for step in view.steps:
        yield str(FIELDS[Field(step.field)]), step.weight, step.values


def _agreement(one: Sequence[str], other: Sequence[str], weight: float) -> str:
    if not one or not other:
        return ""
    return "same" if set(one) & set(other) else "alike" if weight > 0 else "other"
