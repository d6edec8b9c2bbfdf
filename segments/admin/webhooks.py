"""Webhooks in the admin: which there are, what each was told, and what staff do with one.

Invariant: keys of people are masked for whoever may not see contact data, and whoever may not makes
no webhook that hears of hidden segments, or of everybody.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
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
    question_page,
    require,
    show_secret,
    staff_actor,
)
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from segments import services
from segments.activation.outcomes import Outcome
from segments.admin.receivers import CHANGE, Page, ReceiverAdmin, posted
from segments.admin.visibility import hiding_for
from segments.models import Segment, Webhook, WebhookEvent

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
class WebhookAdmin(ReceiverAdmin):
    """Webhooks, for whoever may see segments."""

    list_display = ("name", "url", "purpose", "condition", "created_at")
    audit_type = "webhook"
    working = gettext_lazy("is called")
    call_taken = gettext_lazy("The receiver took the call.")
    replay_warning = gettext_lazy("They have the ids of then. Entries ask the gate again.")
    end_warning = gettext_lazy(
        "What waits is not sent any more, and the receiver is told nothing of it."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    def own_pages(self) -> Mapping[str, Page]:
        return {"rotate": self.rotate, "edit": self.edit}

    def try_out(self, receiver: Webhook) -> Outcome:
        return services.send_test(receiver)

    def sent_again(self, count: int) -> str:
        words = ngettext("%d delivery is sent again.", "%d deliveries are sent again.", count)
        return words % count

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

    def rotate(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Give a webhook a new secret on POST, and show it."""
        webhook = self.changeable(request, pk)
        if request.method != "POST":
            return redirect(PAGE, pk)
        secret = services.rotate_secret(webhook, actor=staff_actor(request))
        return self._show_secret(request, webhook, secret)

    def edit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Change what a webhook hears of, for what and where."""
        webhook = self.changeable(request, pk)
        self.refuse_hidden(request, webhook)
        form = WebhookForm(request, posted(request), webhook=webhook)
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        # Destinations have pages of their own.
        rows: QuerySet[Webhook] = super().get_queryset(request)
        return rows.filter(destination=None)

    def changeable(self, request: HttpRequest, pk: UUID) -> Webhook:
        require(request, CHANGE)
        webhook: Webhook = self.found_or_404(request, str(pk))
        return webhook

    def refuse_hidden(self, request: HttpRequest, receiver: Webhook) -> None:
        """Raise PermissionDenied where a webhook hears what the user may not see."""
        hides = hiding_for(request)
        is_of_people = not set(receiver.events) <= set(OF_SEGMENTS)
        may_see = request.user.has_perm(SEE_CONTACTS)
        if any(map(hides, services.heard_segments(receiver))) or (is_of_people and not may_see):
            raise PermissionDenied

    def _show_secret(self, request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
        return show_secret(
            self,
            request,
            title=_("Secret of %(name)s") % {"name": webhook.name},
            secret=secret,
            back=reverse(PAGE, args=[webhook.pk]),
        )
