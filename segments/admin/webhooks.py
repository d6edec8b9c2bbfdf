"""Webhooks in the admin: which there are, what each was told, and what staff do with one.

Invariant: keys of people are masked for whoever may not see contact data, and whoever may not makes
no webhook that hears of hidden segments, or of everybody.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from consent.models import Purpose
from profiles.admin.kit.base import (
    Question,
    ReadOnlyAdmin,
    question_page,
    require,
    show_secret,
    staff_actor,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.unfold import display
from segments import services
from segments.admin.receiver_forms import DeleteForm, ReplayForm
from segments.admin.visibility import hiding_for
from segments.models import Segment, Webhook, WebhookEvent

VIEW, CHANGE = "segments.view_segment", "segments.change_segment"
PAGE = "admin:segments_webhook_change"
LIST = "admin:segments_webhook_changelist"
SHOWN = 50
OF_SEGMENTS = (WebhookEvent.SEGMENT_ENTERED, WebhookEvent.SEGMENT_EXITED)


class WebhookForm(forms.Form):
    """A receiver, what it hears of, and for what purpose."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=2000,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("It begins with https:// and names a public host."),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("What it hears of"),
        choices=WebhookEvent.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    segments = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Segments"),
        queryset=Segment.objects.filter(status=Segment.Status.LIVE).order_by("name"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    purpose = forms.ModelChoiceField(
        label=gettext_lazy("Purpose"),
        queryset=Purpose.objects.order_by("key"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("People must permit it, and the purpose of the segment."),
    )

    def __init__(
        self, request: HttpRequest, *args: Any, webhook: Webhook | None = None, **kwargs: Any
    ) -> None:
        if webhook is not None:
            kwargs["initial"] = {
                **{name: getattr(webhook, name) for name in ("name", "url", "events", "purpose")},
                "segments": services.heard_segments(webhook),
            }
        super().__init__(*args, **kwargs)
        if not request.user.has_perm(SEE_CONTACTS):
            hides = hiding_for(request)
            segments: Any = self.fields["segments"]
            hidden = [segment.pk for segment in segments.queryset if hides(segment)]
            segments.queryset = segments.queryset.exclude(pk__in=hidden)
            events: Any = self.fields["events"]
            events.choices = [each for each in WebhookEvent.choices if each[0] in OF_SEGMENTS]


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Webhooks, for whoever may see segments."""

    seen_with = VIEW
    list_display = ("name", "url", "purpose", "condition", "created_at")
    list_select_related = ("purpose",)
    search_fields = ("name",)
    ordering = ("name",)
    audit_type = "webhook"

    def audit_key(self, row: Any) -> str:
        return str(row.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages: dict[str, Callable[..., HttpResponse]] = {
            "rotate": self.rotate,
            "test": self.test,
            "pause": self.pause,
            "resume": self.resume,
            "edit": self.edit,
            "replay": self.replay,
            "end": self.end,
        }
        return [
            *(
                path(f"<uuid:pk>/{name}/", view(page), name=f"segments_webhook_{name}")
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("condition"))
    def condition(self, webhook: Webhook) -> str:
        if webhook.paused_at is not None:
            return _("paused: %(why)s") % {"why": webhook.get_pause_reason_display()}
        return _("takes no call") if webhook.failing_since else _("is called")

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a webhook, make it, and show its secret, which is in this response alone."""
        require(request, CHANGE)
        form = WebhookForm(request, request.POST if request.method == "POST" else None)
        if form.is_valid():
            fields = form.cleaned_data | {"segments": list(form.cleaned_data["segments"])}
            try:
                webhook, secret = services.create_webhook(actor=staff_actor(request), **fields)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return self._show_secret(request, webhook, secret)
        question = Question(title=_("New webhook"), form=form, submit=_("Make"), back=reverse(LIST))
        return question_page(self, request, question)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a webhook with its log."""
        webhook: Webhook = self.found_or_404(request, object_id)
        segments = services.heard_segments(webhook)
        hides = hiding_for(request)
        is_hidden = any(map(hides, segments))
        rows = webhook.deliveries.select_related("segment").order_by("-pk")
        return self.page(
            request,
            "admin/segments/webhook.html",
            title=webhook.name,
            row=webhook,
            condition=self.condition(webhook),
            segments=segments,
            events=[WebhookEvent(each).label for each in webhook.events],
            is_hidden=is_hidden,
            deliveries=[] if is_hidden else rows[:SHOWN],
            may_see=request.user.has_perm(SEE_CONTACTS),
            may_change=request.user.has_perm(CHANGE) and not is_hidden,
        )

    def rotate(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Give a webhook a new secret on POST, and show it."""
        webhook = self._changeable(request, pk)
        if request.method != "POST":
            return redirect(PAGE, pk)
        secret = services.rotate_secret(webhook, actor=staff_actor(request))
        return self._show_secret(request, webhook, secret)

    def test(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Call a webhook on POST with an event that is about nobody."""
        webhook = self._changeable(request, pk)
        if request.method == "POST":
            outcome = services.send_test(webhook)
            if outcome.is_taken:
                messages.success(request, _("The receiver took the call."))
            else:
                why = outcome.answer or outcome.fault
                messages.error(request, _("The call was not taken: %(why)s.") % {"why": why})
        return redirect(PAGE, pk)

    def pause(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Call a webhook no more, asked by a POST."""
        webhook = self._changeable(request, pk)
        if request.method == "POST":
            services.pause_webhook(webhook, actor=staff_actor(request))
        return redirect(PAGE, pk)

    def resume(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Call a webhook again, asked by a POST."""
        webhook = self._changeable(request, pk)
        if request.method == "POST":
            services.resume_webhook(webhook, actor=staff_actor(request))
        return redirect(PAGE, pk)

    def edit(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Change what a webhook hears of, for what and where."""
        webhook = self._changeable(request, pk)
        self._refuse_hidden(request, webhook)
        form = WebhookForm(request, _posted(request), webhook=webhook)
        if form.is_valid():
            changes = form.cleaned_data | {"segments": list(form.cleaned_data["segments"])}
            try:
                services.update_webhook(webhook, actor=staff_actor(request), changes=changes)
            except services.SegmentError as error:
                form.add_error(error.field, error.detail)
            else:
                return redirect(PAGE, pk)
        title = _("Change %(name)s") % {"name": webhook.name}
        back = reverse(PAGE, args=[pk])
        question = Question(title=title, form=form, submit=_("Save"), back=back)
        return question_page(self, request, question)

    def replay(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Send again what was sent since a time."""
        webhook = self._changeable(request, pk)
        self._refuse_hidden(request, webhook)
        initial = {"since": timezone.now() - timedelta(days=1)}
        form = ReplayForm(_posted(request), initial=initial)
        if form.is_valid():
            since = form.cleaned_data["since"]
            count = services.replay(webhook, since=since, actor=staff_actor(request))
            text = ngettext("%d delivery is sent again.", "%d deliveries are sent again.", count)
            messages.success(request, text % count)
            return redirect(PAGE, pk)
        return question_page(
            self,
            request,
            Question(
                title=_("Send again to %(name)s") % {"name": webhook.name},
                form=form,
                submit=_("Send again"),
                back=reverse(PAGE, args=[pk]),
                warning=_("They have the ids of then. Entries ask the gate again."),
            ),
        )

    def end(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """End a webhook once it is confirmed."""
        webhook = self._changeable(request, pk)
        form = DeleteForm(_posted(request))
        if form.is_valid():
            services.delete_webhook(webhook, actor=staff_actor(request))
            return redirect(LIST)
        warning = _("What waits is not sent any more, and the receiver is told nothing of it.")
        return question_page(
            self,
            request,
            Question(
                title=_("Delete %(name)s") % {"name": webhook.name},
                form=form,
                submit=_("Delete"),
                back=reverse(PAGE, args=[pk]),
                warning=warning,
                is_dangerous=True,
            ),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        # Destinations have pages of their own.
        rows: QuerySet[Webhook] = super().get_queryset(request)
        return rows.filter(destination=None)

    def _changeable(self, request: HttpRequest, pk: Any) -> Webhook:
        require(request, CHANGE)
        webhook: Webhook = self.found_or_404(request, str(pk))
        return webhook

    def _refuse_hidden(self, request: HttpRequest, webhook: Webhook) -> None:
        """Raise PermissionDenied where a webhook hears what the user may not see."""
        hides = hiding_for(request)
        is_of_people = not set(webhook.events) <= set(OF_SEGMENTS)
        may_see = request.user.has_perm(SEE_CONTACTS)
        if any(map(hides, services.heard_segments(webhook))) or (is_of_people and not may_see):
            raise PermissionDenied

    def _show_secret(self, request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
        return show_secret(
            self,
            request,
            title=_("Secret of %(name)s") % {"name": webhook.name},
            secret=secret,
            back=reverse(PAGE, args=[webhook.pk]),
        )


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
