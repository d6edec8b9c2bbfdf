"""Pages of a queue that staff answer one after another: cases, proposals.

Each has its own page, which shows what speaks in it, tries what joining would do, and takes one
answer. After an answer the next one of the queue is there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from profiles.admin.decisions import DECIDE, SEE_RESTRICTED
from profiles.admin.kit.base import MaskedAdmin, require, staff_actor
from profiles.admin.kit.masks import mask_for
from profiles.api.decision_effects import Effects
from profiles.lib.queues import MOST_QUEUED, count_waiting, neighbours
from profiles.models import Profile, StaffRead
from profiles.services import (
    CaseAnswered,
    CaseFault,
    DecisionConflict,
    DecisionError,
    ProposalAnswered,
    note_reads,
    persons_of,
)

# What a page takes beside the answers of its rows.
TRIAL, LATER = "try", "later"


class AnswerForm(forms.Form):
    """What to do about a row, and why."""

    answer = forms.ChoiceField()
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=2000, widget=UnfoldAdminTextInputWidget()
    )


class StateFilter(admin.SimpleListFilter):
    """Which rows of a queue are listed: those that wait, unless somebody asks for others."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = model_admin.model._meta.get_field("state").choices
        return [*((value, str(label)) for value, label in states), ("all", gettext("all"))]

    def value(self) -> str:
        return super().value() or "open"

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        # Without the first, Django's own way to leave the filter out.
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(state=self.value())


class QueueAdmin(MaskedAdmin):
    """The base of queues whose rows are answered on their own pages."""

    list_before_template = "admin/profiles/queue.html"
    nothing = _("Nothing waits for an answer.")
    template: ClassVar[str]
    # What is said once an answer is given, `LATER` among them, and where somebody was faster.
    confirmations: ClassVar[Mapping[str, str | Promise]]
    answered_meanwhile: ClassVar[str | Promise]
    read_page: ClassVar[StaffRead.Page]

    def audit_key(self, row: Any) -> str:
        return str(row.uuid)

    def queue(self) -> QuerySet[Any]:
        """Return the rows that wait, in the order in which they are answered."""
        raise NotImplementedError

    def view_of(self, row: Any, *, with_restricted: bool) -> Any:
        """Return a row with what speaks in it, or None where it is not shown."""
        raise NotImplementedError

    def give(self, request: HttpRequest, view: Any, answer: str, reason: str) -> Effects | None:
        """Give an answer. Returns the effects of a trial, and none of what is done."""
        raise NotImplementedError

    def people_on(self, view: Any) -> QuerySet[Profile]:
        """Return whose data the page shows."""
        raise NotImplementedError

    def content(self, request: HttpRequest, row: Any, view: Any) -> dict[str, Any]:
        """Return what the template needs beside the frame: a `title` and `answers` at least."""
        raise NotImplementedError

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List the rows that wait, with the way to the first of them."""
        first = self.queue().values_list("pk", flat=True).first()
        context = {
            "waiting": count_waiting(self.queue()),
            "most_queued": MOST_QUEUED,
            "first": self._page_of(first),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show what speaks in a row, and take an answer."""
        require(request, self.seen_with)
        row = self.get_object(request, object_id)
        if row is None:
            return self.redirect_missing(request, object_id)
        form = AnswerForm(request.POST if request.method == "POST" else None)
        choice: Any = form.fields["answer"]
        choice.choices = [(value, value) for value in (*self.confirmations, TRIAL)]
        view = self.view_of(row, with_restricted=sees_restricted(request))
        effects: Effects | None = None
        if request.method == "POST":
            require(request, DECIDE)
            if view is not None and form.is_valid():
                before, after = neighbours(self.queue(), row.pk)
                effects = self._answer(request, view, **form.cleaned_data)
                if effects is None:
                    following = after or before
                    return redirect(self._page_of(following) or self._url("changelist"))
        return self._show(request, row, view, form, effects)

    def _answer(self, request: HttpRequest, view: Any, answer: str, reason: str) -> Effects | None:
        """Give the answer. Returns the effects of a trial, and none of what was done or refused."""
        effects: Effects | None = None
        try:
            effects = self.give(request, view, answer, reason)
        except (CaseAnswered, ProposalAnswered):
            messages.warning(request, str(self.answered_meanwhile))
        except DecisionConflict as conflict:
            words = gettext("Another verdict or a rule keeps them apart: %(chain)s.")
            chain = " – ".join(identifier.namespace for identifier in conflict.chain)
            messages.error(request, words % {"chain": chain})
        except (CaseFault, DecisionError) as error:
            messages.error(request, str(error))
        else:
            if effects is None:
                messages.success(request, str(self.confirmations[answer]))
        return effects

    def _show(
        self,
        request: HttpRequest,
        row: Any,
        view: Any,
        form: AnswerForm,
        effects: Effects | None,
    ) -> HttpResponse:
        before, after = neighbours(self.queue(), row.pk)
        if view is not None:
            note_reads(
                persons_of(self.people_on(view)),
                self.read_page,
                reader=staff_actor(request),
                is_open=mask_for(request).is_open,
            )
        return self.page(
            request,
            self.template,
            row=row,
            view=view,
            form=form,
            effects=effects,
            is_open=row.state == "open" and view is not None,
            may_decide=request.user.has_perm(DECIDE),
            before=self._page_of(before),
            after=self._page_of(after),
            list_url=reverse(self._url("changelist")),
            waiting=count_waiting(self.queue()),
            most_queued=MOST_QUEUED,
            **self.content(request, row, view),
        )

    def _page_of(self, pk: int | None) -> str | None:
        return reverse(self._url("change"), args=[pk]) if pk else None

    def _url(self, page: str) -> str:
        return f"admin:profiles_{self.opts.model_name}_{page}"


def sees_restricted(request: HttpRequest) -> bool:
    return request.user.has_perm(SEE_RESTRICTED)
