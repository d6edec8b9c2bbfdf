"""What staff do alike with webhooks and destinations: try, pause, send again, delete.

Invariant: whatever changes a receiver, or calls it, is asked by a POST.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from profiles.admin.kit.base import Question, ReadOnlyAdmin, question_page, staff_actor
from profiles.admin.kit.unfold import display
from segments import services
from segments.activation.outcomes import Outcome
from segments.models import Webhook

VIEW, CHANGE = "segments.view_segment", "segments.change_segment"
Page = Callable[..., HttpResponse]
Words = str | Promise


class ReplayForm(forms.Form):
    """From when on is sent again."""

    since = forms.SplitDateTimeField(
        label=gettext_lazy("Since"), widget=UnfoldAdminSplitDateTimeWidget
    )


class DeleteForm(forms.Form):
    """A confirmation, by its button alone."""


class ReceiverAdmin(ReadOnlyAdmin):
    """The base of the admin of receivers, for whoever may see segments."""

    seen_with = VIEW
    list_select_related = ("purpose",)
    search_fields = ("name",)
    ordering = ("name",)
    # What is said of one that works, of a call that it took, and before it is sent to or deleted.
    working: ClassVar[Words]
    call_taken: ClassVar[Words]
    replay_warning: ClassVar[Words]
    end_warning: ClassVar[Words]

    def audit_key(self, row: Any) -> str:
        return str(row.pk)

    def changeable(self, request: HttpRequest, pk: UUID) -> Any:
        """Return the receiver. Raises PermissionDenied, and Http404 where there is none."""
        raise NotImplementedError

    def refuse_hidden(self, request: HttpRequest, receiver: Any) -> None:
        """Raise PermissionDenied where the receiver hears what the user may not see."""

    def try_out(self, receiver: Any) -> Outcome:
        """Call the receiver with what is about nobody."""
        raise NotImplementedError

    def sent_again(self, count: int) -> str:
        """Say how much is sent again."""
        raise NotImplementedError

    def own_pages(self) -> Mapping[str, Page]:
        """Return the pages that only this kind of receiver has, by the end of their addresses."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, Page] = {
            "test": self.test,
            "pause": self.pause,
            "resume": self.resume,
            "replay": self.replay,
            "end": self.end,
            **self.own_pages(),
        }
        view = self.admin_site.admin_view
        return [
            *(
                path(f"<uuid:pk>/{name}/", view(page), name=self._url_name(name))
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("condition"))
    def condition(self, receiver: Webhook) -> str:
        if receiver.paused_at is not None:
            return _("paused: %(why)s") % {"why": receiver.get_pause_reason_display()}
        return _("takes no call") if receiver.failing_since else str(self.working)

    def page_of(self, receiver: Webhook) -> str:
        return reverse(f"admin:{self._url_name('change')}", args=[receiver.pk])

    def test(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Call a receiver on POST with what is about nobody."""
        receiver = self.changeable(request, pk)
        if request.method == "POST":
            outcome = self.try_out(receiver)
            if outcome.is_taken:
                messages.success(request, str(self.call_taken))
            else:
                why = outcome.answer or outcome.fault
                messages.error(request, _("The call was not taken: %(why)s.") % {"why": why})
        return redirect(self.page_of(receiver))

    def pause(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send nothing more, asked by a POST."""
        receiver = self.changeable(request, pk)
        if request.method == "POST":
            services.pause_webhook(receiver, actor=staff_actor(request))
        return redirect(self.page_of(receiver))

    def resume(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send again, asked by a POST."""
        receiver = self.changeable(request, pk)
        if request.method == "POST":
            services.resume_webhook(receiver, actor=staff_actor(request))
        return redirect(self.page_of(receiver))

    def replay(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send again what was sent since a time."""
        receiver = self.changeable(request, pk)
        self.refuse_hidden(request, receiver)
        initial = {"since": timezone.now() - timedelta(days=1)}
        form = ReplayForm(posted(request), initial=initial)
        if form.is_valid():
            since = form.cleaned_data["since"]
            count = services.replay(receiver, since=since, actor=staff_actor(request))
            messages.success(request, self.sent_again(count))
            return redirect(self.page_of(receiver))
        question = Question(
            title=_("Send again to %(name)s") % {"name": receiver.name},
            form=form,
            submit=_("Send again"),
            back=self.page_of(receiver),
            warning=str(self.replay_warning),
        )
        return question_page(self, request, question)

    def end(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Delete a receiver once it is confirmed."""
        receiver = self.changeable(request, pk)
        form = DeleteForm(posted(request))
        if form.is_valid():
            services.delete_webhook(receiver, actor=staff_actor(request))
            return redirect(f"admin:{self._url_name('changelist')}")
        question = Question(
            title=_("Delete %(name)s") % {"name": receiver.name},
            form=form,
            submit=_("Delete"),
            back=self.page_of(receiver),
            warning=str(self.end_warning),
            is_dangerous=True,
        )
        return question_page(self, request, question)

    def _url_name(self, page: str) -> str:
        return f"segments_{self.opts.model_name}_{page}"


def posted(request: HttpRequest) -> Any:
    """Return what was posted, None where nothing was."""
    return request.POST if request.method == "POST" else None
