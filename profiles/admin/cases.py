"""Cases in the admin: an identifier in question, who is named with it, and the answer."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.answering import LATER, TRIAL, QueueAdmin, StateFilter, sees_restricted
from profiles.admin.health import VIEW
from profiles.admin.identity import mask_identifier
from profiles.admin.kit.base import staff_actor
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.unfold import display
from profiles.admin.sides import SideRow, compare_sides
from profiles.api.decision_effects import Effects, answer_case_with_effects
from profiles.cases.answers import POSSIBLE, VERDICTS
from profiles.cases.evidence import CaseView, view_of
from profiles.cases.queue import open_cases
from profiles.models import IdentityCase, Profile, StaffRead
from profiles.services import postpone_case

Answer = IdentityCase.Answer
Kind = IdentityCase.Kind
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


@admin.register(IdentityCase)
class IdentityCaseAdmin(QueueAdmin):
    """The queue of cases."""

    seen_with = VIEW
    list_display = (
        *("masked_identifier", "kind", "refusals", "last_day", "state_label", "answer"),
        "postponed_at",
    )
    list_filter = (StateFilter, "kind")
    sortable_by = ()
    audit_type = "case"
    template = "admin/profiles/case.html"
    confirmations = CONFIRMATIONS
    answered_meanwhile = _("Somebody has answered it.")
    read_page = StaffRead.Page.CASE

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdentityCase]:
        # Not joined: on a cluster identifiers are spread, and cases are not.
        cases: QuerySet[IdentityCase] = super().get_queryset(request)
        return cases.prefetch_related("identifier")

    def queue(self) -> QuerySet[IdentityCase]:
        return open_cases()

    def view_of(self, row: IdentityCase, *, with_restricted: bool) -> CaseView | None:
        return view_of(row, with_restricted=with_restricted)

    def give(
        self, request: HttpRequest, view: CaseView, answer: str, reason: str
    ) -> Effects | None:
        if answer == LATER:
            postpone_case(view.case, actor=staff_actor(request))
            return None
        is_trial = answer == TRIAL
        given = Answer.SAME if is_trial else Answer(answer)
        effects = answer_case_with_effects(
            view.case,
            given,
            actor=staff_actor(request),
            other=view.question.identifier if given in VERDICTS and view.question else None,
            reason=reason,
            with_restricted=sees_restricted(request),
            is_dry_run=is_trial,
        )
        return effects if is_trial else None

    def people_on(self, view: CaseView) -> QuerySet[Profile]:
        """Return the holder, and the one they are compared with."""
        compared = [view.question.identifier] if view.question else []
        holders = {each.profile_id for each in (view.case.identifier, *compared)}
        return Profile.objects.filter(pk__in=[holder for holder in holders if holder])

    def content(
        self, request: HttpRequest, row: IdentityCase, view: CaseView | None
    ) -> dict[str, Any]:
        kind = Kind(row.kind)
        return {
            "title": str(TITLES[kind]),
            "explanation": EXPLANATIONS[kind],
            "identifier": mask_identifier(row, row.identifier),
            "holder": profile_link(row.identifier.profile_id, gettext("its person")),
            "counterparts": self._counterparts(row, view),
            "sides": _sides(row, view),
            "answers": _answers(view) if view else [],
            "may_join": view is not None and view.question is not None,
        }

    def _counterparts(self, case: IdentityCase, view: CaseView | None) -> list[dict[str, Any]]:
        counterparts = view.counterparts[:MOST_SHOWN] if view else ()
        return [
            {
                "row": each,
                "identifier": mask_identifier(case, each.identifier),
                "person": profile_link(each.identifier.profile_id, gettext("see the person")),
            }
            for each in counterparts
        ]

    @display(description=_("identifier"))
    def masked_identifier(self, case: IdentityCase) -> str:
        return mask_identifier(case, case.identifier)

    @display(description=_("state"), label=STATES)
    def state_label(self, case: IdentityCase) -> tuple[str, str]:
        return case.state, case.get_state_display()


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
